"""A semaphore whose permits go to whoever has waited longest."""

import threading
from collections import deque


class QueueFull(Exception):  # a state, not an error
    """The queue is full, or the wait in it was too long."""


class FairSemaphore:
    """So many permits, and a queue for them: first come, first served."""

    def __init__(self, permits: int, max_queue: int | None = None) -> None:
        """At most `max_queue` wait at once; any number where it is None."""
        self.max_queue = max_queue
        self._lock = threading.Lock()
        self._free = permits
        self._queue: deque[threading.Event] = deque()

    def acquire(self, timeout: float) -> bool:
        """Take a permit within `timeout` seconds, and say whether that took waiting.

        Raises QueueFull.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return False
            if self.max_queue is not None and len(self._queue) >= self.max_queue:
                raise QueueFull
            turn = threading.Event()
            self._queue.append(turn)
        if not turn.wait(timeout):
            with self._lock:
                if not turn.is_set():  # else a permit was handed over just now
                    self._queue.remove(turn)
                    raise QueueFull
        return True

    def release(self) -> None:
        """Hand the permit to the head of the queue, so that nobody is overtaken."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1
