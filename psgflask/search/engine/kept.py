"""What searches are likely to need again, as much of it as may lie in memory."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

# Bytes that are kept of the postings last used.
MOST_KEPT = 64_000_000

Made = TypeVar("Made")
_NOTHING = object()


class Kept:
    """Things by their key, each with a `size` in bytes; what was not used lately is let go.

    There are two generations. What is used is put into the younger one; when that has grown to
    half of what may be kept, the older one is let go and the younger takes its place. So finding
    something again takes a look into a dictionary, and no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._young: dict[Any, Any] = {}
        self._old: dict[Any, Any] = {}
        self._young_size = self._old_size = 0

    def __len__(self) -> int:
        return len(self.keys())

    @property
    def size(self) -> int:
        """Bytes, about."""
        return self._young_size + self._old_size

    def keys(self) -> list[Any]:
        """Return all keys."""
        return list({**self._old, **self._young})

    def peek(self, key: Any) -> Any:
        """Return what was made under a key and used of late, None otherwise."""
        return self._young.get(key)

    def get(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return what was made under a key before, or make it."""
        with self._lock:
            found: Any = self._young.get(key, _NOTHING)
            if found is _NOTHING:
                found = self._old.get(key, _NOTHING)
            made: Made = make() if found is _NOTHING else found
            self._put(key, made)
            return made

    def _put(self, key: Any, made: Any) -> None:
        if key in self._young:  # made on the way to this very thing
            return
        size: int = getattr(made, "size", 1_000)
        if self._young_size + size > MOST_KEPT // 2:
            self._old, self._old_size = self._young, self._young_size
            self._young, self._young_size = {}, 0
        self._young[key] = made
        self._young_size += size
