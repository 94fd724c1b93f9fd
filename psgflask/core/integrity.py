"""Whether SQLite's database file is intact: checked every night, and after a page is unreadable.

The result is stored in a file beside the database, for monitors, `flask doctor` and the next
start. It holds for one file: a restored database starts without one. The file is the one in use,
wherever it is; other databases have no result. Everything here runs in an app context.
"""

import json
import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, current_app

from psgflask.core import failures, journal, owner
from psgflask.core.clock import london_hour, utc_now
from psgflask.core.database import BUSY_TIMEOUT_MS, database_file
from psgflask.core.durable import atomic_write
from psgflask.core.paths import DATABASE

log = logging.getLogger(__name__)

RESULT_FILE = "database-check.json"
# In the first night after a day, when fewest visitors come; after two days at any hour.
NIGHT = range(1, 5)  # hours in London
NIGHTLY, LATEST = timedelta(hours=20), timedelta(hours=44)
# A damaged file is checked again this soon: somebody may have repaired it.
RECHECK = timedelta(minutes=10)


@dataclass(frozen=True)
class CheckResult:
    """What is wrong, found when (ISO 8601; empty: by a request alone), and in which file."""

    at: str
    fault: str
    file: list[int]


def damage() -> str:
    """Return what is known to be wrong with the database file, empty when nothing is."""
    result, file = _read(), _file_id(database_file())
    return result.fault if result is not None and file and result.file == file else ""


def report_damage(fault: str) -> None:
    """Record that a page could not be read; the worker checks the file in its next round."""
    if not damage():
        _write("", fault, database_file())


def check_database() -> str:
    """Check the whole file, store and return what is wrong with it, empty when nothing is.

    Raises sqlite3.Error while another process holds the database, or it cannot be opened at all.
    """
    if (file := database_file()) is None:
        return ""
    fault = _check(file)
    _write(utc_now().isoformat(), fault, file)
    return fault


def run(app: Flask) -> None:
    """Check the file when that is due: a worker task."""
    with app.app_context():
        file = database_file()
        if file is None or not _is_due(_read(), _file_id(file), utc_now()):
            return
        before = damage()
        fault = check_database()
        if fault:
            log.error("The database is damaged (%s): %s", fault, recovery_advice())
        elif before:
            log.warning("The database is whole again")


def recovery_advice() -> str:
    """Return the commands that bring the last backup back."""
    instance, file = Path(current_app.instance_path), database_file()
    if file != instance / DATABASE:
        return (
            f"systemctl stop psgflask; bring {file} back from the newest backup that is whole, with"
            " the tool that made it; systemctl start psgflask"
        )
    name = owner.user_name(instance.stat().st_uid)
    return (
        f"systemctl stop psgflask; mv {instance} {instance}.damaged; install -d -o {name} -m 700"
        f" {instance}; sudo -u {name} PSG_INSTANCE={instance} psgflask restore FILE"
        f" --erased {instance}.damaged (FILE: the newest backup that is whole: it is checked before"
        " anything is changed); systemctl start psgflask"
    )


def _is_due(result: CheckResult | None, file: list[int], now: datetime) -> bool:
    if result is None or not result.at or result.file != file:
        return True
    age = abs(now - datetime.fromisoformat(result.at))
    if result.fault:
        return age >= RECHECK
    return age >= LATEST or (age >= NIGHTLY and london_hour(now) in NIGHT)


def _check(file: Path) -> str:
    try:
        # A new connection has no page in memory that the file may have lost.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as connection:
            journal.configure(connection)
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA query_only=ON")
            # All that quick_check does, and each index is compared with its table.
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        if not failures.is_damaged(error):
            raise
        return failures.describe(error)
    return "" if verdict == "ok" else " ".join(str(verdict).split())


def _file_id(file: Path | None) -> list[int]:
    """Return the device and inode of a file, empty where there is none."""
    try:
        stat = file.stat() if file is not None else None
    except OSError:
        stat = None
    return [stat.st_dev, stat.st_ino] if stat is not None else []


def _read() -> CheckResult | None:
    try:
        stored = Path(current_app.instance_path, RESULT_FILE).read_text("utf-8")
        return CheckResult(**json.loads(stored))
    except (OSError, ValueError, TypeError):
        return None


def _write(at: str, fault: str, file: Path | None) -> None:
    if not (file_id := _file_id(file)):
        return
    content = json.dumps(asdict(CheckResult(at, fault, file_id))).encode()
    with suppress(OSError):  # the next check reports it again
        atomic_write(Path(current_app.instance_path, RESULT_FILE), content)
