"""Runs: documents made ready for a segment, in memory or in a file that is made once for all.

A file that was written whole says so by its sum, and by which code made it: so what a rebuild had
done before it was killed is used again.
"""

import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.durable import atomic_write
from psgflask.search.index import packed
from psgflask.search.index.documents import SCHEMA_VERSION
from psgflask.search.index.inverting import Arrays, Ints
from psgflask.search.index.merging import Postings
from psgflask.search.index.packed import Stored

# Grows with every change of how a run lies in its file.
VERSION = 1
MAKE = "make"
HASH = 32  # letters


def write(file: Path, arrays: Arrays) -> None:
    """Write a run; it is there whole or not at all."""
    atomic_write(file, packed.pack({MAKE: np.array([VERSION, SCHEMA_VERSION]), **arrays}))


class Run:
    """A run, read as far as it is asked for; whoever opened it closes it."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.ids: list[int] = stored.part("ids").tolist()
        letters = stored.part("hashes").tobytes().decode("ascii")
        self.hashes = [letters[at : at + HASH] for at in range(0, len(letters), HASH)]

    @classmethod
    def of(cls, arrays: Arrays) -> "Run":
        """Return a run that lies in memory."""
        return cls(packed.InMemory(arrays))

    @classmethod
    def open(cls, file: Path) -> "Run":
        """Open a run that was just written here. Raises OSError, ValueError."""
        return cls(packed.InFile(file))

    @classmethod
    def found(cls, file: Path) -> "Run | None":
        """Open a run of before, or of a program; None unless it is whole and of our make."""
        with suppress(OSError, ValueError, KeyError):
            stored = packed.InFile(file)
            with suppress(OSError, ValueError, KeyError):
                if stored.is_sound() and stored.part(MAKE).tolist() == [VERSION, SCHEMA_VERSION]:
                    return cls(stored)
            stored.close()
        return None

    def close(self) -> None:
        """Let the file go."""
        self._stored.close()

    def stored(self) -> list[dict[str, Any]]:
        """Return what is stored of each document."""
        found: list[dict[str, Any]] = pickle.loads(self._stored.part("stored").data)  # noqa: S301  # ours
        return found

    def texts(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the two texts of each document, as they lie in a file of texts."""
        blob = self._stored.part("texts").tobytes()
        ends = self._stored.part("text_ends").tolist()
        for at in range(0, len(ends) - 1, 2):
            begin, middle, end = ends[at : at + 3]
            yield blob[begin:middle], blob[middle:end]

    def field(self, name: str) -> "RunField":
        """Return the terms of a field."""
        return RunField(self._stored, name)


class RunField:
    """A field of a run, as `merging` asks for it."""

    def __init__(self, stored: Stored, name: str) -> None:
        self._stored, self._name = stored, name
        self.ends: Ints = self._part("ends").astype(np.int64)
        self.documents: Ints = self._part("documents").astype(np.int64)
        self.times: Ints = self._part("times").astype(np.int64)
        self._postings = np.concatenate(([0], np.cumsum(self.documents)))
        self._places = np.concatenate(([0], np.cumsum(self.times)))

    def terms(self, begin: int, end: int) -> list[bytes]:
        """Return some terms."""
        first = int(self.ends[begin - 1]) if begin else 0
        return self._part("terms", first, int(self.ends[end - 1])).tobytes().split(b"\n")[:-1]

    def postings(self, begin: int, end: int) -> Postings:
        """Return the postings of some terms."""
        first, last = int(self._postings[begin]), int(self._postings[end])
        numbers = self._part("numbers", first, last)
        if not self._places[-1]:
            return numbers, self._part("counts", 0, 0), self._part("places", 0, 0)
        places = self._part("places", int(self._places[begin]), int(self._places[end]))
        return numbers, self._part("counts", first, last), places

    def _part(self, label: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        return self._stored.part(f"{self._name}.{label}", begin, end)
