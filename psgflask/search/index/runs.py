"""Sorted runs: documents inverted and ready to be merged, in memory or in a file."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import packed_arrays
from psgflask.search.index.inverting import Arrays, Ints
from psgflask.search.index.merging import PostingArrays
from psgflask.search.index.packed_arrays import Stored


def write(file: Path, arrays: Arrays) -> None:
    """Write a run."""
    file.write_bytes(packed_arrays.pack(arrays))


class SortedRun:
    """A run whose arrays are read as they are needed; the caller closes it."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.count = len(stored.part("text_ends")) // 2  # documents; each has two texts

    @classmethod
    def in_memory(cls, arrays: Arrays) -> "SortedRun":
        """Return a run of arrays in memory."""
        return cls(packed_arrays.InMemory(arrays))

    @classmethod
    def open(cls, file: Path) -> "SortedRun":
        """Open a run that was just written here. Raises OSError, ValueError."""
        return cls(packed_arrays.InFile(file))

    def close(self) -> None:
        """Close the file."""
        self._stored.close()

    def stored(self) -> list[dict[str, Any]]:
        """Return the stored fields of each document."""
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
    """A field of a run, as `merging` reads it."""

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

    def postings(self, begin: int, end: int) -> PostingArrays:
        """Return the postings of some terms."""
        first, last = int(self._postings[begin]), int(self._postings[end])
        numbers = self._part("numbers", first, last)
        if not self._places[-1]:
            return numbers, self._part("counts", 0, 0), self._part("places", 0, 0)
        places = self._part("places", int(self._places[begin]), int(self._places[end]))
        return numbers, self._part("counts", first, last), places

    def _part(self, label: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        return self._stored.part(f"{self._name}.{label}", begin, end)
