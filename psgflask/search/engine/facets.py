"""Facets: how many of the documents found are on each topic, in each language and of each year."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from psgflask.search.engine.matching import Matcher, within
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs

FEW = 64  # of which counting one by one is quicker

Counts = tuple[dict[int, int], dict[str, int], dict[int, int]]


def of(snapshot: Snapshot, matcher: Matcher, found: Docs, chosen: Docs) -> Counts:
    """Return the counts by topic id, language and year, each within all filters but its own.

    `chosen` are those of the documents found that every filter lets through.
    """
    topics, language, dates = matcher.filters

    def without(own: object, *others: np.ndarray | None) -> Docs:
        return chosen if own is None else within(found, *others)

    languages, years = _by_span(snapshot, without(language, topics, dates))
    if language is not None or dates is not None:
        _languages, years = _by_span(snapshot, without(dates, topics, language))
    return _by_topic(snapshot, without(topics, language, dates)), languages, years


def _by_topic(snapshot: Snapshot, docs: Docs) -> dict[int, int]:
    if len(docs) < FEW:
        few: dict[int, int] = {}
        for place in snapshot.codes.topic_set.take(docs).tolist():
            for topic in snapshot.codes.topic_sets[place]:
                few[topic] = few.get(topic, 0) + 1
        return few
    counted = np.bincount(
        snapshot.codes.topic_set.take(docs), minlength=len(snapshot.codes.topic_sets)
    )
    sets, members = snapshot.codes.members
    topics = np.bincount(members, weights=counted[sets], minlength=len(snapshot.codes.topics))
    found = np.flatnonzero(topics)
    numbers = topics[found].astype(np.int64).tolist()
    return dict(zip(snapshot.codes.topics[found].tolist(), numbers, strict=True))


def _by_span(snapshot: Snapshot, docs: Docs) -> tuple[dict[str, int], dict[int, int]]:
    spans = snapshot.codes.span.take(docs)
    languages: dict[str, int] = {}
    years: dict[int, int] = {}
    if len(docs) < FEW:
        counted: Iterable[tuple[int, int]] = Counter(spans.tolist()).items()
    else:
        counts = np.bincount(spans).tolist()
        counted = [(place, number) for place, number in enumerate(counts) if number]
    for place, number in counted:
        first, last, language = snapshot.codes.spans[place]
        languages[language] = languages.get(language, 0) + number
        if first:
            for year in range(first, last + 1):
                years[year] = years.get(year, 0) + number
    return languages, years
