"""Keeps the index in step with the database: drains the ledger after each commit, and rebuilds."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import Flask, current_app, has_app_context
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, SessionTransaction

from psgflask.core import failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.durable import atomic_write
from psgflask.news import catalogue
from psgflask.search.documents import Document
from psgflask.search.index.protocol import ArticleIndex, IndexBroken, NewerSchema
from psgflask.search.sync import article_documents, ledger
from psgflask.search.sync.article_documents import Drift, compare, hashes_of
from psgflask.web.site import current_site

log = logging.getLogger(__name__)

BATCH = 500
# The file in the index's folder with the time up to which due articles are indexed.
INDEXED_UNTIL = "swept"
COMMITTED = "search_committed"
# With no more articles than this a lost index is rebuilt at once, in a second or two; with more
# that is left to the worker and to commands, so that no request waits for it.
MAX_REBUILT_AT_ONCE = 200


def store(app: Flask) -> ArticleIndex:
    """Return the index of an app."""
    index: ArticleIndex = app.extensions["psg_index"]
    return index


@event.listens_for(Session, "after_commit")
def _note_commit(session: Session) -> None:
    # A savepoint that is released is not the end; what it holds may still be rolled back.
    if not session.in_nested_transaction():
        session.info[COMMITTED] = True


@event.listens_for(Session, "after_transaction_end")
def _index_committed(session: Session, transaction: SessionTransaction) -> None:
    """Drain when a transaction is over: its connection is released, so nothing can block."""
    if transaction.parent is not None:
        return
    queued, committed = ledger.pop_queued(session), session.info.pop(COMMITTED, False)
    has_index = has_app_context() and "psg_index" in current_app.extensions
    if not (queued and committed and has_index):
        return
    app = current_site()
    try:
        drain(app)
    except IndexBroken as broken:
        _rebuild_if_small(app, broken)
    except Exception as error:  # the change is committed; the ledger keeps what the index missed
        failures.log_failure(log, "The index could not follow; the worker tries again", error)


def _rebuild_if_small(app: Flask, broken: IndexBroken) -> None:
    if isinstance(broken, NewerSchema):
        return  # the worker logs it
    try:
        if _count_published(app, utc_now()) > MAX_REBUILT_AT_ONCE:
            log.warning("The index cannot be changed (%s); the worker builds it anew", broken)
        else:
            rebuild(app, wait=False)
    except Exception as error:
        failures.log_failure(log, "The index could not follow; the worker tries again", error)


def drain(app: Flask, *, now: datetime | None = None, wait: bool = False) -> int:
    """Bring the index up to date with the ledger; return how many entries were processed.

    Without `wait`, does nothing when another process writes the index: that one looks at the
    ledger again after it has released the lock. Raises IndexBroken.
    """
    processed = 0
    while _has_entries(app):
        lock = store(app).writing(wait=wait)
        if lock is None:
            break
        with lock:
            while batch := _drain_batch(app, now):
                processed += batch
        # Entries may have come from a process that found the lock taken: look once more.
    return processed


def _has_entries(app: Flask) -> bool:
    with reading(app) as session:
        return bool(ledger.first(session, 1))


def _drain_batch(app: Flask, now: datetime | None) -> int:
    with reading(app) as session:
        entries = ledger.first(session, BATCH)
        changed, removed = _current(session, {entry.article_id for entry in entries}, now)
    if entries:
        store(app).apply(changed, removed)
        with app.app_context(), Session(db.engine) as session:
            ledger.delete_entries(session, [entry.id for entry in entries])
            session.commit()
    return len(entries)


@contextmanager
def reading(app: Flask) -> Iterator[Session]:
    """Open a read-only session for the block."""
    with read_only(), app.app_context(), Session(db.engine) as session:
        yield session


def _current(
    session: Session, ids: Iterable[int], now: datetime | None = None
) -> tuple[list[Document], list[int]]:
    """Return the documents of those articles that are published, and the ids of the others."""
    wanted = set(ids)
    found = article_documents.documents_of(session, wanted, now or utc_now())
    return found, sorted(wanted - {document.id for document in found})


def reindex(app: Flask, ids: Iterable[int], now: datetime) -> None:
    """Index these articles as of `now`."""
    with app.app_context(), Session(db.engine) as session:
        ledger.queue(session, ids)
        ledger.pop_queued(session)  # drained below, as of `now`
        session.commit()
    drain(app, now=now, wait=True)


def recorded_time(app: Flask, name: str) -> datetime | None:
    """Return the time that `record_time` wrote under a name, None where there is none."""
    try:
        return datetime.fromisoformat((store(app).folder / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def record_time(app: Flask, name: str, now: datetime) -> None:
    """Write a time to a file of this name in the index's folder."""
    atomic_write(store(app).folder / name, now.isoformat().encode("ascii"))


def check(app: Flask, *, now: datetime | None = None, changing: bool = True) -> Drift:
    """Compare the sets of (id, content hash) of the database and the index.

    Without `changing`, what waits in the ledger is left out instead of indexed.
    """
    now = now or utc_now()
    with app.app_context(), Session(db.engine) as session:
        drift = compare(article_documents.all_documents(session, now), hashes_of(store(app)))
    if not drift:
        return drift
    # Articles may have changed during the comparison; what differs without that is drift.
    if changing:
        with contextlib.suppress(IndexBroken):
            drain(app, now=now)
    with reading(app) as session:
        ids = drift.ids if changing else drift.ids - ledger.article_ids(session)
        indexed = hashes_of(store(app))
        found = article_documents.documents_of(session, ids, now)
    return compare(found, {number: indexed[number] for number in ids & indexed.keys()})


def repair(app: Flask, drift: Drift, *, now: datetime | None = None) -> None:
    """Reindex the articles where index and database differ."""
    try:
        store(app).verify()
    except IndexBroken:
        rebuild(app, now=now)
    else:
        reindex(app, drift.ids, now or utc_now())


def rebuild(
    app: Flask,
    progress: Callable[[int, int], None] | None = None,
    *,
    now: datetime | None = None,
    wait: bool = True,
) -> int:
    """Build a new index beside the live one and swap; return how many articles were found.

    `progress` is called with (done, total). What changes meanwhile goes into both. Without `wait`,
    does nothing while another process is rebuilding.
    """
    begun = now or utc_now()
    total = _count_published(app, begun)
    with app.app_context(), Session(db.engine) as session:
        built = store(app).rebuild(
            article_documents.all_documents(session, begun),
            late=lambda ids: _changed_meanwhile(app, ids, now),
            progress=lambda done: progress(done, total) if progress else None,
            wait=wait,
        )
    if built:
        record_time(app, INDEXED_UNTIL, begun)
        drain(app, now=now, wait=True)
    return total


def purge(app: Flask) -> bool:
    """Rewrite the files of the index without what was deleted; False during a rebuild."""
    try:
        drain(app, wait=True)
        store(app).verify()
    except NewerSchema:
        return False
    except IndexBroken:
        rebuild(app)
    lock = store(app).writing(wait=True)
    assert lock is not None  # noqa: S101  # waiting always ends with the lock
    with lock:
        return store(app).tidy(purge=True)


def _count_published(app: Flask, now: datetime) -> int:
    with reading(app) as session:
        return session.scalar(select(func.count()).where(catalogue.published(now))) or 0


def _changed_meanwhile(
    app: Flask, ids: list[int], now: datetime | None
) -> tuple[list[Document], list[int]]:
    with reading(app) as session:
        return _current(session, ids, now)
