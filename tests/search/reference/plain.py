"""The plain engine: Whoosh's postings evaluated in Python, the reference for any faster one."""

import threading

from psgflask.search.engine.protocol import IndexUnavailable, SearchOptions, SearchResults
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.index.store import Store
from psgflask.search.query.clauses import Query
from tests.search.reference.fallbacks import Searcher
from tests.search.reference.segments import Segment
from tests.search.reference.snapshot import Snapshot


class PlainEngine:
    """Runs queries over the newest state of the index in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._token: object = None
        self._snapshot: Snapshot | None = None
        self._segments: dict[str, Segment] = {}
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot; the one before is freed when no search reads it.

        Raises IndexUnavailable.
        """
        try:
            token = self._store.generation_token()
            with self._lock:
                if self._snapshot is None or token != self._token:
                    self._snapshot = Snapshot(self._store.open_reader(), self._segments)
                    self._token = token
                return self._snapshot
        except IndexBroken as broken:
            raise IndexUnavailable(str(broken)) from broken

    def search(self, query: Query, options: SearchOptions) -> SearchResults:
        """Answer a query: the first step that finds anything. Raises IndexUnavailable."""
        return Searcher(self.snapshot(), query, options).search()
