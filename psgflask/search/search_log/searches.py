"""What is searched for: stored as numbers, named only once three days had it, forgotten in time."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Flask
from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.search.language import words
from psgflask.search.models import SearchCount, SearchQuery

LONGEST = 200
NAMED_FROM = 3  # different days; what was asked for on fewer is kept as a keyed hash alone
BATCH = 500

# Days are kept so long, whole months for three years after; words that were never named are
# forgotten a month after they were last asked for, the rarest of them when there are too many.
DAYS_KEPT = timedelta(days=90)
MONTHS_KEPT = timedelta(days=3 * 366)
UNNAMED_KEPT = timedelta(days=30)
MOST_UNNAMED = 20_000
EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class DailyCount:
    """How often some words were searched for on a day, and how many articles were found."""

    day: date
    text: str
    times: int
    hits: int | None

    def plus(self, later: "DailyCount") -> "DailyCount":
        """Return both together; the later number of articles holds."""
        hits = self.hits if later.hits is None else later.hits
        return DailyCount(self.day, self.text, self.times + later.times, hits)


def normalised(q: str) -> str:
    """Return the folded words of a query in order, cut at 200 characters.

    Empty, which is not to be counted, when there are none or they hold an e-mail address.
    """
    return "" if "@" in q else " ".join(word.folded for word in words(q[:LONGEST]))[:LONGEST]


def key_of(text: str, secret: str) -> str:
    """Return the hash by which words are known; without the site's secret none can be tried."""
    key = hashlib.blake2b(secret.encode(), person=b"psg search log").digest()
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def store(session: Session, counted: Iterable[DailyCount], *, secret: str) -> None:
    """Add counts to those of their day; flushes, never commits."""
    keyed = [(key_of(one.text, secret), one) for one in counted]
    keyed.sort(key=lambda pair: pair[1].day)
    for start in range(0, len(keyed), BATCH):
        batch = keyed[start : start + BATCH]
        known = _known(session, {key for key, _one in batch})
        for key, one in batch:
            query = known.get(key)
            if query is None:
                query = known[key] = SearchQuery(key=key, days=1, last_day=one.day)
                session.add(query)
            elif one.day > query.last_day:
                query.days, query.last_day = query.days + 1, one.day
            if query.days >= NAMED_FROM:
                query.text = one.text
        session.flush()
        _add(session, [(known[key].id, one) for key, one in batch])


def _known(session: Session, keys: Collection[str]) -> dict[str, SearchQuery]:
    rows = session.scalars(select(SearchQuery).where(SearchQuery.key.in_(keys)))
    return {query.key: query for query in rows}


def _add(session: Session, counted: list[tuple[int, DailyCount]]) -> None:
    there = {
        (row.query_id, row.day): row
        for row in session.scalars(
            select(SearchCount).where(
                SearchCount.query_id.in_({number for number, _one in counted}),
                SearchCount.day.in_({one.day for _number, one in counted}),
                SearchCount.whole_month.is_(False),
            )
        )
    }
    for number, one in counted:
        row = there.get((number, one.day))
        if row is None:
            row = SearchCount(query_id=number, day=one.day, times=one.times, hits=one.hits)
            session.add(row)
        else:
            row.times += one.times
            row.hits = row.hits if one.hits is None else one.hits
    session.flush()


def sweep(app: Flask) -> None:
    """Once an hour fold days into months and forget what is due: a task of the worker."""
    now = utc_now()
    tidied: datetime | None = app.extensions.get("psg_searches_tidied")
    if tidied is not None and abs(now - tidied) < EVERY:
        return
    with app.app_context(), Session(db.engine) as session:
        agreed = clock_watch.time_bounds(app)
        put_right(session, now.date(), agreed.latest.date())
        tidy(session, agreed.earliest.date())
        session.commit()
    app.extensions["psg_searches_tidied"] = now


def tidy(session: Session, today: date) -> None:
    """Fold and forget as the times above say; the caller commits.

    `today` is the earliest day that it can be (`clock.agreed`).
    """
    _fold(session, (today - DAYS_KEPT).replace(day=1))
    session.execute(delete(SearchCount).where(SearchCount.day < today - MONTHS_KEPT))
    unnamed = SearchQuery.text.is_(None)
    forgotten = unnamed & (SearchQuery.last_day < today - UNNAMED_KEPT)
    surplus = (
        select(SearchQuery.id)
        .where(unnamed)
        .order_by(SearchQuery.days.desc(), SearchQuery.last_day.desc(), SearchQuery.id.desc())
        .offset(MOST_UNNAMED)
    )
    _forget(session, forgotten)
    too_many = list(session.scalars(surplus))
    for start in range(0, len(too_many), BATCH):
        chosen = too_many[start : start + BATCH]
        _forget(session, SearchQuery.id.in_(chosen))
    counted = select(SearchCount.query_id)
    _forget(session, SearchQuery.id.not_in(counted))


def put_right(session: Session, today: date, latest: date) -> None:
    """Count for today what was searched for on days after `latest`, the latest that it can be."""
    for row in session.scalars(select(SearchCount).where(SearchCount.day > latest)).all():
        there = session.get(SearchCount, (row.query_id, today, False))
        if there is None:
            there = SearchCount(query_id=row.query_id, day=today, times=0)
            session.add(there)
        there.times += row.times
        there.hits = there.hits if row.hits is None else row.hits
        session.delete(row)
        session.flush()
    ahead = update(SearchQuery).where(SearchQuery.last_day > latest).values(last_day=today)
    session.execute(ahead.execution_options(synchronize_session=False))


def _forget(session: Session, which: ColumnElement[bool]) -> None:
    session.execute(delete(SearchQuery).where(which).execution_options(synchronize_session=False))


def _fold(session: Session, before: date) -> None:
    """Make one row a month of the days before `before`, the first day of a month."""
    old = session.scalars(
        select(SearchCount)
        .where(SearchCount.day < before, SearchCount.whole_month.is_(False))
        .order_by(SearchCount.day)
    ).all()
    for row in old:
        first = row.day.replace(day=1)
        month = session.get(SearchCount, (row.query_id, first, True))
        if month is None:
            month = SearchCount(query_id=row.query_id, day=first, whole_month=True, times=0)
            session.add(month)
        month.times += row.times
        month.hits = month.hits if row.hits is None else row.hits
        session.delete(row)
        session.flush()


@dataclass(frozen=True)
class ReportedSearch:
    """Words in a report: how often, and how many articles were found the last time."""

    text: str
    times: int
    hits: int | None
    last_day: date


@dataclass(frozen=True)
class SearchReport:
    """What was searched for since a day; `unnamed` counts searches whose words are not known."""

    since: date
    searches: int
    unnamed: int
    top: list[ReportedSearch]
    nothing_found: list[ReportedSearch]


def report(session: Session, since: date, *, most: int) -> SearchReport:
    """Return the words asked for most often, and of those that found nothing, since a day.

    A month that was folded counts when its first day does.
    """
    # The same words may have two keys: a restored site has a fresh secret.
    rows = session.execute(
        select(SearchQuery.text, SearchCount.times, SearchCount.hits, SearchCount.day)
        .join(SearchCount, SearchCount.query_id == SearchQuery.id)
        .where(SearchCount.day >= since, SearchQuery.text.is_not(None))
        .order_by(SearchCount.day)
    )
    named: dict[str, ReportedSearch] = {}
    for words_, times, hits, day in rows:
        text = words_ or ""
        before = named.get(text, ReportedSearch(text, 0, None, day))
        named[text] = ReportedSearch(
            text, before.times + times, before.hits if hits is None else hits, day
        )
    unnamed, total = session.execute(
        select(
            func.sum(case((SearchQuery.text.is_(None), SearchCount.times), else_=0)),
            func.sum(SearchCount.times),
        )
        .join(SearchQuery, SearchQuery.id == SearchCount.query_id)
        .where(SearchCount.day >= since)
    ).one()
    ranked = sorted(named.values(), key=lambda asked: (-asked.times, asked.text))
    nothing = [asked for asked in ranked if asked.hits == 0]
    return SearchReport(since, total or 0, unnamed or 0, ranked[:most], nothing[:most])
