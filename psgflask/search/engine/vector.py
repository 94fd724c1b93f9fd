"""The engine: Whoosh's postings evaluated as arrays."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

import numpy as np

from psgflask.search.engine.fallbacks import Evaluation
from psgflask.search.engine.protocol import Answer, Ask, IndexUnusable
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index import IndexBroken, OtherSchema, Store
from psgflask.search.query import Query

TRIES = 10
# Seconds that a search waits for a new state while it can still be answered from the one before.
PATIENCE = 0.1
# Seconds for which nobody looks again whether there is a new state.
LOOK_AGAIN = 0.05
# What files that were damaged under an open state make of what reads them.
TORN = (IndexBroken, OSError, IndexError, ValueError, OverflowError, MemoryError)


class VectorEngine:
    """Answers over the newest state of the index in a store.

    A new state is built in a thread of its own and put in the place of the one before, so that
    no search stalls while the index changes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot: Snapshot | None = None
        self._token: object = None
        self._renewal: Future[Snapshot] | None = None
        self._segments: dict[str, Segment] = {}
        self._doubted = False  # whether files are to be read through before they are trusted
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="index")

    def snapshot(self) -> Snapshot:
        """Return the newest state; the one before is let go when nobody reads it.

        Raises IndexUnusable.
        """
        now = monotonic()
        before = self._snapshot
        if before is not None and now - self._looked_at < LOOK_AGAIN:
            return before
        token = self._store_token()
        self._looked_at = now
        with self._lock:
            before = self._snapshot
            if before is not None and token == self._token:
                return before
            if self._renewal is None:
                self._renewal = self._builder.submit(self._renewed)
            renewal = self._renewal
        try:
            return renewal.result(PATIENCE if before is not None else None)
        except TimeoutError:
            assert before is not None  # noqa: S101  # without one there is no limit of time
            return before
        except IndexUnusable as unusable:
            # Newer code has built an index of its own: this process goes on with what it has open.
            if before is not None and isinstance(unusable.__cause__, OtherSchema):
                return before
            raise

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
                self._snapshot, self._segments, self._doubted = None, {}, True

    def _store_token(self) -> object:
        try:
            return self._store.generation_token()
        except IndexBroken as broken:
            raise IndexUnusable(str(broken)) from broken

    def _renewed(self) -> Snapshot:
        try:
            token, snapshot = self._newest()
            with self._lock:
                self._token, self._snapshot = token, snapshot
            return snapshot
        finally:
            with self._lock:
                self._renewal = None

    def _newest(self) -> tuple[object, Snapshot]:
        """Read the newest state; again if a commit takes away the segments that are being read."""
        token = self._store_token()
        for attempts_left in reversed(range(TRIES)):
            try:
                return self._read()
            except (IndexBroken, OSError) as broken:
                before, token = token, self._store_token()
                if token == before or not attempts_left:
                    raise IndexUnusable(str(broken)) from broken
        raise AssertionError  # the last attempt returns or raises

    def _read(self) -> tuple[object, Snapshot]:
        """Open what is new of the newest state; segments known already are kept."""
        store = self._store
        if self._doubted:
            store.verify_anew()
            self._doubted = False
        state = store.state()
        known = self._segments
        segments = {
            name: known.get(name) or Segment(name, store.columns_of(state, name), state.folder)
            for name in state.segments
        }
        dead = [np.array(deleted, np.int64) for deleted in state.segments.values()]
        snapshot = Snapshot(list(zip(segments.values(), dead, strict=True)))
        snapshot.warm()
        self._segments = segments
        return state.token, snapshot
