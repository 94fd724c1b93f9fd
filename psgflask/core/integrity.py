"""Is the database's file whole? Looked through every night; a page that cannot be read is noted.

What was found stands in a file beside the database, for monitors, `flask doctor` and the next
start. It is of one file: a database that was restored begins without a fault. The file is the one
in use, wherever it is; of a database that is none there is no note. All is asked within an app.
"""

import json
import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, current_app

from psgflask.core import faults, journal
from psgflask.core.clock import utc_now
from psgflask.core.database import BUSY_TIMEOUT_MS, file_in_use
from psgflask.core.durable import write_whole

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


def fault() -> str:
    """Return what is known to be wrong with the database's file, empty when nothing is."""
    note, file = _read(), _number_of(file_in_use())
    return note.fault if note is not None and file and note.file == file else ""


def suspect(fault_: str) -> None:
    """Note that a page could not be read; the worker looks through the file in its next round."""
    if not fault():
        _write("", fault_, file_in_use())


def look_through() -> str:
    """Look through the whole file, note and return what is wrong with it, empty when nothing is.

    Raises sqlite3.Error while somebody holds the database, or it cannot be opened at all.
    """
    if (file := file_in_use()) is None:
        return ""
    found = _examined(file)
    _write(utc_now().isoformat(), found, file)
    return found


def sweep(app: Flask) -> None:
    """Look through the file when that is due: a task of the worker."""
    with app.app_context():
        file = file_in_use()
        if file is None or not _is_due(_read(), _number_of(file), utc_now()):
            return
        before = fault()
        found = look_through()
        if found:
            log.error("The database is damaged (%s): %s", found, advice())
        elif before:
            log.warning("The database is whole again")


def advice() -> str:
    """Return the commands that bring the last backup back."""
    instance, file = Path(current_app.instance_path), file_in_use()
    if file != instance / DATABASE:
        return (
            f"systemctl stop psgflask; bring {file} back from the newest backup that is whole, with"
            " the tool that made it; systemctl start psgflask"
        )
    return (
        f"systemctl stop psgflask; mv {instance} {instance}.damaged; psgflask restore FILE (the"
        " newest backup that is whole: it is checked before anything is changed); systemctl start"
        " psgflask"
    )


def _is_due(note: Note | None, file: list[int], now: datetime) -> bool:
    if note is None or not note.at or note.file != file:
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


def _number_of(file: Path | None) -> list[int]:
    """Return which file that is, empty when there is none; one that takes its place is another."""
    try:
        about = file.stat() if file is not None else None
    except OSError:
        about = None
    return [about.st_dev, about.st_ino] if about is not None else []


def _read() -> Note | None:
    try:
        return Note(**json.loads(Path(current_app.instance_path, NOTE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(at: str, fault_: str, file: Path | None) -> None:
    if not (number := _number_of(file)):
        return
    content = json.dumps(asdict(Note(at, fault_, number))).encode()
    with suppress(OSError):  # of which whoever asks next is told again
        write_whole(Path(current_app.instance_path, NOTE), content)
