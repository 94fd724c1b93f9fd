"""What searches are likely to need again, as much of it as may lie in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

# Bytes that are kept of the postings last used.
MOST_KEPT = 64_000_000

Made = TypeVar("Made")


class Kept:
    """Things by their key, each with a `size` in bytes; the least used are let go."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keys(self) -> list[tuple[Any, ...]]:
        """Return all keys, the least used first."""
        return list(self._kept)

    def get(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """Return what was made under a key before, or make it."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                found: Made = kept[0]
                return found
            made = make()
            size: int = getattr(made, "size", 1_000)
            self._kept[key] = made, size
            self.size += size
            while self.size > MOST_KEPT and len(self._kept) > 1:
                self.size -= self._kept.popitem(last=False)[1][1]
            return made
