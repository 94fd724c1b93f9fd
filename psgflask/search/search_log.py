"""The search log: what was searched for, as daily counts, without people.

Neither who searched is stored, nor from where, nor with which browser. Words are stored as a keyed
hash, and as text only once they were searched for on three different days.
"""

import atexit
import hashlib
import heapq
import logging
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from multiprocessing import util

from flask import Flask
from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from psgflask.core import config, personal_data
from psgflask.core.database import db
from psgflask.core.redaction import Words
from psgflask.search.language import words
from psgflask.search.models import SearchCount, SearchQuery

log = logging.getLogger(__name__)

MAX_LENGTH = 200
NAMED_FROM = 3  # different days; what was searched for on fewer is stored as a keyed hash alone
BATCH = 500

# Counts of days are kept so long, those of months for three years after; words that were never
# named are deleted a month after their last search, the rarest when there are too many.
DAYS_KEPT = personal_data.SEARCHES.periods["days"]
MONTHS_KEPT = personal_data.SEARCHES.periods["months"]
UNNAMED_KEPT = personal_data.SEARCHES.periods["unnamed"]
MAX_UNNAMED = 20_000

WRITE_EVERY = 60.0  # seconds
# In a flood of words that are searched for once, these are evicted and not what many search for.
MAX_COUNTED = 1000


@dataclass(frozen=True)
class DailyCount:
    """How often some words were searched for on a day, and how many articles were found."""

    day: date
    text: str
    times: int
    hits: int | None

    def plus(self, later: "DailyCount") -> "DailyCount":
        """Return the sum; the later number of articles holds."""
        hits = self.hits if later.hits is None else later.hits
        return DailyCount(self.day, self.text, self.times + later.times, hits)


class SearchCounter:
    """Counts the searches of this process in memory, bounded in size, and writes them in batches.

    `write` stores counts. Counts that it fails to store are kept and written later.
    """

    def __init__(
        self,
        write: Callable[[Collection[DailyCount]], None],
        *,
        max_counted: int = MAX_COUNTED,
        every: float = WRITE_EVERY,
    ) -> None:
        self.max_counted = max_counted
        self.every = every
        self.counts: dict[tuple[date, str], DailyCount] = {}
        self._write = write
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._stopped = threading.Event()

    def add(self, counts: Iterable[DailyCount]) -> None:
        """Count searches; of too many different ones the rarest are evicted."""
        with self._lock:
            for count in counts:
                key = (count.day, count.text)
                before = self.counts.pop(key, None)
                # Put back last: of equally rare ones the oldest are evicted first.
                self.counts[key] = count if before is None else before.plus(count)
            if len(self.counts) > self.max_counted:
                latest = reversed(self.counts.items())
                # Half of them, so that this work is not repeated at each search of a flood.
                kept = heapq.nlargest(self.max_counted // 2, latest, key=lambda item: item[1].times)
                self.counts = dict(reversed(kept))

    def write(self) -> None:
        """Store the counts."""
        with self._writing:
            with self._lock:
                counts, self.counts = self.counts, {}
            if not counts:
                return
            try:
                self._write(counts.values())
            except Exception as error:
                # Its name alone: the words of the searches may stand in its message.
                log.warning("Searches were not written down (%s); later", type(error).__name__)
                self.add(counts.values())

    def start(self) -> None:
        """Write once a minute in a thread, and once more when the process ends."""
        threading.Thread(target=self._run, name="search counter", daemon=True).start()
        # A forked server process ends without the first, another one without the second.
        atexit.register(self.stop)
        util.Finalize(self, self.stop, exitpriority=10)

    def stop(self) -> None:
        """Write the counts and end the thread."""
        self._stopped.set()
        self.write()

    def _run(self) -> None:
        while not self._stopped.wait(self.every):
            self.write()


def init_app(app: Flask) -> None:
    """Give the app its counter, which writes nothing until a server starts it."""

    def write(counts: Collection[DailyCount]) -> None:
        with app.app_context(), Session(db.engine) as session:
            store(session, counts, secret=str(app.config["SECRET_KEY"]))
            session.commit()

    app.extensions["psg_search_counter"] = SearchCounter(write)


def counter(app: Flask) -> SearchCounter:
    """Return the counter of an app's searches."""
    found: SearchCounter = app.extensions["psg_search_counter"]
    return found


def start_counter(app: Flask) -> None:
    """Let a server process write its counts; a command counts nothing."""
    if not config.in_command():
        counter(app).start()


def normalised(q: str) -> str:
    """Return the folded words of a query in order, cut at 200 characters.

    Empty, which is not counted, when there are none or they contain an e-mail address.
    """
    if "@" in q:
        return ""
    return " ".join(word.folded for word in words(q[:MAX_LENGTH]))[:MAX_LENGTH]


def key_of(text: str, secret: str) -> str:
    """Return the hash that words are stored by; without the site's secret none can be guessed."""
    key = hashlib.blake2b(secret.encode(), person=b"psg search log").digest()
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def store(session: Session, counts: Iterable[DailyCount], *, secret: str) -> None:
    """Add counts to those of their day; flushes, never commits."""
    keyed = [(key_of(count.text, secret), count) for count in counts]
    keyed.sort(key=lambda pair: pair[1].day)
    for start in range(0, len(keyed), BATCH):
        batch = keyed[start : start + BATCH]
        queries = _queries(session, {key for key, _count in batch})
        for key, count in batch:
            query = queries.get(key)
            if query is None:
                query = queries[key] = SearchQuery(key=key, days=1, last_day=count.day)
                session.add(query)
            elif count.day > query.last_day:
                query.days, query.last_day = query.days + 1, count.day
            if query.days >= NAMED_FROM:
                query.text = count.text
        session.flush()
        _add(session, [(queries[key].id, count) for key, count in batch])


def _queries(session: Session, keys: Collection[str]) -> dict[str, SearchQuery]:
    rows = session.scalars(select(SearchQuery).where(SearchQuery.key.in_(keys)))
    return {query.key: query for query in rows}


def _add(session: Session, counts: list[tuple[int, DailyCount]]) -> None:
    rows = {
        (row.query_id, row.day): row
        for row in session.scalars(
            select(SearchCount).where(
                SearchCount.query_id.in_({number for number, _count in counts}),
                SearchCount.day.in_({count.day for _number, count in counts}),
                SearchCount.whole_month.is_(False),
            )
        )
    }
    for number, count in counts:
        row = rows.get((number, count.day))
        if row is None:
            session.add(
                SearchCount(query_id=number, day=count.day, times=count.times, hits=count.hits)
            )
        else:
            row.times += count.times
            row.hits = row.hits if count.hits is None else count.hits
    session.flush()


def tidy(session: Session, today: date) -> None:
    """Fold days into months and delete what is due; the caller commits.

    `today` is the earliest day that it can be (`clock_watch.time_bounds`).
    """
    _fold(session, (today - DAYS_KEPT).replace(day=1))
    session.execute(delete(SearchCount).where(SearchCount.day < today - MONTHS_KEPT))
    unnamed = SearchQuery.text.is_(None)
    surplus = (
        select(SearchQuery.id)
        .where(unnamed)
        .order_by(SearchQuery.days.desc(), SearchQuery.last_day.desc(), SearchQuery.id.desc())
        .offset(MAX_UNNAMED)
    )
    _delete(session, unnamed & (SearchQuery.last_day < today - UNNAMED_KEPT))
    too_many = list(session.scalars(surplus))
    for start in range(0, len(too_many), BATCH):
        _delete(session, SearchQuery.id.in_(too_many[start : start + BATCH]))
    _delete(session, SearchQuery.id.not_in(select(SearchCount.query_id)))


def redact(session: Session, words: Words) -> list[str]:
    """Delete the counts of searches for words that are redacted; return what was deleted."""
    rows = select(SearchQuery.id, SearchQuery.text).where(SearchQuery.text.is_not(None))
    ids = [number for number, text in session.execute(rows) if words.are_in(text or "")]
    _delete(session, SearchQuery.id.in_(ids))
    return [f"search log: {len(ids)} searches for it"] if ids else []


def move_from_future(session: Session, today: date, latest: date) -> None:
    """Move counts of days after `latest`, the latest day that it can be, to today."""
    for row in session.scalars(select(SearchCount).where(SearchCount.day > latest)).all():
        _merge(session, row, today, whole_month=False)
    ahead = update(SearchQuery).where(SearchQuery.last_day > latest).values(last_day=today)
    session.execute(ahead.execution_options(synchronize_session=False))


def _fold(session: Session, before: date) -> None:
    """Merge the days before `before`, the first day of a month, into one row a month."""
    old = session.scalars(
        select(SearchCount)
        .where(SearchCount.day < before, SearchCount.whole_month.is_(False))
        .order_by(SearchCount.day)
    ).all()
    for row in old:
        _merge(session, row, row.day.replace(day=1), whole_month=True)


def _merge(session: Session, row: SearchCount, day: date, *, whole_month: bool) -> None:
    """Add a row's counts to the row of another day, and delete it."""
    other = session.get(SearchCount, (row.query_id, day, whole_month))
    if other is None:
        other = SearchCount(query_id=row.query_id, day=day, whole_month=whole_month, times=0)
        session.add(other)
    other.times += row.times
    other.hits = other.hits if row.hits is None else row.hits
    session.delete(row)
    session.flush()


def _delete(session: Session, which: ColumnElement[bool]) -> None:
    session.execute(delete(SearchQuery).where(which).execution_options(synchronize_session=False))


@dataclass(frozen=True)
class ReportedSearch:
    """Words in a report: how often, and how many articles were found the last time."""

    text: str
    times: int
    hits: int | None
    last_day: date


@dataclass(frozen=True)
class SearchReport:
    """What was searched for since a day; `unnamed` counts searches for words that are unknown."""

    since: date
    searches: int
    unnamed: int
    top: list[ReportedSearch]
    nothing_found: list[ReportedSearch]


def report(session: Session, since: date, *, limit: int) -> SearchReport:
    """Return the words searched for most often since a day, and most often without results.

    A folded month counts when its first day does.
    """
    # The same words may have two keys: a restored site has a new secret.
    rows = session.execute(
        select(SearchQuery.text, SearchCount.times, SearchCount.hits, SearchCount.day)
        .join(SearchCount, SearchCount.query_id == SearchQuery.id)
        .where(SearchCount.day >= since, SearchQuery.text.is_not(None))
        .order_by(SearchCount.day)
    )
    named: dict[str, ReportedSearch] = {}
    for stored, times, hits, day in rows:
        text = stored or ""
        before = named.get(text, ReportedSearch(text, 0, None, day))
        found = before.hits if hits is None else hits
        named[text] = ReportedSearch(text, before.times + times, found, day)
    unnamed, total = session.execute(
        select(
            func.sum(case((SearchQuery.text.is_(None), SearchCount.times), else_=0)),
            func.sum(SearchCount.times),
        )
        .join(SearchQuery, SearchQuery.id == SearchCount.query_id)
        .where(SearchCount.day >= since)
    ).one()
    ranked = sorted(named.values(), key=lambda search: (-search.times, search.text))
    nothing = [search for search in ranked if search.hits == 0]
    return SearchReport(since, total or 0, unnamed or 0, ranked[:limit], nothing[:limit])
