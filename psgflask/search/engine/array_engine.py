"""The engine: queries run over postings as arrays, on the newest state of the index."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

import numpy as np

from psgflask.search.engine.fallbacks import Searcher
from psgflask.search.engine.protocol import IndexUnavailable, SearchOptions, SearchResults
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index.protocol import IndexBroken, OtherSchema
from psgflask.search.index.store import Store
from psgflask.search.query.clauses import Query

TRIES = 10
# Seconds that a search waits for a new snapshot while the one before can still answer it.
REFRESH_TIMEOUT = 0.1
# Seconds between two looks for a new state of the index.
REFRESH_INTERVAL = 0.05
# What reading files that were damaged under an open snapshot raises.
TORN = (IndexBroken, OSError, IndexError, ValueError, OverflowError, MemoryError)


class ArrayEngine:
    """Runs queries over the newest snapshot of the index in a store.

    A new snapshot is built in a background thread and then replaces the one before, so that no
    search stalls while the index changes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot: Snapshot | None = None
        self._token: object = None
        self._refresh: Future[Snapshot] | None = None
        self._segments: dict[str, Segment] = {}
        self._doubted = False  # whether files are verified again before they are trusted
        self._lock = threading.Lock()
        self._checked_at = 0.0
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="index")

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot; the one before is freed when no search reads it.

        Raises IndexUnavailable.
        """
        now = monotonic()
        before = self._snapshot
        if before is not None and now - self._checked_at < REFRESH_INTERVAL:
            return before
        token = self._store_token()
        self._checked_at = now
        with self._lock:
            before = self._snapshot
            if before is not None and token == self._token:
                return before
            if self._refresh is None:
                self._refresh = self._builder.submit(self._refreshed)
            refresh = self._refresh
        try:
            return refresh.result(REFRESH_TIMEOUT if before is not None else None)
        except TimeoutError:
            assert before is not None  # noqa: S101  # without one there is no timeout
            return before
        except IndexUnavailable as unavailable:
            # Newer code has built an index of its own: this process goes on with what it has open.
            if before is not None and isinstance(unavailable.__cause__, OtherSchema):
                return before
            raise

    def search(self, query: Query, options: SearchOptions) -> SearchResults:
        """Run a query, relaxed until something matches. Raises IndexUnavailable."""
        for attempts_left in (1, 0):
            snapshot = self.snapshot()
            try:
                return Searcher(snapshot, query, options).search()
            except (IndexUnavailable, *TORN) as broken:
                # Reading the state again rebuilds derived files, but not the others.
                self._discard(snapshot)
                if not attempts_left:
                    raise IndexUnavailable(f"The index cannot be read: {broken!r}") from broken
        raise AssertionError  # the last attempt returns or raises

    def complete(self, prefix: str, limit: int) -> list[str]:
        """Return the folded words with a prefix, in most documents. Raises IndexUnavailable."""
        snapshot = self.snapshot()
        return snapshot.most_frequent(snapshot.words_with_prefix(prefix), limit)

    def _discard(self, snapshot: Snapshot) -> None:
        with self._lock:
            if self._snapshot is snapshot:
                self._snapshot, self._segments, self._doubted = None, {}, True

    def _store_token(self) -> object:
        try:
            return self._store.generation_token()
        except IndexBroken as broken:
            raise IndexUnavailable(str(broken)) from broken

    def _refreshed(self) -> Snapshot:
        try:
            token, snapshot = self._newest()
            with self._lock:
                self._token, self._snapshot = token, snapshot
            return snapshot
        finally:
            with self._lock:
                self._refresh = None

    def _newest(self) -> tuple[object, Snapshot]:
        """Read the newest state; again if a commit deletes the segments that are being read."""
        token = self._store_token()
        for attempts_left in reversed(range(TRIES)):
            try:
                return self._read()
            except (IndexBroken, OSError) as broken:
                before, token = token, self._store_token()
                if token == before or not attempts_left:
                    raise IndexUnavailable(str(broken)) from broken
        raise AssertionError  # the last attempt returns or raises

    def _read(self) -> tuple[object, Snapshot]:
        """Open the newest state; segments that are open already are reused."""
        store = self._store
        if self._doubted:
            store.verify_anew()
            self._doubted = False
        state = store.state()
        opened = self._segments
        segments = {
            name: opened.get(name) or Segment(name, store.columns_of(state, name), state.folder)
            for name in state.segments
        }
        deleted = [np.array(docs, np.int64) for docs in state.segments.values()]
        snapshot = Snapshot(list(zip(segments.values(), deleted, strict=True)))
        snapshot.warm()
        self._segments = segments
        return state.token, snapshot
