"""An article as the index stores it, and the hash by which a change is noticed."""

import hashlib
from dataclasses import dataclass
from datetime import date

# Grows with every change of what is indexed or how: an index of another version is built anew.
SCHEMA_VERSION = 4
# Earlier versions whose files lie as they do now: search goes on in such an index meanwhile.
STILL_READ = frozenset({3})

SIDES = ("title", "body")


@dataclass(frozen=True)
class Document:
    """An article as readers may find it now; `body` is plain text."""

    id: int
    language: str
    title: str
    body: str
    topics: tuple[int, ...]
    issue: int | None
    dated_from: date | None
    dated_to: date | None
    order_date: date


def content_hash(document: Document) -> str:
    """Return what differs when anything in a document does, or the way it is indexed."""
    said = repr((SCHEMA_VERSION, *vars(document).values()))
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
