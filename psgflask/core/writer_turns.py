"""SQLite's write lock, taken in turn by the connections of a process (decision 28)."""

import os
import random
import sqlite3
import threading
import time
import weakref

from psgflask.core import failures
from psgflask.core.fair_semaphore import FairSemaphore

# Between two tries of a writer for the lock, in seconds.
BETWEEN_TRIES = (0.001, 0.01)
# Never set: `time.sleep` raises EINVAL under libfaketime, with which clocks that jump are tested.
_pause = threading.Event()


class Turns:
    """The turns of the writers of one pool: first come, first served."""

    def __init__(self) -> None:
        self.queue = FairSemaphore(1)
        _all_turns.add(self)


_all_turns: "weakref.WeakSet[Turns]" = weakref.WeakSet()


def _begin_anew() -> None:
    """Forget who writes: after a fork that is a thread of the parent, which ends no turn here."""
    for turns in _all_turns:
        turns.queue = FairSemaphore(1)


os.register_at_fork(after_in_child=_begin_anew)


class WriterConnection(sqlite3.Connection):
    """A connection that writes when its turn comes.

    SQLite has no queue: whoever finds it locked sleeps, longer each time, and others overtake it.
    """

    _queue: FairSemaphore | None = None

    def wait_for_turn(self, turns: Turns, timeout: float) -> None:
        """Wait until no other connection of this process writes. Raises QueueFull after seconds."""
        queue = turns.queue
        queue.acquire(timeout)
        self._queue = queue

    def end_turn(self) -> None:
        """Let the next one write."""
        if self._queue is not None:
            self._queue.release()
            self._queue = None

    def commit(self) -> None:
        """Commit; if that fails the transaction stays open, and is rolled back later."""
        super().commit()
        self.end_turn()

    def rollback(self) -> None:
        """Roll back."""
        super().rollback()
        self.end_turn()

    def close(self) -> None:
        """Close, which rolls back."""
        try:
            super().close()
        finally:
            self.end_turn()


def begins_immediately(driver: sqlite3.Connection, deadline: float) -> bool:
    """Take the write lock, which another process may hold; say whether it was got in time.

    SQLite's own waiting tries again every 100 ms, and can miss each gap between the transactions
    of a busy process for seconds.
    """
    driver.execute("PRAGMA busy_timeout=0")
    while time.monotonic() < deadline:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if not failures.is_busy(error):
                return False
        else:
            return True
        _pause.wait(random.uniform(*BETWEEN_TRIES))  # noqa: S311  # no secret
    return False
