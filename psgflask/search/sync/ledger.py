"""The search ledger: articles to index, written with each change in its transaction."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Row, delete, event, insert, select
from sqlalchemy.orm import Session, UOWTransaction
from sqlalchemy.orm.attributes import instance_state

from psgflask.core.clock import utc_now
from psgflask.news.models import Article, Attachment, FileText, Issue
from psgflask.search.models import LedgerEntry

QUEUED = "search_queued"


@event.listens_for(Session, "after_flush")
def _queue_changed(session: Session, context: UOWTransaction) -> None:
    """Queue what this flush changed; a rollback, also of a savepoint, removes the entries."""
    ids: set[int] = set()
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Article):
            ids.add(_key(row))
        elif isinstance(row, Attachment):
            # The article that it was moved from, too.
            ids.update(_values(row, "article_id"))
        elif isinstance(row, FileText):
            having = select(Attachment.article_id).where(Attachment.file_hash == row.file_hash)
            ids.update(session.scalars(having))
        elif isinstance(row, Issue) and row in session.dirty:
            issued = select(Article.id).where(Article.issue_id == _key(row))
            ids.update(session.scalars(issued))
    queue(session, ids)


def queue(session: Session, ids: Iterable[int]) -> None:
    """Add articles to the ledger; the caller commits."""
    now = utc_now()
    entries = [{"article_id": number, "queued_at": now} for number in sorted(set(ids))]
    if entries:
        session.execute(insert(LedgerEntry), entries)
        session.info[QUEUED] = True


def pop_queued(session: Session) -> bool:
    """Return whether this session has queued anything since the last call."""
    return bool(session.info.pop(QUEUED, False))


def first(session: Session, limit: int) -> Sequence[Row[int, int]]:
    """Return (id, article_id) of the oldest entries."""
    chosen = select(LedgerEntry.id, LedgerEntry.article_id).order_by(LedgerEntry.id)
    return session.execute(chosen.limit(limit)).all()


def article_ids(session: Session) -> set[int]:
    """Return the ids of the articles with entries."""
    return set(session.scalars(select(LedgerEntry.article_id)))


def delete_entries(session: Session, entries: Iterable[int]) -> None:
    """Delete entries by their ids; the caller commits."""
    session.execute(delete(LedgerEntry).where(LedgerEntry.id.in_(list(entries))))


def _key(row: Article | Issue) -> int:
    # Not `row.id`: for a row just deleted that could query the database.
    identity = instance_state(row).identity
    return int(identity[0]) if identity else row.id


def _values(row: object, name: str) -> set[int]:
    history = instance_state(row).attrs[name].history
    return {value for value in history.sum() if value is not None}
