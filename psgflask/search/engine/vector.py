"""The engine: Whoosh's postings evaluated as arrays."""

import threading

import numpy as np

from psgflask.search.engine.protocol import Answer, Ask, IndexUnusable
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.steps import Evaluation
from psgflask.search.index import IndexBroken, Store
from psgflask.search.query import Query

TRIES = 10
# What files that were damaged under an open state make of what reads them.
TORN = (IndexBroken, OSError, IndexError, ValueError)


class VectorEngine:
    """Answers over the newest state of the index in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._token: object = None
        self._snapshot: Snapshot | None = None
        self._segments: dict[str, Segment] = {}
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the newest state; the one before is let go when nobody reads it.

        Raises IndexUnusable.
        """
        token = self._store_token()
        with self._lock:
            # A commit may take away the segments that are being opened: then look again.
            for attempts_left in reversed(range(TRIES)):
                if self._snapshot is not None and token == self._token:
                    break
                try:
                    self._snapshot = self._read()
                    self._token = token
                except (IndexBroken, OSError) as broken:
                    before, token = token, self._store_token()
                    if token == before or not attempts_left:
                        raise IndexUnusable(str(broken)) from broken
            assert self._snapshot is not None  # noqa: S101  # the loop ends with one, or raises
            return self._snapshot

    def search(self, query: Query, ask: Ask) -> Answer:
        """Answer a query: the first step that finds anything. Raises IndexUnusable."""
        for attempts_left in (1, 0):
            snapshot = self.snapshot()
            try:
                return Evaluation(snapshot, query, ask).answer()
            except (IndexUnusable, *TORN) as broken:
                # What is derived is made anew when the state is read again; what is not, is not.
                self._forget(snapshot)
                if not attempts_left:
                    raise IndexUnusable(f"The index cannot be read: {broken!r}") from broken
        raise AssertionError  # the last attempt returns or raises

    def complete(self, prefix: str, most: int) -> list[str]:
        """Return the folded words that begin so, those in most documents. Raises IndexUnusable."""
        snapshot = self.snapshot()
        return snapshot.commonest(snapshot.beginning(prefix), most)

    def _forget(self, snapshot: Snapshot) -> None:
        with self._lock:
            if self._snapshot is snapshot:
                self._snapshot, self._segments = None, {}

    def _store_token(self) -> object:
        try:
            return self._store.generation_token()
        except IndexBroken as broken:
            raise IndexUnusable(str(broken)) from broken

    def _read(self) -> Snapshot:
        """Open what is new of the newest state; segments known already are kept."""
        folder = self._store.generation()
        reader = self._store.open_reader()
        try:
            parts = []
            for leaf, _base in reader.leaf_readers():
                if leaf.doc_count_all():
                    name = leaf.segment().segment_id()
                    known = self._segments.get(name)
                    segment = known or Segment(leaf, folder)
                    dead = np.array(sorted(leaf.segment().deleted_docs()), np.int64)
                    parts.append((segment, dead))
        finally:
            reader.close()
        self._segments = {segment.name: segment for segment, _dead in parts}
        return Snapshot(parts)
