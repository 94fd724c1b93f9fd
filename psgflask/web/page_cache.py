"""Finished pages in memory, by address: bounded in bytes, and each for its time."""

import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

# Letters of an address whose page is kept; no page of ours has a longer one.
LONGEST_KEY = 600
# Bytes of a kept page beside its texts: the objects that hold them.
OVERHEAD = 1_500


@dataclass(frozen=True)
class Entry:
    """A finished page: how it was made, when, and until when it holds."""

    stamp: int
    since: datetime
    until: datetime
    content_type: str
    etag: str
    headers: tuple[tuple[str, str], ...]
    bodies: dict[str, bytes]  # by content coding, "identity" always among them
    note: object = None  # what the view noted of the page, for those who count answers

    def size(self, key: str) -> int:
        """Return the bytes that a page takes in memory with its address, about."""
        texts = [key, self.content_type, self.etag, *self.bodies.values()]
        texts += [text for header in self.headers for text in header]
        return sum(map(sys.getsizeof, texts)) + sys.getsizeof(self.note) + OVERHEAD


class PageCache:
    """Finished pages by address, bounded in bytes, least recently used out first."""

    def __init__(self, megabytes: int) -> None:
        self.limit = megabytes * 1_000_000
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.bytes = 0
        self.lock = threading.Lock()
        self.stamp = -1  # the newest state of the content that is known of

    def get(self, key: str, stamp: int, now: datetime) -> Entry | None:
        """Return the page of an address if it still holds."""
        with self.lock:
            self.stamp = stamp
            entry = self.entries.get(key)
            if entry is None or entry.stamp != stamp:
                return None
            # One made after now was made while the clock was ahead.
            if not entry.since <= now < entry.until:
                return None
            self.entries.move_to_end(key)
            return entry

    def last_known(self, key: str, now: datetime) -> Entry | None:
        """Return the page of an address, though it be old, if the content has not changed since.

        As far as is known here: what was asked of the database last counts.
        """
        with self.lock:
            entry = self.entries.get(key)
            right = entry is not None and entry.stamp == self.stamp and entry.since <= now
            return entry if right else None

    def knows(self, key: str) -> bool:
        """Say whether the page of an address is or was kept, though it may hold no more."""
        return key in self.entries

    def put(self, key: str, entry: Entry) -> None:
        """Keep a page; one that fills a quarter of the cache by itself is not kept."""
        if entry.size(key) * 4 > self.limit or len(key) > LONGEST_KEY:
            return
        with self.lock:
            self._forget(key)
            self.entries[key] = entry
            self.bytes += entry.size(key)
            while self.bytes > self.limit:
                self._forget(next(iter(self.entries)))

    def _forget(self, key: str) -> None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size(key)
