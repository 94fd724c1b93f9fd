"""Search pages, suggestions, feeds and JSON."""
