"""Drift: where the index and the database differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psgflask.search.index import Document, IndexBroken, Store, content_hash


@dataclass(frozen=True)
class Drift:
    """Where index and database differ, as article ids."""

    missing: frozenset[int]
    stale: frozenset[int]
    superfluous: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.ids)

    @property
    def ids(self) -> frozenset[int]:
        """All that differ."""
        return self.missing | self.stale | self.superfluous


def between(found: Iterable[Document], there: Mapping[int, str]) -> Drift:
    """Compare what should be in the index with what is: id -> content hash."""
    wanted = {document.id: content_hash(document) for document in found}
    return Drift(
        missing=frozenset(wanted.keys() - there.keys()),
        stale=frozenset(n for n in wanted.keys() & there.keys() if wanted[n] != there[n]),
        superfluous=frozenset(there.keys() - wanted.keys()),
    )


def hashes_of(index: Store) -> dict[int, str]:
    """Return what is in the index, id -> content hash; nothing where it cannot be read."""
    try:
        return index.hashes()
    except IndexBroken:
        return {}
