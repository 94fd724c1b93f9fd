"""Failures of disk and database, classified and described: full, unwritable, busy, damaged.

Descriptions hold no personal data: they go to logs, to the terminal and to `flask doctor`.
"""

import errno
import logging
import re
import sqlite3
from pathlib import Path

import click
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from psgflask.core.escaping import one_line

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
UNWRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# https://www.sqlite.org/rescode.html; the second byte of an extended code is seldom needed.
SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL})
# Where there is no space for a journal, SQLite may also say that it cannot open or write a file.
SQLITE_UNWRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
)
SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SQLITE_UNREACHABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Only these I/O errors say that the disk no longer returns what was written; the others (too many
# open files, no memory, no permission) say nothing about the file.
SQLITE_UNREADABLE = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
POSTGRESQL_BUSY = frozenset({"55P03", "40P01", "57014"})
POSTGRESQL_FULL, POSTGRESQL_UNWRITABLE = frozenset({"53100"}), frozenset({"25006"})
# A table or a column that is in this code alone: PostgreSQL's codes, SQLite's words.
POSTGRESQL_OUTDATED = frozenset({"42P01", "42703"})
SQLITE_OUTDATED = ("no such table", "no such column", "has no column named")
ADDRESS = re.compile(r"\S{1,64}@\S+")
MAX_LENGTH = 200

NO_SPACE = "there is no room left on the disk"
FREE_SPACE = "Make room on the disk of the instance folder: it goes on by itself within a minute"
CHECK_FILE = "Look at the file, its rights, and whether its disk may be written to"


class DatabaseMissing(sqlite3.OperationalError):
    """The database file is not there, and is not to be created."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"there is no database at {file}")
        self.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN


def is_disk_full(error: BaseException) -> bool:
    """Say whether a write failed because the disk, or a quota, is full."""
    return _is_one_of(error, FULL, SQLITE_FULL, POSTGRESQL_FULL)


def cannot_write(error: BaseException) -> bool:
    """Say whether nothing can be written at present: the disk is full, read-only or failing."""
    unwritable = _is_one_of(error, UNWRITABLE, SQLITE_UNWRITABLE, POSTGRESQL_UNWRITABLE)
    return unwritable or is_disk_full(error)


def is_busy(error: BaseException) -> bool:
    """Say whether a lock of the database, or a free connection to it, was not got in time."""
    cause = _cause(error)
    if isinstance(cause, NoConnectionLeft):
        return True
    locked = isinstance(cause, sqlite3.Error) and ("locked" in str(cause) or "busy" in str(cause))
    return locked or _is_one_of(error, frozenset(), SQLITE_BUSY, POSTGRESQL_BUSY)


def is_damaged(error: BaseException) -> bool:
    """Say whether the disk no longer returns what was written to the database file."""
    cause = _cause(error)
    if not isinstance(cause, sqlite3.Error):
        return False
    # A text whose bytes were changed has no code of its own.
    undecodable = "Could not decode" in str(cause)
    return undecodable or _code(cause) in SQLITE_UNREADABLE or _code(cause) & 0xFF in SQLITE_DAMAGED


def is_unreachable(error: BaseException) -> bool:
    """Say whether the database file cannot be opened or read at present, damaged or not."""
    return _is_one_of(error, frozenset(), SQLITE_UNREACHABLE, frozenset())


def is_outdated(error: BaseException) -> bool:
    """Say whether a statement failed because the tables are older than this code."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return any(words in str(cause) for words in SQLITE_OUTDATED)
    return getattr(cause, "sqlstate", None) in POSTGRESQL_OUTDATED


def describe(error: BaseException) -> str:
    """Return one line on what went wrong; only the name of an error that may hold anything."""
    cause = _cause(error)
    if is_disk_full(error):
        text = NO_SPACE
    elif isinstance(cause, OSError) and cause.strerror:
        text = f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    elif isinstance(cause, sqlite3.Error) or type(error).__module__.startswith("psgflask."):
        text = str(cause)
    else:
        text = type(error).__name__
    return one_line(" ".join(ADDRESS.sub("...", text).split()))[:MAX_LENGTH]


def advice(error: BaseException) -> str:
    """Return what to do about the failure of a task that is retried."""
    if is_disk_full(error):
        return FREE_SPACE
    if is_busy(error):
        return "Another program writes to the database: see whether a shell or a tool was left open"
    if cannot_write(error):
        return CHECK_FILE
    if isinstance(error, click.ClickException):  # its words say what is wrong
        return "Once that is put right it goes on by itself within minutes"
    return "The log of the server says more; it is tried again every half a minute"


def remedy(error: BaseException) -> str:
    """Return what to do about a command that could not write."""
    return "Make room there, and run the command again" if is_disk_full(error) else CHECK_FILE


def log_failure(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log an error: one line if it is worded for people, else with its traceback."""
    if cannot_write(error) or is_busy(error) or isinstance(error, click.ClickException):
        log.warning("%s: %s", what, describe(error))
    else:
        log.error("%s", what, exc_info=error)


def _is_one_of(
    error: BaseException,
    numbers: frozenset[int],
    sqlite_codes: frozenset[int],
    sqlstates: frozenset[str],
) -> bool:
    cause = _cause(error)
    if isinstance(cause, OSError):
        return cause.errno in numbers
    if isinstance(cause, sqlite3.Error):
        return _code(cause) & 0xFF in sqlite_codes
    return getattr(cause, "sqlstate", None) in sqlstates


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's extended result code; errors that the driver itself raises have none."""
    return getattr(error, "sqlite_errorcode", 0)


def _cause(error: BaseException) -> BaseException:
    """Return the driver's error where SQLAlchemy has wrapped it."""
    cause = getattr(error, "orig", None)
    return cause if isinstance(cause, BaseException) else error
