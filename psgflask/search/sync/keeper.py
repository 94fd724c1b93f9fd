"""Keeps the index true: drains the ledger after each commit, and sweeps up what no commit tells."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, current_app, has_app_context
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, SessionTransaction

from psgflask.core import failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.durable import atomic_write
from psgflask.news import catalogue
from psgflask.search.index import Document, IndexBroken, NewerSchema, Store
from psgflask.search.sync import documents, ledger
from psgflask.search.sync.drift import Drift, between, hashes_of

log = logging.getLogger(__name__)

BATCH = 500
SWEPT, PURGED = "swept", "purged"
COMMITTED = "search_committed"
# With no more articles than this a lost index is built anew on the spot, in a second or two;
# with more it is left to the worker and to commands, so that nobody's request waits for it.
SOON_BUILT = 200
# Files that look unchanged are read through so often, in case the disk changed them.
DISTRUST_AFTER = timedelta(hours=1)
TAKE_BACK_EVERY = 30.0  # seconds
# Text that was taken back is out of reach at once, and out of the files so soon.
PURGE_AFTER = timedelta(days=1)


def init_app(app: Flask) -> None:
    """Give the app its index. The listeners below serve every app of the process."""
    app.extensions["psg_index"] = Store(Path(app.instance_path) / "index")
    app.extensions["psg_index_read"] = utc_now()
    app.extensions["psg_index_looked"] = None


def store(app: Flask) -> Store:
    """Return the index of an app."""
    kept: Store = app.extensions["psg_index"]
    return kept


@event.listens_for(Session, "after_commit")
def _note_commit(session: Session) -> None:
    # A savepoint that is released is not the end; what it holds may still be rolled back.
    if not session.in_nested_transaction():
        session.info[COMMITTED] = True


@event.listens_for(Session, "after_transaction_end")
def _follow(session: Session, transaction: SessionTransaction) -> None:
    """Drain when a transaction is over: its connection is back, so nothing can block."""
    if transaction.parent is not None:
        return
    queued, committed = ledger.forget(session), session.info.pop(COMMITTED, False)
    within = has_app_context() and "psg_index" in current_app.extensions
    if not (queued and committed and within):
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    try:
        drain(app)
    except IndexBroken as broken:
        _follow_without_index(app, broken)
    except Exception as error:  # the change is committed; the ledger keeps what the index missed
        failures.log_failure(log, "The index could not follow; the worker tries again", error)


def _follow_without_index(app: Flask, broken: IndexBroken) -> None:
    if isinstance(broken, NewerSchema):
        return  # the worker will say so
    try:
        if _published(app, utc_now()) > SOON_BUILT:
            log.warning("The index cannot be changed (%s); the worker builds it anew", broken)
        else:
            rebuild(app, wait=False)
    except Exception as error:
        failures.log_failure(log, "The index could not follow; the worker tries again", error)


def drain(app: Flask, *, now: datetime | None = None, wait: bool = False) -> int:
    """Bring the index up to date with the ledger; return how many entries were dealt with.

    Without `wait`, does nothing when another process writes the index: that one looks at the
    ledger again after it let go. Raises IndexBroken.
    """
    dealt = 0
    while _has_entries(app):
        held = store(app).writing(wait=wait)
        if held is None:
            break
        with held:
            while done := _drain_batch(app, now):
                dealt += done
        # Whoever came while we held the lock has gone again: look once more.
    return dealt


def _has_entries(app: Flask) -> bool:
    with _reading(app) as session:
        return bool(ledger.first(session, 1))


def _drain_batch(app: Flask, now: datetime | None) -> int:
    with _reading(app) as session:
        entries = ledger.first(session, BATCH)
        changed, removed = _now_of(session, {entry.article_id for entry in entries}, now)
    if entries:
        store(app).apply(changed, removed)
        with app.app_context(), Session(db.engine) as session:
            ledger.strike(session, [entry.id for entry in entries])
            session.commit()
    return len(entries)


@contextmanager
def _reading(app: Flask) -> Iterator[Session]:
    """A session of its own that reads, and lets the database go at the end of the block."""
    with read_only(), app.app_context(), Session(db.engine) as session:
        yield session


def _now_of(
    session: Session, ids: Iterable[int], now: datetime | None = None
) -> tuple[list[Document], list[int]]:
    """Return the documents of those articles that are public, and the ids of the others."""
    wanted = set(ids)
    found = documents.of(session, wanted, now or utc_now())
    return found, sorted(wanted - {document.id for document in found})


def sweep(app: Flask, *, now: datetime | None = None) -> None:
    """Do what no commit does: drain, notice articles whose time has come, mend a broken index."""
    now = now or utc_now()
    if abs(now - app.extensions["psg_index_read"]) > DISTRUST_AFTER:
        store(app).distrust()
        app.extensions["psg_index_read"] = now
    try:
        store(app).verify()
        drain(app, now=now)
        _drain_due(app, now)
        _tidy(app, now)
    except NewerSchema as newer:
        log.warning("%s: changes wait in the ledger until this process is restarted", newer)
    except IndexBroken as broken:
        log.warning("The index is missing or broken (%s); building it anew", broken)
        rebuild(app, now=now, wait=False)


def _drain_due(app: Flask, now: datetime) -> None:
    """Index the articles that became public since the last moment that was looked at."""
    swept = _noted(app, SWEPT)
    if swept is None:
        repair(app, check(app, now=now), now=now)
        _note(app, SWEPT, now)
        return
    # A clock that was set back makes articles unpublished again.
    with _reading(app) as session:
        due = catalogue.due_between(session, min(swept, now), max(swept, now))
    if due:
        _drain_these(app, due, now)
    if due or swept > now:
        _note(app, SWEPT, now)


def _take_back(app: Flask, now: datetime) -> None:
    """Take out what is due later, twice a minute and when the clock was put back.

    A commit while the clock was ahead may have indexed it. The caller holds `writing`.
    """
    looked: tuple[datetime, float] | None = app.extensions["psg_index_looked"]
    if looked and now >= looked[0] and time.monotonic() - looked[1] < TAKE_BACK_EVERY:
        return
    with _reading(app) as session:
        later = catalogue.due_later(session, now)
    if later:
        store(app).apply([], later)
    app.extensions["psg_index_looked"] = (now, time.monotonic())


def _drain_these(app: Flask, ids: Iterable[int], now: datetime) -> None:
    with app.app_context(), Session(db.engine) as session:
        ledger.queue(session, ids)
        ledger.forget(session)  # drained below, as of `now`
        session.commit()
    drain(app, now=now, wait=True)


def _tidy(app: Flask, now: datetime) -> None:
    """Take back, merge what is due, and once a day let go of all text that was taken back."""
    held = store(app).writing(wait=False)
    if held is None:
        return
    purged = _noted(app, PURGED)
    purge = purged is None or abs(now - purged) >= PURGE_AFTER
    with held:
        _take_back(app, now)
        tidied = store(app).tidy(purge=purge)
    if purge and tidied:  # else the next sweep tries again
        _note(app, PURGED, now)


def _noted(app: Flask, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat((store(app).folder / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _note(app: Flask, name: str, now: datetime) -> None:
    atomic_write(store(app).folder / name, now.isoformat().encode("ascii"))


def check(app: Flask, *, now: datetime | None = None, changing: bool = True) -> Drift:
    """Compare the sets of (id, content hash) of the database and the index.

    Unless it may be `changing` something, what waits in the ledger is left out, not indexed.
    """
    now = now or utc_now()
    with app.app_context(), Session(db.engine) as session:
        drift = between(documents.everything(session, now), hashes_of(store(app)))
    if not drift:
        return drift
    # Articles may have changed while we looked; what differs without that is drift.
    if changing:
        with contextlib.suppress(IndexBroken):
            drain(app, now=now)
    with _reading(app) as session:
        ids = drift.ids if changing else drift.ids - ledger.articles(session)
        there = hashes_of(store(app))
        found = documents.of(session, ids, now)
    return between(found, {number: there[number] for number in ids & there.keys()})


def repair(app: Flask, drift: Drift, *, now: datetime | None = None) -> None:
    """Index anew the articles where index and database differ."""
    try:
        store(app).verify()
    except IndexBroken:
        rebuild(app, now=now)
    else:
        _drain_these(app, drift.ids, now or utc_now())


def rebuild(
    app: Flask,
    progress: Callable[[int, int], None] | None = None,
    *,
    now: datetime | None = None,
    wait: bool = True,
) -> int:
    """Build the index anew beside the live one and swap; return how many articles were found.

    `progress` is told (done, total). What changes meanwhile goes into both. What a rebuild had done
    that was not finished is used as far as it still holds. Without `wait`, does nothing while
    another process builds already.
    """
    begun = now or utc_now()
    total = _published(app, begun)
    with app.app_context(), Session(db.engine) as session:
        built = store(app).rebuild(
            documents.everything(session, begun),
            late=lambda ids: _late(app, ids, now),
            progress=lambda done: progress(done, total) if progress else None,
            wait=wait,
        )
    if built:
        _note(app, SWEPT, begun)
        drain(app, now=now, wait=True)
    return total


def unfinished(app: Flask) -> tuple[int, int]:
    """Return how many articles a rebuild had done that was not finished, and of how many."""
    return store(app).done_before(), _published(app, utc_now())


def _published(app: Flask, now: datetime) -> int:
    with _reading(app) as session:
        return session.scalar(select(func.count()).where(catalogue.published(now))) or 0


def _late(app: Flask, ids: list[int], now: datetime | None) -> tuple[list[Document], list[int]]:
    with _reading(app) as session:
        return _now_of(session, ids, now)
