"""What searches are likely to need again, as much of it as may lie in memory."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")
_NOTHING = object()


class Kept:
    """Things by their key, each with its `size` in bytes; what was not used lately is let go.

    At most `most` bytes are kept, in two generations. What is used of the older one moves to the
    younger; when room is needed, what has been longest in the older one is let go, and once nothing
    is left in it, the younger takes its place. So finding something again takes a look into a
    dictionary, and no lock.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.RLock()
        self._young: dict[Any, Any] = {}
        self._old: dict[Any, Any] = {}
        self.size = 0  # bytes, about

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def keys(self) -> list[Any]:
        """Return all keys."""
        return [*self._old, *self._young]

    def peek(self, key: Any) -> Any:
        """Return what was made under a key and used of late, None otherwise."""
        return self._young.get(key)

    def find(self, key: Any) -> Any:
        """Return what was made under a key, None when that is not kept any more."""
        found = self._young.get(key)
        return self._old.get(key) if found is None else found

    def get(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return what was made under a key before, or make it."""
        with self._lock:
            found: Any = self._young.get(key, _NOTHING)
            if found is not _NOTHING:
                return found  # type: ignore[no-any-return]  # what was made by `make`
            found = self._old.pop(key, _NOTHING)
            if found is not _NOTHING:
                self._young[key] = found
                return found  # type: ignore[no-any-return]  # likewise
            made = make()
            if key not in self._young:  # made on the way to this very thing
                self._young[key] = made
                self.size += _size(made)
                self._make_room()
            return made

    def _make_room(self) -> None:
        while self.size > self.most:
            if not self._old:
                self._old, self._young = self._young, {}
            self.size -= _size(self._old.pop(next(iter(self._old))))


def _size(made: Any) -> int:
    size: int = made.nbytes if hasattr(made, "nbytes") else getattr(made, "size", 1_000)
    return size
