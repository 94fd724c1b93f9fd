"""db, the model base (constraint names, UTC times), SQLite pragmas and read-only GETs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

# SQLite before this version can corrupt a WAL database when two processes checkpoint at once.
WAL_IS_SAFE_FROM = (3, 51, 3)
BUSY_TIMEOUT_MS = 5000


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, stored in UTC without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC; refuse a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A moment without a time zone cannot be stored: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored moment back as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of all tables: named constraints, so that migrations can change them."""

    registry = registry(type_annotation_map={datetime: UTCDateTime()})
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)
# Flask-SQLAlchemy builds `db.Model` at run time; the type checker sees the plain base.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

_reading: ContextVar[bool] = ContextVar("reading", default=False)


def init_app(app: Flask) -> None:
    """Connect the app to its database and make safe requests read-only."""
    # What a reader asked for stands in the parameters of a statement that failed, not in the log.
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"hide_parameters": True})
    db.init_app(app)
    app.before_request(_note_method)
    app.teardown_request(_forget_method)


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def journal_rule() -> tuple[str, str]:
    """Return the SQLite journal mode in force and the reason for it."""
    version = ".".join(map(str, sqlite3.sqlite_version_info))
    if sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM:
        return "WAL", f"SQLite {version} checkpoints safely from several processes"
    return "TRUNCATE", f"SQLite {version} is older than 3.51.3, where WAL could corrupt"


def is_sqlite(bind: Connection) -> bool:
    """Say whether this connection speaks to SQLite."""
    return bind.dialect.name == "sqlite"


def compact(engine: Engine) -> bool:
    """Write SQLite's file anew, so that unused places in it hold nothing of what was deleted.

    Deleting overwrites where a row was last, not every place where it once was: when a page is
    divided, what moved from it stays there unseen. Visitors wait meanwhile, a second or so for
    every 50 MB. Other databases see to it themselves. False when it could not be done now:
    somebody else is busy for long, or there is no room for a second file.
    """
    connection = engine.raw_connection()
    try:
        driver = connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.execute("PRAGMA query_only=OFF")
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


@contextmanager
def read_only() -> Iterator[None]:
    """Let transactions that begin in this block read only, as those of a GET do."""
    before = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(before)


def _note_method() -> None:
    _reading.set(request.method in {"GET", "HEAD", "OPTIONS"})


def _forget_method(error: BaseException | None) -> None:
    _reading.set(False)


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, record: PoolProxiedConnection) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # We say BEGIN ourselves: the driver would begin late and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute(f"PRAGMA journal_mode={journal_rule()[0]}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    # What is deleted is overwritten: the file holds addresses, and links that open something.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


@event.listens_for(Pool, "checkin")
def _let_go(connection: Any, record: ConnectionPoolEntry) -> None:
    """End what a failed COMMIT left open; SQLAlchemy takes such a transaction for ended."""
    if isinstance(connection, sqlite3.Connection) and connection.in_transaction:
        connection.rollback()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if not is_sqlite(connection):
        return
    if _reading.get():
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
        # Taking the write lock at once means a writer waits at BEGIN, never fails in the middle.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
