"""An archive in memory, for rules, which need no app and no index."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from psgflask.core.database import Model


@cache
def _engine() -> Engine:
    engine = create_engine("sqlite://")
    Model.metadata.create_all(engine)
    return engine


@contextmanager
def empty_archive() -> Iterator[Session]:
    """Give a session on empty tables; what it commits is gone at the end of the block."""
    with _engine().connect() as connection:
        whole = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        whole.rollback()
