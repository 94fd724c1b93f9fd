"""An LRU cache bounded by the bytes that its keys and values take in memory."""

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")
_MISSING = object()
# Bytes of an entry beside its key and value: its place in a dictionary that grows.
ENTRY = 200


class LRUCache:
    """Values by key, each with its `size` in bytes; the least recently used are evicted.

    Keys count too: of words that nobody wrote there is little to cache but the words themselves.
    At most `max_size` bytes are held, in two generations. What is used of the older one moves to
    the younger; when space is needed, what has been longest in the older one is evicted, and once
    that is empty, the younger takes its place. So a hit in the younger one takes one look-up in a
    dictionary, and no lock.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._lock = threading.RLock()
        self._young: dict[Any, Any] = {}
        self._old: dict[Any, Any] = {}
        self.size = 0  # bytes, approximately

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def peek(self, key: Any) -> Any:
        """Return the value of a key that was used recently, None for any other."""
        return self._young.get(key)

    def get(self, key: Any) -> Any:
        """Return the value of a key, None when it is not cached; that counts as no use."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def get_or_create(self, key: Any, create: Callable[[], Value]) -> Value:
        """Return the value of a key, created and cached if need be."""
        with self._lock:
            value: Any = self._young.get(key, _MISSING)
            if value is not _MISSING:
                return value  # type: ignore[no-any-return]  # what `create` returned before
            value = self._old.pop(key, _MISSING)
            if value is not _MISSING:
                self._young[key] = value
                return value  # type: ignore[no-any-return]  # likewise
            value = create()
            if key not in self._young:  # `create` may have cached this very key
                self._young[key] = value
                self.size += _entry_size(key, value)
                self._evict()
            return value  # type: ignore[no-any-return]  # likewise

    def _evict(self) -> None:
        while self.size > self.max_size:
            if not self._old:
                self._old, self._young = self._young, {}
            oldest = next(iter(self._old))
            self.size -= _entry_size(oldest, self._old.pop(oldest))


def _entry_size(key: Any, value: Any) -> int:
    if hasattr(value, "nbytes"):
        size = value.nbytes + 120
    else:
        size = sys.getsizeof(value) if isinstance(value, str) else getattr(value, "size", 1_000)
    return ENTRY + _key_size(key) + int(size)


def _key_size(key: Any) -> int:
    """Return the bytes of a key: a text, a number, or several of these together."""
    size = sys.getsizeof(key)
    if isinstance(key, tuple | frozenset):
        return size + sum(map(_key_size, key))
    slots = getattr(type(key), "__slots__", ())
    return size + sum(_key_size(getattr(key, slot)) for slot in slots)
