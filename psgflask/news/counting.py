"""How many articles each year, month and topic has, cached by content stamp."""

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeVar

from flask import Flask, current_app
from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.core.database import db
from psgflask.news import catalogue, related
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import UNDATED
from psgflask.news.models import Article, Topic, article_topics

T = TypeVar("T")
NEVER = datetime.min.replace(tzinfo=UTC)
_counting = threading.RLock()


@dataclass
class _CountCache:
    """Counts of one content stamp, valid until the next scheduled article comes out."""

    stamp: int
    since: datetime
    until: datetime
    values: dict[tuple[object, ...], object] = field(default_factory=dict)


def init_app(app: Flask) -> None:
    """Start with an empty cache."""
    app.extensions["psg_counts"] = _CountCache(-1, NEVER, NEVER)


def by_year(scope: Scope) -> Counter[int]:
    """Return how many articles of a scope each year has; a range counts once in each year."""
    return _cached(year_counts, scope).copy()


def by_month(scope: Scope) -> Counter[tuple[int, int]]:
    """Return how many articles of a scope each (year, month) has; a range counts in each."""
    return _cached(month_counts, scope).copy()


def month_at(scope: Scope, position: int) -> tuple[int, int] | None:
    """Return the (year, month) of the article at a position in the list, counted from 0.

    By its last day, as lists are ordered; None beyond the dated articles. A binary search, so no
    position costs more than the first.
    """
    months, totals = _cached(_running_totals, scope)
    index = bisect_right(totals, position)
    return months[index] if index < len(months) else None


def by_topic(scope: Scope) -> list[tuple[Topic, int]]:
    """Return the topics that have articles in a scope and how many each has."""
    counts = _cached(topic_counts, scope)
    topics = db.session.scalars(select(Topic).where(Topic.id.in_(counts)).order_by(Topic.slug))
    return [(topic, counts[topic.id]) for topic in topics]


def topic_weights(scope: Scope) -> dict[int, float]:
    """Return the weight of each topic for related articles, by the topic's id."""
    return _cached(related.topic_weights, scope)


def year_counts(session: Session, scope: Scope) -> Counter[int]:
    """Count the articles of a scope by year; see by_year."""
    counts: Counter[int] = Counter()
    for start, end, number in _spans(session, scope):
        for year in range(start[0], end[0] + 1):
            counts[year] += number
    return counts


def month_counts(session: Session, scope: Scope) -> Counter[tuple[int, int]]:
    """Count the articles of a scope by (year, month); see by_month."""
    counts: Counter[tuple[int, int]] = Counter()
    for start, end, number in _spans(session, scope):
        year, month = start
        while (year, month) <= end:
            counts[year, month] += number
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return counts


def _running_totals(session: Session, scope: Scope) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the months, newest first, and the articles in each month and all later ones."""
    counts: Counter[tuple[int, int]] = Counter()
    for _start, end, number in _spans(session, scope):
        counts[end] += number
    months = sorted(counts, reverse=True)
    return months, list(accumulate(counts[month] for month in months))


def _spans(session: Session, scope: Scope) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
    """Return (first month, last month, how many articles have this dateline)."""
    parts = [
        extract(part, column)
        for column in (Article.dated_from, Article.dated_to)
        for part in ("year", "month")
    ]
    rows = session.execute(
        select(*parts, func.count())
        .where(*catalogue.conditions(scope), Article.precision != UNDATED)
        .group_by(*parts)
    )
    return [((int(row[0]), int(row[1])), (int(row[2]), int(row[3])), int(row[4])) for row in rows]


def topic_counts(session: Session, scope: Scope) -> dict[int, int]:
    """Count the articles of a scope by topic id; see by_topic."""
    counted = (
        catalogue.subjects(scope.now)
        .with_only_columns(article_topics.c.topic_id, func.count(Article.id.distinct()))
        .where(*catalogue.conditions(scope))
        .group_by(article_topics.c.topic_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}


def _cached(count: Callable[[Session, Scope], T], scope: Scope) -> T:
    session = db.session()
    stamp = content_stamp.stamp_seen_by(session)
    key = (count, scope.language, scope.kinds, scope.topic_id)
    cache: _CountCache = current_app.extensions["psg_counts"]
    if not (_is_valid(cache, stamp, scope) and key in cache.values):
        # One thread counts: after a change every page needs the same numbers.
        with _counting:
            cache = current_app.extensions["psg_counts"]
            if not _is_valid(cache, stamp, scope):
                until = catalogue.next_due(session, scope.now) or datetime.max.replace(tzinfo=UTC)
                cache = current_app.extensions["psg_counts"] = _CountCache(stamp, scope.now, until)
            if key not in cache.values:
                cache.values[key] = count(session, scope)
    value: T = cache.values[key]  # type: ignore[assignment]  # the key names the function
    return value


def _is_valid(cache: _CountCache, stamp: int, scope: Scope) -> bool:
    # Entries newer than now were counted while the clock was ahead.
    return cache.stamp == stamp and cache.since <= scope.now < cache.until
