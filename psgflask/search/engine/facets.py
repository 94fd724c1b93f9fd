"""Facets: how many of the documents found are on each topic, in each language and of each year."""

import numpy as np

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.matching import Matcher, within
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs

Counts = tuple[dict[int, int], dict[str, int], dict[int, int]]


def of(snapshot: Snapshot, matcher: Matcher, found: Docs, chosen: Docs) -> Counts:
    """Return the counts by topic id, language and year, each within all filters but its own.

    `chosen` are those of the documents found that every filter lets through.
    """
    topics, language, dates = matcher.filters
    codes = snapshot.codes

    def without(own: object, *others: np.ndarray | None) -> Docs:
        return chosen if own is None else within(found, *others)

    return (
        codes.topics.counts(codes.topic_set.take(without(topics, language, dates))),
        _by_language(snapshot, without(language, topics, dates)),
        codes.years.counts(codes.span.take(without(dates, topics, language))),
    )


def _by_language(snapshot: Snapshot, docs: Docs) -> dict[str, int]:
    second = int(np.count_nonzero(snapshot.language.take(docs)))
    counts = zip(LANGUAGES, (len(docs) - second, second), strict=True)
    return {language: number for language, number in counts if number}
