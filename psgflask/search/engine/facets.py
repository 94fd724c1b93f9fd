"""Facets: how many matching documents are on each topic, in each language and of each year."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.segments import DocIds, Mask, Segment

FEW = 16  # documents that are counted faster one by one

Value = TypeVar("Value", bound=Hashable)
Ints = NDArray[np.int64]
# By topic id, by language, by year.
FacetCounts = tuple[dict[int, int], dict[str, int], dict[int, int]]
# By topics, by language, by dates; None where a filter is not set.
Filters = tuple[Mask | None, Mask | None, Mask | None]


class ValueSets:
    """The sets of values (topics, or years) of which each document has one, by its code."""

    def __init__(self, sets: Sequence[Sequence[int]]) -> None:
        self._sets = sets
        sizes = np.array([len(each) for each in sets], np.int64)
        members = np.array([value for each in sets for value in each], np.int64)
        values, self._member = np.unique(members, return_inverse=True)
        self._values: list[int] = values.tolist()
        # The code of the set that holds each member.
        self._holder = np.arange(len(sets)).repeat(sizes)
        # The same as a row for each set, padded with an ordinal that has no value.
        self._width = int(sizes.max(initial=1))
        self._rows = np.full((len(sets), self._width), len(values))
        place = np.arange(len(members)) - (sizes.cumsum() - sizes).repeat(sizes)
        self._rows[self._holder, place] = self._member

    def count(self, codes: Ints) -> dict[int, int]:
        """Return value -> how many of the documents with these codes have it."""
        if len(codes) < FEW:
            few: dict[int, int] = {}
            for code in codes.tolist():
                for value in self._sets[code]:
                    few[value] = few.get(value, 0) + 1
            return few
        if len(codes) * self._width < len(self._holder):
            found = np.bincount(self._rows.take(codes, 0).ravel(), minlength=len(self._values))
        else:  # each set once, times the number of documents that have it
            times = np.bincount(codes, minlength=len(self._sets)).take(self._holder)
            # Weights are 64-bit floats, which hold numbers of documents exactly.
            found = np.bincount(self._member, times, len(self._values)).astype(np.int64)
        # The padding comes last, and has no value.
        return {value: n for value, n in zip(self._values, found.tolist(), strict=False) if n}


class FacetColumns:
    """The columns that facets count by: each document's topic set, its years, its language.

    `topic_set` and `span` hold a code for each document; `topic_sets` are the sets of the former.
    """

    def __init__(self, segments: list[Segment], language: Ints) -> None:
        sets: dict[tuple[int, ...], int] = {}
        spans: dict[int, int] = {}
        set_codes, span_codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for segment in segments:
            columns = segment.columns
            set_codes.append(_codes(segment.topic_sets, sets)[columns.topic_set])
            span_codes.append(_codes(columns.spans.tolist(), spans)[columns.span])
        self.topic_set: Ints = np.concatenate(set_codes)
        self.span: Ints = np.concatenate(span_codes)
        self.topic_sets = list(sets)
        self._language = language
        self._topics = ValueSets(self.topic_sets)
        self._years = ValueSets([_years(span) for span in spans])

    def count(self, matched: DocIds, filtered: DocIds, filters: Filters) -> FacetCounts:
        """Return the counts by topic id, language and year, each within all filters but its own.

        `filtered` are those of the matched documents that pass every filter.
        """
        topics, language, dates = filters

        def without(own: Mask | None, *others: Mask | None) -> DocIds:
            return filtered if own is None else apply_filters(matched, *others)

        return (
            self._topics.count(self.topic_set.take(without(topics, language, dates))),
            self._by_language(without(language, topics, dates)),
            self._years.count(self.span.take(without(dates, topics, language))),
        )

    def _by_language(self, docs: DocIds) -> dict[str, int]:
        second = int(np.count_nonzero(self._language.take(docs)))
        counts = zip(LANGUAGES, (len(docs) - second, second), strict=True)
        return {language: number for language, number in counts if number}


def apply_filters(docs: DocIds, *filters: Mask | None) -> DocIds:
    """Return the documents that pass all filters."""
    for each in filters:
        if each is not None:
            docs = docs[each[docs]]
    return docs


def _years(span: int) -> Sequence[int]:
    """Return the years of a span as a segment's columns have it, none for an undated document."""
    first = span >> 32
    return range(first, (span >> 1 & 0x7FFFFFFF) + 1) if first else ()


def _codes(values: list[Value], known: dict[Value, int]) -> Ints:
    """Return the code of each value; a new one gets the next."""
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
