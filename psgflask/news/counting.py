"""The archive in numbers, by year, month and topic, reckoned once for each state of the content."""

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeVar

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.core.database import db
from psgflask.news import catalogue, counts, related
from psgflask.news.catalogue import Scope
from psgflask.news.models import Topic

T = TypeVar("T")
_reckoning = threading.RLock()


@dataclass
class _Reckoned:
    """What was reckoned of one state of the content, which ends with the next due article."""

    stamp: int
    since: datetime
    until: datetime
    values: dict[tuple[object, ...], object] = field(default_factory=dict)


NEVER = datetime.min.replace(tzinfo=UTC)


def init_app(app: Flask) -> None:
    """Begin with nothing reckoned."""
    app.extensions["psg_reckoned"] = _Reckoned(-1, NEVER, NEVER)


def by_year(scope: Scope) -> Counter[int]:
    """Return how many articles of a scope each year has; a range counts once in each year."""
    return _once(counts.year_counts, scope).copy()


def by_month(scope: Scope) -> Counter[tuple[int, int]]:
    """Return how many articles of a scope each (year, month) has; a range counts in each."""
    return _once(counts.month_counts, scope).copy()


def month_at(scope: Scope, position: int) -> tuple[int, int] | None:
    """Return the (year, month) of the article at a position, the newest at 0; None: undated, none.

    By its last day, as lists are ordered; looked up in sums, so no position costs more than the
    first.
    """
    months, passed = _once(_running_totals, scope)
    place = bisect_right(passed, position)
    return months[place] if place < len(months) else None


def _running_totals(session: Session, scope: Scope) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the months from the newest, and how many articles stand in each and those before."""
    ending = sorted(counts.ending_counts(session, scope).items(), reverse=True)
    return [month for month, _n in ending], list(accumulate(number for _m, number in ending))


def by_topic(scope: Scope) -> list[tuple[Topic, int]]:
    """Return the topics that have articles in a scope and how many each has."""
    numbers = _once(counts.topic_counts, scope)
    topics = db.session.scalars(select(Topic).where(Topic.id.in_(numbers)).order_by(Topic.slug))
    return [(topic, numbers[topic.id]) for topic in topics]


def weights_of_topics(scope: Scope) -> dict[int, float]:
    """Return how much each topic weighs where articles are compared, by the topic's id."""
    return _once(related.weights_of_topics, scope)


def _once(reckon: Callable[[Session, Scope], T], scope: Scope) -> T:
    session = db.session()
    stamp = content_stamp.stamp_seen_by(session)
    key = (reckon, scope.language, scope.kinds, scope.topic_id)
    kept: _Reckoned = current_app.extensions["psg_reckoned"]
    if not (_holds(kept, stamp, scope) and key in kept.values):
        # By one thread: when the content has changed, all that draw a page need the same numbers.
        with _reckoning:
            kept = current_app.extensions["psg_reckoned"]
            if not _holds(kept, stamp, scope):
                until = catalogue.next_due(session, scope.now) or datetime.max.replace(tzinfo=UTC)
                kept = current_app.extensions["psg_reckoned"] = _Reckoned(stamp, scope.now, until)
            if key not in kept.values:
                kept.values[key] = reckon(session, scope)
    found: T = kept.values[key]  # type: ignore[assignment]  # the key names what reckoned it
    return found


def _holds(kept: _Reckoned, stamp: int, scope: Scope) -> bool:
    # What was reckoned later than now was so while the clock was ahead.
    return kept.stamp == stamp and kept.since <= scope.now < kept.until
