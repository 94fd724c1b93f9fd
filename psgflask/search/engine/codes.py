"""The codes that facets count by: each document's set of topics, its years with its language."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.segments import Segment

FEW = 16  # documents that are quicker counted one by one

Value = TypeVar("Value", bound=Hashable)
Ints = NDArray[np.int64]


class Sets:
    """Sets of numbers (topics, or years), of which each document has one."""

    def __init__(self, sets: Sequence[Sequence[int]]) -> None:
        self._sets = sets
        sizes = np.array([len(each) for each in sets], np.int64)
        members = np.array([number for each in sets for number in each], np.int64)
        numbers, self._member = np.unique(members, return_inverse=True)
        self._numbers: list[int] = numbers.tolist()
        # Which set holds which number, pair by pair.
        self._holder = np.arange(len(sets)).repeat(sizes)
        # The same as a row for each set, filled up with a number that is none.
        self._width = int(sizes.max(initial=1))
        self._rows = np.full((len(sets), self._width), len(numbers))
        place = np.arange(len(members)) - (sizes.cumsum() - sizes).repeat(sizes)
        self._rows[self._holder, place] = self._member

    def counts(self, codes: Ints) -> dict[int, int]:
        """Return number -> how many of the documents with these sets have it."""
        if len(codes) < FEW:
            few: dict[int, int] = {}
            for code in codes.tolist():
                for number in self._sets[code]:
                    few[number] = few.get(number, 0) + 1
            return few
        if len(codes) * self._width < len(self._holder):
            found = np.bincount(self._rows.take(codes, 0).ravel(), minlength=len(self._numbers))
        else:  # each set once, with how many documents have it
            times = np.bincount(codes, minlength=len(self._sets)).take(self._holder)
            # Weights are 64-bit floats, which hold numbers of documents exactly.
            found = np.bincount(self._member, times, len(self._numbers)).astype(np.int64)
        # What rows are filled up with comes last, and has no number.
        return {number: n for number, n in zip(self._numbers, found.tolist(), strict=False) if n}


class Codes:
    """A number for each set of topics that some document has, and for each span of years.

    `topic_set` and `span` hold a number for each document; `topics` and `years` count by them.
    `topic_sets` says which topics the numbers of the first stand for.
    """

    def __init__(self, segments: list[Segment]) -> None:
        sets: dict[tuple[int, ...], int] = {}
        spans: dict[int, int] = {}
        set_codes, span_codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for segment in segments:
            own = segment.columns
            set_codes.append(_numbered(segment.topic_sets, sets)[own.topic_set])
            span_codes.append(_numbered(own.spans.tolist(), spans)[own.span])
        self.topic_set: Ints = np.concatenate(set_codes)
        self.span: Ints = np.concatenate(span_codes)
        self.topic_sets = list(sets)
        self.topics = Sets(self.topic_sets)
        self.years = Sets([_years(span) for span in spans])


def _years(span: int) -> Sequence[int]:
    """Return the years of a span as a segment's columns have it: none of an undated one."""
    first = span >> 32
    return range(first, (span >> 1 & 0x7FFFFFFF) + 1) if first else ()


def _numbered(values: list[Value], known: dict[Value, int]) -> Ints:
    """Return the number of each value; new ones get the next."""
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
