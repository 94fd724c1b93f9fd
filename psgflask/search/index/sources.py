"""A segment as a source of postings, for merging it with others."""

from typing import Any

import numpy as np

from psgflask.search.index import codec
from psgflask.search.index.codec import WIDTH
from psgflask.search.index.forward import pread
from psgflask.search.index.merging import Postings
from psgflask.search.index.ragged import ragged


class SegmentField:
    """A field of a segment, as `merging` asks for it."""

    def __init__(self, reader: Any, name: str) -> None:
        self._terms, infos = codec.terms_of(reader, name)
        self._file = reader._terms._postfile.fileno()
        self._at = infos["at"].astype(np.int64)
        self._numbers = infos["bytes"].astype(np.int64) // WIDTH
        self.documents = infos["documents"].astype(np.int64)
        # All numbers but one for each document are frequencies and places, or there are none.
        self.times = np.maximum(self._numbers - 2 * self.documents, 0)

    def terms(self, begin: int, end: int) -> list[bytes]:
        """Return some terms."""
        return self._terms[begin:end]

    def postings(self, begin: int, end: int) -> Postings:
        """Return the postings of some terms, which lie in their order. Raises IndexBroken."""
        if begin == end:
            empty = np.zeros(0, np.uint32)
            return empty, empty, empty
        numbers, documents = self._numbers[begin:end], self.documents[begin:end]
        region = pread(self._file, int(numbers.sum()) * WIDTH, int(self._at[begin]))
        starts = np.cumsum(numbers) - numbers
        at = ragged(starts, documents)
        if not self.times[begin:end].any():
            return region[at], region[:0], region[:0]
        places = ragged(starts + 2 * documents, self.times[begin:end])
        return region[at], region[at + np.repeat(documents, documents)], region[places]
