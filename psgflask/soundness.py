"""Is the database's file whole? Looked through every night; a page that cannot be read is noted.

What was found stands in a file beside the database, for monitors, `flask doctor` and the next
start. It is of one file: a database that was restored begins without a fault.
"""

import json
import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask

from psgflask import faults, journal
from psgflask.database import BUSY_TIMEOUT_MS, db, is_sqlite, utc_now
from psgflask.durable import write_whole

log = logging.getLogger(__name__)

DATABASE, NOTE = "psg.sqlite", "database-check.json"
# In the first night after a day, when fewest come; after two days whenever it is.
NIGHT = range(1, 5)  # hours, UTC
NIGHTLY, LATEST = timedelta(hours=20), timedelta(hours=44)
# What is at fault is looked at again so soon: somebody may have mended it.
AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Note:
    """What was found, when (ISO 8601, empty: by a request alone), and of which file."""

    at: str
    fault: str
    file: list[int]


def fault(instance: Path) -> str:
    """Return what is known to be wrong with the database's file, empty when nothing is."""
    note = _read(instance)
    return note.fault if note is not None and note.file == _file_of(instance) else ""


def suspect(instance: Path, fault_: str) -> None:
    """Note that a page could not be read; the worker looks through the file in its next round."""
    if not fault(instance):
        with suppress(OSError):  # of which whoever asks next is told again
            _write(instance, Note("", fault_, _file_of(instance)))


def look_through(instance: Path) -> str:
    """Look through the whole file, note and return what is wrong with it, empty when nothing is.

    Raises sqlite3.Error while somebody holds the database.
    """
    found = _examined(instance / DATABASE)
    with suppress(OSError):
        _write(instance, Note(utc_now().isoformat(), found, _file_of(instance)))
    return found


def sweep(app: Flask) -> None:
    """Look through the file when that is due: a task of the worker."""
    instance = Path(app.instance_path)
    with app.app_context():
        ours = is_sqlite(db.engine) and db.engine.url.database == str(instance / DATABASE)
    if not ours or not _is_due(_read(instance), instance, utc_now()):
        return
    before = fault(instance)
    found = look_through(instance)
    if found:
        log.error("The database is damaged (%s): %s", found, advice(instance))
    elif before:
        log.warning("The database is whole again")


def advice(instance: Path) -> str:
    """Return the commands that bring the last backup back."""
    return (
        f"systemctl stop psgflask; mv {instance} {instance}.damaged; psgflask restore FILE (the"
        " newest backup that is whole: it is checked before anything is changed); systemctl start"
        " psgflask"
    )


def _is_due(note: Note | None, instance: Path, now: datetime) -> bool:
    if note is None or not note.at or note.file != _file_of(instance):
        return True
    age = abs(now - datetime.fromisoformat(note.at))
    if note.fault:
        return age >= AGAIN
    return age >= LATEST or (age >= NIGHTLY and now.hour in NIGHT)


def _examined(file: Path) -> str:
    try:
        # On a connection of its own, which has no page in memory that the file has lost.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
            journal.open_up(connection)
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA query_only=ON")
            # All that quick_check does, and each index is compared with its table.
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        if not faults.is_damaged(error):
            raise
        return faults.words(error)
    return "" if verdict == "ok" else " ".join(str(verdict).split())


def _file_of(instance: Path) -> list[int]:
    """Return which file the database is in; one that takes its place is another."""
    try:
        about = (instance / DATABASE).stat()
    except OSError:
        return []
    return [about.st_dev, about.st_ino]


def _read(instance: Path) -> Note | None:
    try:
        return Note(**json.loads((instance / NOTE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(instance: Path, note: Note) -> None:
    write_whole(instance / NOTE, json.dumps(asdict(note)).encode())
