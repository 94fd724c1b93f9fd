"""The content stamp: a number that grows with every change that readers may see."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import event, update
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Mapped, Session, UOWTransaction, mapped_column
from sqlalchemy.pool import PoolProxiedConnection

from psgflask.core.database import Model, db, wait_briefly

_STATEMENT = "SELECT number FROM content_stamp"


class ContentStamp(Model):
    """One row whose number grows with every change that readers may see."""

    __tablename__ = "content_stamp"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(default=0)


def content_changed(session: Session) -> None:
    """Increase the content stamp in this transaction; bulk SQL must call it."""
    changed = session.execute(
        update(ContentStamp)
        .values(number=ContentStamp.number + 1)
        .execution_options(synchronize_session=False)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult
        session.add(ContentStamp(id=1, number=1))


def shown_to_readers(*models: type[Model]) -> None:
    """Declare models of which every change invalidates cached pages."""
    _shown.update(models)


_shown: set[type] = set()


@event.listens_for(Session, "after_flush")
def _note(session: Session, context: UOWTransaction) -> None:
    touched = (*session.new, *session.dirty, *session.deleted)
    if any(type(row) in _shown for row in touched):
        content_changed(session)


def stamp_seen_by(session: Session) -> int:
    """Return the content stamp as a session sees it.

    For requests that have read already: a second connection of the same thread may wait for a
    writer that waits for the first.
    """
    return _number(session.connection().connection)


def current_stamp() -> int:
    """Return the present content stamp. Raises sqlalchemy's DatabaseError.

    Waits for next to nothing where a process holds the database exclusively.
    """
    with closing(_raw_connection()) as connection:
        wait_briefly(connection)
        return _number(connection)


def _raw_connection() -> PoolProxiedConnection:
    with _wrapped():
        return db.engine.raw_connection()


def _number(connection: PoolProxiedConnection) -> int:
    # Without SQLAlchemy: it is queried for every page, and must cost next to nothing.
    with _wrapped():
        cursor = connection.cursor()
        cursor.execute(_STATEMENT)
        row = cursor.fetchone()
        cursor.close()
    return row[0] if row else 0


@contextmanager
def _wrapped() -> Iterator[None]:
    """Raise the driver's errors wrapped as SQLAlchemy wraps them, for the error handlers."""
    driver = db.engine.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        operational = isinstance(error, driver.OperationalError)
        raise (OperationalError if operational else DatabaseError)(_STATEMENT, {}, error) from error
