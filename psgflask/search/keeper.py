"""Keeps the index true: the ledger is written with each change and drained after its commit."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask, current_app, has_app_context
from sqlalchemy import delete, event, insert, select
from sqlalchemy.orm import Session, UOWTransaction

from psgflask.database import db, utc_now
from psgflask.news import catalogue
from psgflask.news.models import Article
from psgflask.search import documents
from psgflask.search.index import Document, IndexBroken, Store, content_hash
from psgflask.search.models import LedgerEntry

log = logging.getLogger(__name__)

BATCH = 1_000
QUEUED = "search_queued"
SWEPT = "swept"


@dataclass(frozen=True)
class Drift:
    """Where index and database differ, as article ids."""

    missing: frozenset[int]
    stale: frozenset[int]
    superfluous: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.superfluous)


def init_app(app: Flask) -> None:
    """Give the app its index. The listeners below serve every app of the process."""
    app.extensions["psg_index"] = Store(Path(app.instance_path) / "index")


def store(app: Flask) -> Store:
    """Return the index of an app."""
    kept: Store = app.extensions["psg_index"]
    return kept


def _keeps() -> bool:
    return has_app_context() and "psg_index" in current_app.extensions


@event.listens_for(Session, "after_flush")
def _queue(session: Session, context: UOWTransaction) -> None:
    """Write what this flush changed into the ledger, in the same transaction."""
    if not _keeps():
        return
    touched = (*session.new, *session.dirty, *session.deleted)
    ids = {row.id for row in touched if isinstance(row, Article)}
    if ids:
        queue(session, ids)


def queue(session: Session, ids: set[int]) -> None:
    """Add articles to the ledger; the caller commits."""
    now = utc_now()
    session.execute(
        insert(LedgerEntry), [{"article_id": number, "queued_at": now} for number in sorted(ids)]
    )
    session.info[QUEUED] = True


@event.listens_for(Session, "after_commit")
def _after_commit(session: Session) -> None:
    # A savepoint that is released is not the end; what it holds may still be rolled back.
    if session.in_nested_transaction() or not session.info.pop(QUEUED, False) or not _keeps():
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    try:
        drain(app)
    except Exception:  # the change is committed; the ledger keeps what the index missed
        log.exception("The index could not follow; the worker will try again")


@event.listens_for(Session, "after_rollback")
def _after_rollback(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(QUEUED, None)


def drain(app: Flask, *, now: datetime | None = None, wait: bool = False) -> int:
    """Bring the index up to date with the ledger; return how many entries were dealt with.

    Without `wait`, does nothing when another process holds the index: that one looks at the
    ledger again before it lets go. A missing or broken index is built anew.
    """
    held = store(app).writing(wait=wait)
    if held is None:
        return 0
    try:
        with held:
            return _drain(app, now)
    except IndexBroken as broken:
        log.warning("The index cannot be changed (%s); building it anew", broken)
        rebuild(app)
    return drain(app, now=now, wait=wait)


def _drain(app: Flask, now: datetime | None) -> int:
    index = store(app)
    dealt = 0
    with app.app_context(), Session(db.engine) as session:
        while True:
            rows = session.execute(
                select(LedgerEntry.id, LedgerEntry.article_id).order_by(LedgerEntry.id).limit(BATCH)
            ).all()
            ids = {row.article_id for row in rows}
            changed, removed = _now_of(session, ids, now)
            if not rows:
                return dealt
            index.apply(changed, removed)
            session.execute(delete(LedgerEntry).where(LedgerEntry.id.in_([row.id for row in rows])))
            session.commit()
            dealt += len(rows)


def _now_of(
    session: Session, ids: Iterable[int], now: datetime | None = None
) -> tuple[list[Document], list[int]]:
    """Return the documents of those articles that are public, and the ids of the others.

    Lets the database go before the index is written: others may want to write meanwhile.
    """
    found = documents.of(session, ids, now or utc_now())
    session.rollback()
    return found, sorted(set(ids) - {document.id for document in found})


def sweep(app: Flask, *, now: datetime | None = None) -> None:
    """Do what no commit does: notice articles whose time has come, drain, mend a broken index."""
    now = now or utc_now()
    try:
        store(app).verify()
    except IndexBroken as broken:
        log.warning("The index is missing or broken (%s); building it anew", broken)
        rebuild(app)
    mark = Path(app.instance_path) / "index" / SWEPT
    with app.app_context(), Session(db.engine) as session:
        due = catalogue.due_between(session, _last_swept(mark), now)
        if due:
            queue(session, set(due))
        session.commit()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(now.isoformat())
    drain(app, now=now)


def _last_swept(mark: Path) -> datetime:
    try:
        return datetime.fromisoformat(mark.read_text())
    except (OSError, ValueError):
        return datetime.fromisoformat("1983-01-01T00:00:00+00:00")


def check(app: Flask) -> Drift:
    """Compare the sets of (id, content hash) of the database and the index."""
    with app.app_context(), Session(db.engine) as session:
        wanted = {doc.id: content_hash(doc) for doc in documents.everything(session, utc_now())}
        session.rollback()
    try:
        there = store(app).hashes()
    except IndexBroken:
        there = {}
    return Drift(
        missing=frozenset(wanted.keys() - there.keys()),
        stale=frozenset(n for n in wanted.keys() & there.keys() if wanted[n] != there[n]),
        superfluous=frozenset(there.keys() - wanted.keys()),
    )


def repair(app: Flask, drift: Drift) -> None:
    """Put the articles where index and database differ into the ledger, and drain it."""
    with app.app_context(), Session(db.engine) as session:
        queue(session, set(drift.missing | drift.stale | drift.superfluous))
        session.commit()
    drain(app, wait=True)


def rebuild(app: Flask, progress: Callable[[int, int], None] | None = None) -> int:
    """Build the index anew beside the live one and swap; return how many articles it holds.

    `progress` is told (done, total). What changes meanwhile goes into both.
    """
    with app.app_context(), Session(db.engine) as session:
        now = utc_now()
        total = len(documents.all_ids(session, now))
        session.rollback()
        store(app).rebuild(
            documents.everything(session, now),
            late=lambda ids: _now_of(session, ids),
            progress=lambda done: progress(done, total) if progress else None,
        )
    drain(app, wait=True)
    return total
