"""What is likely to be needed again, as much of it as may lie in memory."""

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")
_NOTHING = object()
# Bytes of an entry beside its key and what it holds: its place in a dictionary that grows.
ENTRY = 200


class Kept:
    """Things by their key, each with its `size` in bytes; what was not used lately is let go.

    Keys count too: of words that nobody wrote there is little to keep but the words themselves.
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
                self.size += _size(key, made)
                self._make_room()
            return made

    def _make_room(self) -> None:
        while self.size > self.most:
            if not self._old:
                self._old, self._young = self._young, {}
            oldest = next(iter(self._old))
            self.size -= _size(oldest, self._old.pop(oldest))


def _size(key: Any, made: Any) -> int:
    if hasattr(made, "nbytes"):
        size = made.nbytes + 120
    else:
        size = sys.getsizeof(made) if isinstance(made, str) else getattr(made, "size", 1_000)
    return ENTRY + _bytes(key) + int(size)


def _bytes(key: Any) -> int:
    """Return what a key takes in memory: a text, a number, or several of these together."""
    size = sys.getsizeof(key)
    if isinstance(key, tuple | frozenset):
        return size + sum(map(_bytes, key))
    parts = getattr(type(key), "__slots__", ())
    return size + sum(_bytes(getattr(key, part)) for part in parts)
