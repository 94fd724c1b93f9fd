"""`make bench-search`: the search page beside other engines, on the same articles."""
