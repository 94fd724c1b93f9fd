"""The codes that facets count by: each document's set of topics, its years with its language."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search.engine.segments import Segment

UNIX = 719_163  # date(1970, 1, 1).toordinal()

Ints = NDArray[np.int64]


class Codes:
    """A number for each set of topics that some document has, and for each span of years.

    `topic_set` and `span` hold a number for each document; `topic_sets` and `spans` say what the
    numbers stand for: topic ids; first year, last year and language (year 0: undated).
    """

    def __init__(self, segments: list[Segment], first: Ints, last: Ints, language: Ints) -> None:
        sets: dict[tuple[int, ...], int] = {}
        codes = [np.zeros(0, np.int64)]
        for segment in segments:
            own = segment.columns
            flat, starts = own.sets.tolist(), own.set_starts.tolist()
            named = [tuple(flat[a:b]) for a, b in pairwise(starts)]
            table = np.array([sets.setdefault(each, len(sets)) for each in named], np.int64)
            codes.append(table[own.topic_set])
        self.topic_set: Ints = np.concatenate(codes)
        self.topic_sets = list(sets)
        sizes = np.array([len(each) for each in self.topic_sets], np.int64)
        members = np.array([topic for each in self.topic_sets for topic in each], np.int64)
        self.topics, place = np.unique(members, return_inverse=True)
        # Which set holds which of `topics`, pair by pair.
        self.members = np.arange(len(sizes)).repeat(sizes), place
        spans = (_years(first) << 32) | (_years(last) << 1) | language
        values, self.span = np.unique(spans, return_inverse=True)
        self.spans = [
            (value >> 32, value >> 1 & 0x7FFFFFFF, LANGUAGES[value & 1])
            for value in values.tolist()
        ]


def _years(days: Ints) -> Ints:
    """Return the year of each day, 0 for none."""
    years = (days - UNIX).astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970
    return np.where(days > 0, years, 0)
