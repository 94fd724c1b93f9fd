"""The index on disk: what it holds of an article, how it is written, and how it is read."""

from psgflask.search.index.documents import Document, content_hash
from psgflask.search.index.generations import IndexBroken, NewerSchema, OtherSchema
from psgflask.search.index.store import Store
from psgflask.search.index.texts import MARKS, Text, prepared

__all__ = [
    "MARKS",
    "Document",
    "IndexBroken",
    "NewerSchema",
    "OtherSchema",
    "Store",
    "Text",
    "content_hash",
    "prepared",
]
