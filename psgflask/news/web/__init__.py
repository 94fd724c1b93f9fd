"""The news' pages and feeds."""
