"""The plain engine: Whoosh's postings evaluated in Python, the reference for any faster one."""

import threading
from collections.abc import Callable
from typing import Any

from psgflask.search.engine.protocol import Answer, Ask
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.steps import Evaluation
from psgflask.search.query import Query


class PlainEngine:
    """Answers over the newest state of the index.

    `token` tells cheaply which state that is; `reader` opens it, and raises IndexUnusable.
    """

    def __init__(self, token: Callable[[], object], reader: Callable[[], Any]) -> None:
        self._token_now = token
        self._open = reader
        self._token: object = None
        self._snapshot: Snapshot | None = None
        self._segments: dict[str, Segment] = {}
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the newest state; the one before is let go when nobody reads it."""
        token = self._token_now()
        with self._lock:
            if self._snapshot is None or token != self._token:
                self._snapshot = Snapshot(self._open(), self._segments)
                self._token = token
            return self._snapshot

    def search(self, query: Query, ask: Ask) -> Answer:
        """Answer a query: the first step that finds anything. Raises IndexUnusable."""
        return Evaluation(self.snapshot(), query, ask).answer()
