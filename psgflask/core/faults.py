"""What the machine refuses, in words: a full disk, a file that is closed, a database that is busy.

What is said holds no personal data: it goes to logs, to the terminal and to `flask doctor`.
"""

import errno
import logging
import re
import sqlite3

from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from psgflask.core.escaping import one_line

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
# https://www.sqlite.org/rescode.html; the second byte of a code says more, which is seldom needed.
SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL})
# Where there is no room for a journal, SQLite may also say that it cannot open or write a file.
SQLITE_CLOSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SQLITE_OUT_OF_REACH = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Of what is out of reach these alone say that the disk no longer gives what was written; the others
# (too many open files, no memory, no rights) say nothing of the file.
SQLITE_UNREADABLE = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
POSTGRESQL_BUSY = frozenset({"55P03", "40P01", "57014"})
POSTGRESQL_FULL, POSTGRESQL_CLOSED = frozenset({"53100"}), frozenset({"25006"})
ADDRESS = re.compile(r"\S{1,64}@\S+")
LONGEST = 200

NO_ROOM = "there is no room left on the disk"
MAKE_ROOM = "Make room on the disk of the instance folder: it goes on by itself within a minute"
LOOK = "Look at the file, its rights, and whether its disk may be written to"


def is_full(error: BaseException) -> bool:
    """Say whether something could not be written because the disk, or a quota, is full."""
    return _is_one_of(error, FULL, SQLITE_FULL, POSTGRESQL_FULL)


def cannot_write(error: BaseException) -> bool:
    """Say whether nothing can be written at present: the disk is full, read-only or failing."""
    closed = _is_one_of(error, CLOSED, SQLITE_CLOSED, POSTGRESQL_CLOSED)
    return closed or is_full(error)


def is_busy(error: BaseException) -> bool:
    """Say whether others hold the database, or each connection to it, longer than was waited."""
    cause = _cause(error)
    if isinstance(cause, NoConnectionLeft):
        return True
    told = isinstance(cause, sqlite3.Error) and ("locked" in str(cause) or "busy" in str(cause))
    return told or _is_one_of(error, frozenset(), SQLITE_BUSY, POSTGRESQL_BUSY)


def is_damaged(error: BaseException) -> bool:
    """Say whether what the disk gives of the database's file is no longer what was written."""
    cause = _cause(error)
    if not isinstance(cause, sqlite3.Error):
        return False
    # A text whose bytes were changed has no code of its own.
    told = "Could not decode" in str(cause)
    return told or _code(cause) in SQLITE_UNREADABLE or _code(cause) & 0xFF in SQLITE_DAMAGED


def is_out_of_reach(error: BaseException) -> bool:
    """Say whether the database's file cannot be opened or read at present, damaged or not."""
    return _is_one_of(error, frozenset(), SQLITE_OUT_OF_REACH, frozenset())


def words(error: BaseException) -> str:
    """Return in one line what went wrong: of an error that may hold anything its name alone."""
    cause = _cause(error)
    if is_full(error):
        told = NO_ROOM
    elif isinstance(cause, OSError) and cause.strerror:
        told = f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    elif isinstance(cause, sqlite3.Error) or type(error).__module__.startswith("psgflask."):
        told = str(cause)
    else:
        told = type(error).__name__
    return one_line(" ".join(ADDRESS.sub("...", told).split()))[:LONGEST]


def advice(error: BaseException) -> str:
    """Return what to do about a failure of what is tried again by itself."""
    if is_full(error):
        return MAKE_ROOM
    if is_busy(error):
        return "Another program writes to the database: see whether a shell or a tool was left open"
    if cannot_write(error):
        return LOOK
    return "The log of the server says more; it is tried again every half a minute"


def remedy(error: BaseException) -> str:
    """Return what to do for whoever typed the command that could not write."""
    return "Make room there, and run the command again" if is_full(error) else LOOK


def record(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log what went wrong: of the machine or a busy database in words, else with a traceback."""
    if cannot_write(error) or is_busy(error):
        log.warning("%s: %s", what, words(error))
    else:
        log.error("%s", what, exc_info=error)


def _is_one_of(
    error: BaseException,
    numbers: frozenset[int],
    sqlite_codes: frozenset[int],
    states: frozenset[str],
) -> bool:
    cause = _cause(error)
    if isinstance(cause, OSError):
        return cause.errno in numbers
    if isinstance(cause, sqlite3.Error):
        return _code(cause) & 0xFF in sqlite_codes
    return getattr(cause, "sqlstate", None) in states


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's own number for it; what the driver itself raises has none."""
    return getattr(error, "sqlite_errorcode", 0)


def _cause(error: BaseException) -> BaseException:
    """Return what the driver of the database raised, where SQLAlchemy has wrapped it."""
    cause = getattr(error, "orig", None)
    return cause if isinstance(cause, BaseException) else error
