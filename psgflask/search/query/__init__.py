"""The query language: what a reader types becomes a query; nothing that is typed is an error."""
