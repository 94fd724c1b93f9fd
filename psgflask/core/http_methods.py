"""HTTP methods, by what a request of them may do."""

# They change nothing, and a body with them means nothing (RFC 9110, 9.2.1 and 9.3).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
