"""The engine: which articles a query finds, in what order, and how many of each kind."""

from psgflask.search.engine.protocol import Answer, Ask, Engine, IndexUnusable, Step

__all__ = ["Answer", "Ask", "Engine", "IndexUnusable", "Step"]
