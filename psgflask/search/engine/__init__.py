"""The engine: which articles match a query, in what order, and how many by each facet."""
