"""db, the model base (constraint names, UTC times), SQLite pragmas and read-only GETs."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection, QueuePool
from sqlalchemy.types import TypeDecorator

from psgflask.core import failures, journal
from psgflask.core.fair_semaphore import QueueFull
from psgflask.core.http_methods import SAFE_METHODS
from psgflask.core.writer_turns import Turns, WriterConnection, begins_immediately

# How long a writer waits for another. A reader of a WAL database waits only while the file is
# recovered after a crash, or while a process holds it exclusively.
BUSY_TIMEOUT_MS = 5000
# A visitor gets a response within six seconds: this is for the queue and the database together.
REQUEST_TIMEOUT_MS = 4000
READER_TIMEOUT_MS = 2000
# To look up the content stamp: there is a cached page to fall back on.
GLANCE_TIMEOUT_MS = 100


class UTCDateTime(TypeDecorator[datetime]):
    """A datetime: aware in Python, stored in UTC without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware datetime to UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A datetime without a time zone cannot be stored: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored datetime as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of all models, with named constraints, so that migrations can change them."""

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


class ConnectionPool(QueuePool):
    """The pool: that no connection is left is a database error, which all callers handle."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make a pool whose connections write one after the other."""
        super().__init__(*args, **kwargs)
        self.turns = Turns()

    def connect(self) -> PoolProxiedConnection:
        """Check out a connection. Raises OperationalError, as if busy, when none is left."""
        try:
            return super().connect()
        except NoConnectionLeft as error:
            raise OperationalError("CONNECT", {}, error) from error


@dataclass
class _Waits:
    """Since when a request or command runs, and whether it waited for a lock in vain."""

    since: float
    timed_out: bool = False


db = SQLAlchemy(model_class=Base)
# Flask-SQLAlchemy builds `db.Model` at run time; the type checker sees the plain base.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

_reading: ContextVar[bool] = ContextVar("reading", default=False)
_may_create: ContextVar[bool] = ContextVar("may_create", default=False)
_waits: ContextVar["_Waits | None"] = ContextVar("waits", default=None)
# Keys of a connection's info: it is set up for writing, and it has written.
_READY, _WROTE = "psg_ready", "psg_wrote"


def init_app(app: Flask) -> None:
    """Connect the app to its database and make safe requests read-only."""
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": ConnectionPool,
        # A connection for each thread of the server; few are pooled, for each holds 2 MB.
        "max_overflow": 140,
        "pool_timeout": 4,  # seconds: a visitor gets a response within six
        # A parameter may be somebody's address, or what they searched for: errors are logged.
        "hide_parameters": True,
    }
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "do_connect", _open_existing)
    app.before_request(_begin_request)
    app.teardown_request(_end_request)


def is_sqlite(bind: Connection | Engine) -> bool:
    """Say whether this connection speaks to SQLite."""
    return bind.dialect.name == "sqlite"


def database_file() -> Path | None:
    """Return the path of the app's database file, existing or not; None where it is no file."""
    name = (db.engine.url.database or "").removeprefix("file:")
    return Path(name) if is_sqlite(db.engine) and name not in {"", ":memory:"} else None


@contextmanager
def may_create() -> Iterator[None]:
    """Let connections in this block create the database file: nothing else does.

    Where a disk is not mounted, a new and empty database must not take the place of the site's.
    """
    before = _may_create.set(True)
    try:
        yield
    finally:
        _may_create.reset(before)


def _open_existing(
    dialect: Dialect, record: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]
) -> Any:
    """Connect to SQLite's file only if it is there. Raises DatabaseMissing."""
    file = database_file()
    if file is None or _may_create.get():
        return None  # SQLAlchemy connects as usual
    if not file.exists():
        raise failures.DatabaseMissing(file)
    return dialect.connect(f"{file.absolute().as_uri()}?mode=rw", **{**options, "uri": True})


def vacuum(engine: Engine) -> bool:
    """Rebuild SQLite's file, so that its unused parts hold nothing of what was deleted.

    Deleting overwrites the last place of a row, not every place where it once was: when a B-tree
    page is split, copies of what moved stay in it. Writers wait meanwhile, a second or so for every
    50 MB. Other databases do this by themselves. Returns False when it could not be done now: the
    lock was not got in time, or there is no space for a second file.
    """
    with closing(engine.raw_connection()) as connection:
        driver = connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            return True
        try:
            _wait_for_turn(engine, driver, time.monotonic() + BUSY_TIMEOUT_MS / 1000)
            driver.execute("PRAGMA query_only=OFF")
            driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            driver.execute("VACUUM")
            return journal.checkpoint(driver, timeout=BUSY_TIMEOUT_MS)
        except (OperationalError, sqlite3.OperationalError, OSError):
            return False


def check_writable(timeout: int) -> None:
    """Check that SQLite lets us write within so many milliseconds; what it writes it rolls back.

    Raises sqlalchemy's DatabaseError or sqlite3.Error.
    """
    with closing(db.engine.raw_connection()) as connection:
        driver = connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            return
        deadline = time.monotonic() + timeout / 1000
        _wait_for_turn(db.engine, driver, deadline)
        driver.execute("PRAGMA query_only=OFF")
        if not begins_immediately(driver, deadline):
            driver.execute("BEGIN IMMEDIATE")
        # On a file that is read-only BEGIN IMMEDIATE begins to read, without an error.
        driver.execute("PRAGMA user_version=0")
        driver.rollback()


def checkpoint(app: Flask) -> None:
    """Checkpoint the WAL, to keep it small: a worker task.

    A file that could not be switched to WAL before is switched now, if nobody reads or writes.
    """
    with app.app_context(), closing(db.engine.raw_connection()) as connection:
        driver = connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            return
        if journal.use_wal(driver) and journal.size(driver):
            journal.checkpoint(driver)


@contextmanager
def read_only() -> Iterator[None]:
    """Make transactions that begin in this block read-only, as those of a GET are."""
    before = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(before)


@contextmanager
def single_wait() -> Iterator[None]:
    """Wait for a lock only once in this block: after one timeout every transaction fails at once.

    So a command with several transactions ends after the first timeout, as every request does.
    """
    within = _waits.get()
    before = _waits.set(within or _Waits(time.monotonic()))
    try:
        yield
    finally:
        _waits.reset(before)


def fail_fast() -> None:
    """Make transactions of this request fail at once, as for a busy database."""
    if (waits := _waits.get()) is not None:
        waits.timed_out = True


def wait_briefly(connection: PoolProxiedConnection) -> None:
    """Set a raw connection to wait for next to nothing, until its next transaction."""
    if isinstance(connection.driver_connection, sqlite3.Connection):
        connection.driver_connection.execute(f"PRAGMA busy_timeout={GLANCE_TIMEOUT_MS}").close()


def _begin_request() -> None:
    _reading.set(request.method in SAFE_METHODS)
    _waits.set(_Waits(time.monotonic()))


def _end_request(error: BaseException | None) -> None:
    _reading.set(False)
    _waits.set(None)


@event.listens_for(Engine, "do_connect")
def _connect(
    dialect: Dialect, record: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
) -> None:
    if dialect.name == "sqlite":
        options["factory"] = WriterConnection


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, record: PoolProxiedConnection) -> None:
    if isinstance(connection, sqlite3.Connection):
        journal.configure(connection)


@event.listens_for(Pool, "checkin")
def _check_in(connection: Any, record: ConnectionPoolEntry) -> None:
    """Roll back what a failed COMMIT left open; SQLAlchemy takes such a transaction for ended."""
    if not isinstance(connection, WriterConnection):
        return
    # An error raised here would keep the connection out of the pool for good, and turn a commit
    # that succeeded into a failure.
    try:
        if connection.in_transaction:
            connection.rollback()
    except sqlite3.Error as error:
        record.invalidate(error)
        return
    connection.end_turn()
    if record.info.pop(_WROTE, False):
        with suppress(sqlite3.Error, OSError):  # the next one tries again
            if journal.size(connection) > journal.MAX_SIZE:
                journal.checkpoint(connection)


@event.listens_for(Engine, "handle_error")
def _note_timeout(context: ExceptionContext) -> None:
    if failures.is_busy(context.original_exception):
        fail_fast()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        return
    if (waits := _waits.get()) is not None and waits.timed_out:
        raise _busy("database is locked, as it was a moment ago")
    if _reading.get():
        driver.execute("PRAGMA query_only=ON")
        driver.execute(f"PRAGMA busy_timeout={_timeout(READER_TIMEOUT_MS)}")
        driver.execute("BEGIN")
        return
    driver.execute("PRAGMA query_only=OFF")
    ready = connection.info.get(_READY) or journal.use_wal(driver)
    deadline = time.monotonic() + _timeout(BUSY_TIMEOUT_MS) / 1000
    _wait_for_turn(connection.engine, driver, deadline)
    try:
        _wait_until(driver, deadline)
        if not connection.info.get(_READY):
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.info[_READY] = ready
        # Taking the write lock at once means that a writer waits at BEGIN, and never fails later.
        if not begins_immediately(driver, deadline):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # SQLAlchemy raises what comes
        _wait_until(driver, deadline)
    except BaseException:
        if isinstance(driver, WriterConnection):
            driver.end_turn()
        raise
    connection.info[_WROTE] = True


def _wait_for_turn(engine: Engine, driver: sqlite3.Connection, deadline: float) -> None:
    """Let the writers of this process be served in turn. Raises OperationalError."""
    if isinstance(engine.pool, ConnectionPool) and isinstance(driver, WriterConnection):
        try:
            driver.wait_for_turn(engine.pool.turns, max(0, deadline - time.monotonic()))
        except QueueFull:
            fail_fast()
            raise _busy("database is locked by another writer of this process") from None


def _wait_until(driver: sqlite3.Connection, deadline: float) -> None:
    driver.execute(f"PRAGMA busy_timeout={max(0, int((deadline - time.monotonic()) * 1000))}")


def _busy(reason: str) -> OperationalError:
    return OperationalError("BEGIN", {}, sqlite3.OperationalError(reason))


def _timeout(maximum: int) -> int:
    """Return how long to wait, in milliseconds: less for a request that waited in the queue."""
    maximum = min(maximum, BUSY_TIMEOUT_MS)
    if not has_request_context() or (waits := _waits.get()) is None:
        return maximum
    elapsed = int((time.monotonic() - waits.since) * 1000)
    return max(0, min(maximum, REQUEST_TIMEOUT_MS - elapsed))
