"""A segment of the index: its columns, and its postings as arrays."""

import os
import weakref
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from sys import getsizeof
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.fuzzy_lexicon import Neighbours
from psgflask.search.engine.terms import OBJECTS
from psgflask.search.index.codec import WIDTH
from psgflask.search.index.columns import EXACT, FORWARD, Columns, Lexicon, Run
from psgflask.search.index.forward import PAIR, pread
from psgflask.search.index.generations import IndexBroken
from psgflask.search.index.texts import Text, Texts

Numbers = NDArray[np.int32]


# Bytes of texts that are kept once shown, 2,500 articles or so.
MOST_SHOWN = 10_000_000


class Postings:
    """Where a term stands in one segment: documents ascending, and their places in the text."""

    __slots__ = ("documents", "ends", "places", "times")

    def __init__(self, packed: NDArray[np.uint32], count: int) -> None:
        """Take postings apart. Raises IndexBroken."""
        numbers = packed.view(np.int32)
        self.documents: Numbers = numbers[:count]
        self.times: Numbers = numbers[count : 2 * count]
        self.places: Numbers = numbers[2 * count :]
        self.ends = np.cumsum(self.times, dtype=np.int64)
        if count and self.ends[-1] != len(self.places):
            raise IndexBroken("The postings are not as they were written")

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECTS + 16 * len(self.documents) + 4 * len(self.places)


class Segment:
    """One segment. It never changes, but that documents are deleted from it."""

    def __init__(self, name: str, found: Columns, folder: Path) -> None:
        """Open it with its columns. Raises OSError."""
        self.name = name
        self.columns = found
        self.count = len(found.ids)
        self._postings = os.open(folder / f"{name}.pst", os.O_RDONLY)
        weakref.finalize(self, os.close, self._postings)
        self._forward = os.open(folder / f"{name}{FORWARD}", os.O_RDONLY)
        weakref.finalize(self, os.close, self._forward)
        self._texts = Texts(folder, name)
        weakref.finalize(self, self._texts.close)
        self._ends = {kind: lexicon.ends.data for kind, lexicon in found.lexicons.items()}
        self._numbers: dict[tuple[str, str], Numbers] = {}
        self._shown: dict[int, Text] = {}
        self._shown_size = 0  # bytes

    @property
    def lexicons(self) -> dict[str, Lexicon]:
        """The terms of each kind."""
        return self.columns.lexicons

    @cached_property
    def neighbours(self) -> Neighbours:
        """The words of the segment by likeness."""
        return Neighbours(self.lexicons[EXACT], self.columns.likeness)

    @cached_property
    def topic_sets(self) -> list[tuple[int, ...]]:
        """The sets of topics that documents of the segment have."""
        flat, starts = self.columns.sets.tolist(), self.columns.set_starts.tolist()
        return [tuple(flat[begin:end]) for begin, end in pairwise(starts)]

    def find(self, kind: str, term: bytes) -> int:
        """Return the place of a term in its lexicon, -1 when it is not there."""
        place = self.first_from(kind, term)
        ends, blob = self._ends[kind], self.lexicons[kind].blob
        if place < len(ends) - 1 and blob[ends[place] : ends[place + 1]] == term:
            return place
        return -1

    def first_from(self, kind: str, term: bytes) -> int:
        """Return the place of the first term that is not before this one."""
        ends, blob = self._ends[kind], self.lexicons[kind].blob
        low, high = 0, len(ends) - 1
        while low < high:
            middle = (low + high) // 2
            if blob[ends[middle] : ends[middle + 1]] < term:
                low = middle + 1
            else:
                high = middle
        return low

    def term(self, kind: str, place: int) -> bytes:
        """Return the term at a place."""
        ends = self._ends[kind]
        return self.lexicons[kind].blob[ends[place] : ends[place + 1]]

    def places_in(self, other: "Segment", kind: str) -> Numbers:
        """Return the place in another segment's lexicon of each term of this one; -1: not there."""
        if (other.name, kind) not in self._numbers:
            texts = (self.term(kind, place) for place in range(len(self.lexicons[kind].n)))
            found = np.array([other.find(kind, text) for text in texts], np.int32)
            # The other one is the largest segment, which seldom changes.
            self._numbers = {
                key: kept for key, kept in self._numbers.items() if key[0] == other.name
            }
            self._numbers[other.name, kind] = found
        return self._numbers[other.name, kind]

    def frequencies(self, run: Run, place: int) -> tuple[Numbers, Numbers]:
        """Return documents and frequencies of a term on one side. Raises IndexBroken."""
        count = int(run.documents[place])
        found = pread(self._postings, 2 * WIDTH * count, int(run.at[place])).view(np.int32)
        return found[:count], found[count:]

    def postings(self, run: Run, place: int) -> Postings:
        """Return all that is known of a term on one side. Raises IndexBroken."""
        count = int(run.documents[place])
        length = WIDTH * (2 * count + int(run.times[place]))
        return Postings(pread(self._postings, length, int(run.at[place])), count)

    def text(self, document: int) -> Text:
        """Return the text of a document, its title apart. Raises IndexBroken."""
        text = self._shown.get(document)
        if text is None:
            text = self._texts.of(document)
            # A letter takes one byte, two in a text with one typographic quotation mark.
            size = getsizeof(text.shown) + getsizeof(text.padded) + 300
            if self._shown_size + size > MOST_SHOWN:
                self._shown, self._shown_size = {}, 0
            self._shown[document] = text
            self._shown_size += size
        return text

    def pairs(self, document: int) -> NDArray[Any]:
        """Return the stems of a document as pairs of term and x. Raises IndexBroken."""
        return np.frombuffer(self.packed_pairs(document), PAIR)

    def packed_pairs(self, document: int) -> bytes:
        """Return the same as it lies in the file."""
        begin, end = self.columns.starts[document : document + 2].tolist()
        length = (end - begin) * PAIR.itemsize
        packed = os.pread(self._forward, length, begin * PAIR.itemsize)
        if len(packed) != length:
            raise IndexBroken("The forward index is cut short")
        return packed
