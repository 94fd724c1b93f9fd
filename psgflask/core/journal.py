"""SQLite's write-ahead log (WAL): its mode, size and checkpoints, one at a time."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from psgflask.core import failures
from psgflask.core.locks import FileLock

# SQLite before this version can corrupt a WAL database when two processes checkpoint at once.
WAL_IS_SAFE_FROM = (3, 51, 3)
MODE = "WAL"
LOCK = "checkpoint.lock"
# Beside the database file while it is open: the newest commits.
WAL = "-wal"
# Bytes: a commit that leaves a larger WAL checkpoints it at once, worker or none.
MAX_SIZE = 4_000_000


def mode_and_reason() -> tuple[str, str]:
    """Return the journal mode, and how checkpoints are kept safe in it."""
    version = ".".join(map(str, sqlite3.sqlite_version_info))
    if sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM:
        return MODE, f"SQLite {version} checkpoints safely from several processes"
    return MODE, f"SQLite {version} is older than 3.51.3: one checkpoint at a time, under a lock"


def configure(connection: sqlite3.Connection) -> None:
    """Configure a new connection without reading the file, which may be locked."""
    # We send BEGIN ourselves: the driver would begin late and never IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        "foreign_keys=ON",
        # Deleted content is overwritten with zeros: it may be an address, or a secret link.
        "secure_delete=ON",
        # No connection checkpoints by itself: below 3.51.3 two at once could corrupt the file.
        "wal_autocheckpoint=0",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def use_wal(connection: sqlite3.Connection) -> bool:
    """Switch the file to WAL if need be; return False, without waiting, when it is in use.

    Switching takes an exclusive lock for a moment. Until then the former mode stays.
    """
    connection.execute("PRAGMA busy_timeout=0").close()
    try:
        (mode,) = connection.execute(f"PRAGMA journal_mode={MODE}").fetchone()
    except sqlite3.DatabaseError:  # locked, or worse: the next query will raise it
        return False
    return str(mode).upper() == MODE


def size(connection: sqlite3.Connection) -> int:
    """Return the size of the WAL in bytes; 0 in another mode, or without a file."""
    with suppress(OSError):
        if file := _file(connection):
            return Path(f"{file}{WAL}").stat().st_size
    return 0


def checkpoint(connection: sqlite3.Connection, *, timeout: int = 0) -> bool:
    """Checkpoint and truncate the WAL; return False when some of it had to stay.

    Waits at most `timeout` milliseconds for readers and writers, and not at all for another
    checkpoint; whatever can be written back is. Raises sqlite3.Error, but not for a lock; OSError
    where `checkpoint.lock` cannot be opened.
    """
    if not (file := _file(connection)):
        return True
    try:
        lock = FileLock(Path(file).with_name(LOCK), create=True, wait=False)
    except BlockingIOError:
        return False
    with lock:
        connection.execute("PRAGMA query_only=OFF").close()
        connection.execute(f"PRAGMA busy_timeout={timeout}").close()
        try:
            (busy, *_pages) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if not failures.is_busy(error):
                raise
            return False
    return not busy


def _file(connection: sqlite3.Connection) -> str:
    rows = connection.execute("PRAGMA database_list").fetchall()
    return next((str(file) for _number, name, file in rows if name == "main"), "")
