"""Facets: how many of the documents found are on each topic, in each language and of each year."""

import numpy as np

from psgflask.search.engine.matching import Matcher, within
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs

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
    counted = np.bincount(
        snapshot.codes.topic_set.take(docs), minlength=len(snapshot.codes.topic_sets)
    )
    sets, members = snapshot.codes.members
    topics = np.bincount(members, weights=counted[sets], minlength=len(snapshot.codes.topics))
    found = np.flatnonzero(topics)
    numbers = topics[found].astype(np.int64).tolist()
    return dict(zip(snapshot.codes.topics[found].tolist(), numbers, strict=True))


def _by_span(snapshot: Snapshot, docs: Docs) -> tuple[dict[str, int], dict[int, int]]:
    counted = np.bincount(snapshot.codes.span.take(docs), minlength=len(snapshot.codes.spans))
    languages: dict[str, int] = {}
    years: dict[int, int] = {}
    for place in np.flatnonzero(counted).tolist():
        number = int(counted[place])
        first, last, language = snapshot.codes.spans[place]
        languages[language] = languages.get(language, 0) + number
        if first:
            for year in range(first, last + 1):
                years[year] = years.get(year, 0) + number
    return languages, years
