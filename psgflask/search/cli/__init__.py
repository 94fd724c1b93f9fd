"""The commands of search and of its glossary."""
