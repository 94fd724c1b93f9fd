"""SQLite's journal: write-ahead on every version, and one checkpoint at a time."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from psgflask.core import failures
from psgflask.core.locks import FileLock

# SQLite before this version can corrupt a WAL database when two processes checkpoint at once.
WAL_IS_SAFE_FROM = (3, 51, 3)
MODE = "WAL"
LOCK = "checkpoint.lock"
# Beside the database's file while it is open: what is newest in the database.
WAL = "-wal"
# What a commit leaves in the journal beyond this is written back at once, worker or none.
MAX_SIZE = 4_000_000


def mode_and_reason() -> tuple[str, str]:
    """Return the journal mode to be used and how checkpoints are kept safe in it."""
    version = ".".join(map(str, sqlite3.sqlite_version_info))
    if sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM:
        return MODE, f"SQLite {version} checkpoints safely from several processes"
    return MODE, f"SQLite {version} is older than 3.51.3: one checkpoint at a time, under a lock"


def configure(connection: sqlite3.Connection) -> None:
    """Set on a new connection what needs no look at the file, which may be locked."""
    # We say BEGIN ourselves: the driver would begin late and never IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        "foreign_keys=ON",
        # What is deleted is overwritten: the file holds addresses, and links that open something.
        "secure_delete=ON",
        # No connection checkpoints by itself: below 3.51.3 two at once could corrupt the file.
        "wal_autocheckpoint=0",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def use_wal(connection: sqlite3.Connection) -> bool:
    """Change the file to WAL if it is not yet; False, without waiting, when that cannot be now.

    It wants the file for itself for a moment. As long as it is refused the former mode holds.
    """
    connection.execute("PRAGMA busy_timeout=0").close()
    try:
        (mode,) = connection.execute(f"PRAGMA journal_mode={MODE}").fetchone()
    except sqlite3.DatabaseError:  # locked, or worse, which whoever asks for rows will hear
        return False
    return str(mode).upper() == MODE


def size(connection: sqlite3.Connection) -> int:
    """Return the size of the journal in bytes; 0 in another mode, or of no file."""
    with suppress(OSError):
        if file := _file(connection):
            return Path(f"{file}{WAL}").stat().st_size
    return 0


def checkpoint(connection: sqlite3.Connection, *, patience: int = 0) -> bool:
    """Write the journal back and empty it; False when some of it had to stay.

    Waits at most `patience` milliseconds for who reads or writes, and not at all for another
    checkpoint. What can be written back is in any case. Raises sqlite3.Error, but not for a lock;
    OSError where `checkpoint.lock` cannot be opened.
    """
    if not (file := _file(connection)):
        return True
    try:
        lock = FileLock(Path(file).with_name(LOCK), create=True, wait=False)
    except BlockingIOError:
        return False
    with lock:
        connection.execute("PRAGMA query_only=OFF").close()
        connection.execute(f"PRAGMA busy_timeout={patience}").close()
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
