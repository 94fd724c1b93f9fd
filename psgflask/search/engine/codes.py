"""The codes that facets count by: each document's set of topics, its years with its language."""

from collections.abc import Hashable
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search.engine.segments import Segment

Value = TypeVar("Value", bound=Hashable)
Ints = NDArray[np.int64]


class Codes:
    """A number for each set of topics that some document has, and for each span of years.

    `topic_set` and `span` hold a number for each document; `topic_sets` and `spans` say what the
    numbers stand for: topic ids; first year, last year and language (year 0: undated).
    """

    def __init__(self, segments: list[Segment]) -> None:
        sets: dict[tuple[int, ...], int] = {}
        spans: dict[int, int] = {}
        set_codes, span_codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for segment in segments:
            own = segment.columns
            flat, starts = own.sets.tolist(), own.set_starts.tolist()
            named = [tuple(flat[a:b]) for a, b in pairwise(starts)]
            set_codes.append(_numbered(named, sets)[own.topic_set])
            span_codes.append(_numbered(own.spans.tolist(), spans)[own.span])
        self.topic_set: Ints = np.concatenate(set_codes)
        self.span: Ints = np.concatenate(span_codes)
        self.topic_sets = list(sets)
        sizes = np.array([len(each) for each in self.topic_sets], np.int64)
        members = np.array([topic for each in self.topic_sets for topic in each], np.int64)
        self.topics, place = np.unique(members, return_inverse=True)
        # Which set holds which of `topics`, pair by pair.
        self.members = np.arange(len(sizes)).repeat(sizes), place
        self.spans = [
            (value >> 32, value >> 1 & 0x7FFFFFFF, LANGUAGES[value & 1]) for value in spans
        ]


def _numbered(values: list[Value], known: dict[Value, int]) -> Ints:
    """Return the number of each value; new ones get the next."""
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
