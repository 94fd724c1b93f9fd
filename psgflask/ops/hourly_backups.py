"""Hourly backups: a worker task makes, checks and rotates them in a folder of their own.

Their names are times in UTC. Nothing is deleted before a newer backup is whole.
"""

import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

from flask import Flask

from psgflask.core import clock_watch, durable, failures, personal_data
from psgflask.core.clock import london_day, utc_now
from psgflask.core.clock_watch import TimeBounds, uptime
from psgflask.core.database import database_file
from psgflask.core.paths import DATABASE, MEDIA, backup_folder
from psgflask.ops import backup_archive, backups
from psgflask.ops.backup_archive import BackupRefused
from psgflask.ops.media_store import MediaStore

log = logging.getLogger(__name__)

# With the time that it takes to make one, no more than an hour is ever lost.
INTERVAL = timedelta(minutes=55)
# Of older ones the newest of each day is kept, for as long as people were promised.
HOURLY = 24
OLDEST = personal_data.BACKUPS.periods["oldest"]
CHECK_INTERVAL = timedelta(days=1)
RETRY_SECONDS = 300.0
MIN_FREE = 200_000_000  # bytes that a backup leaves free: the site may be on the same disk
NAME_FORMAT = "%Y-%m-%dT%H%M%SZ"
# One that lacks media, because nothing has them any more, says so by its name.
NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d{6}Z)(-incomplete)?\.tar\.gz", re.ASCII)
CHECK_FILE = "last-check.json"
# The path of the instance whose backups a folder has: two sites would delete each other's.
SITE_FILE = "site.txt"


@dataclass(frozen=True, order=True)
class HourlyBackup:
    """A backup in the folder: when it was made, and its file."""

    made_at: datetime
    file: Path
    is_complete: bool = True


@dataclass(frozen=True)
class FolderCheck:
    """When all backups of the folder were last read (ISO 8601), and what is wrong with which."""

    at: str
    damaged: Mapping[str, str] = field(default_factory=dict)


@dataclass
class LastFailure:
    """Why this process could make no backup, and at what uptime that was."""

    error: Exception | None = None
    at: float = 0.0


def init_app(app: Flask) -> None:
    """Make the first run of the task in a process try."""
    app.extensions["psg_backups"] = LastFailure()


def folder_of(app: Flask) -> Path | None:
    """Return the folder of the backups.

    None when they are off, and where the database is not the instance's own. In an app context.
    """
    instance = Path(app.instance_path)
    if database_file() != instance / DATABASE:
        return None
    return backup_folder(instance, app.config["BACKUP_FOLDER"])


def in_folder(folder: Path) -> list[HourlyBackup]:
    """Return the backups in a folder, newest first. Raises OSError."""
    found: list[HourlyBackup] = []
    for file in folder.iterdir() if folder.is_dir() else ():
        if name := NAME.fullmatch(file.name):
            try:
                made_at = datetime.strptime(name[1], NAME_FORMAT).replace(tzinfo=UTC)
            except ValueError:  # February 30
                continue
            found.append(HourlyBackup(made_at, file, not name[2]))
    return sorted(found, reverse=True)


def files(app: Flask) -> list[Path]:
    """Return the files of the backups, newest first. In an app context. Raises OSError."""
    folder = folder_of(app)
    return [one.file for one in in_folder(folder)] if folder is not None else []


def check_site(app: Flask, folder: Path) -> None:
    """Raise BackupRefused where a folder that is named has the backups of another site.

    The default one is beside the instance, and so its own. Raises OSError.
    """
    if not app.config["BACKUP_FOLDER"]:
        return
    other = _site_of(folder)
    if other not in {"", app.instance_path}:
        raise BackupRefused(
            f"{folder} has the backups of the site in {other}, and this one is in"
            f" {app.instance_path}: name another BACKUP_FOLDER. If that site moved here, or is no"
            f" more, delete {folder / SITE_FILE}"
        )


def newest(made: Sequence[HourlyBackup], now: datetime) -> datetime | None:
    """Return when the newest was made; one of a time to come says nothing."""
    return max((one.made_at for one in made if one.made_at <= now), default=None)


def run(app: Flask, stop: Event | None = None) -> None:
    """Make a backup when the last one is an hour old: a worker task. Raises BackupRefused, OSError.

    Without a folder or room it is tried again in the next round. After another failure minutes
    later, since a try may take long: until then the same is raised again, and so stays with the
    failing tasks of the worker.
    """
    failure: LastFailure = app.extensions["psg_backups"]
    if failure.error is not None and uptime() - failure.at < RETRY_SECONDS:
        raise failure.error.with_traceback(None)  # else it grows with every round
    with app.app_context():
        folder = folder_of(app)
    if folder is None:
        return
    check_site(app, folder)
    now = utc_now()
    last = newest(in_folder(folder), now)
    if last is not None and now - last < INTERVAL:
        return
    _prepare(app, folder)
    failure.error = None
    try:
        _make(app, folder, now, stop)
    except (BackupRefused, OSError) as error:
        failure.error, failure.at = error, uptime()
        raise


def rotate(
    folder: Path, made: HourlyBackup, bounds: TimeBounds, damaged: Mapping[str, str]
) -> list[HourlyBackup]:
    """Delete what newer backups have replaced; return what is left.

    The one just made is never deleted, and if it lacks media neither is the last that did not.
    Else the newest are kept, and of earlier ones the last of each day that is whole; none for
    longer than people were promised. By the earliest time that it can be: a clock that is wrong for
    less than a day deletes none by age. What is dated after the latest was made by such a clock.
    """
    oldest = bounds.earliest - (OLDEST - INTERVAL)
    by_day: dict[date, HourlyBackup] = {}
    left: list[HourlyBackup] = []
    found = in_folder(folder)
    whole = (one for one in found if one.is_complete and one.file.name not in damaged)
    needed = {made, made if made.is_complete else next(whole, made)}
    for number, one in enumerate(found):
        replaced = number >= HOURLY and (
            one.file.name in damaged or by_day.setdefault(london_day(one.made_at), one) is not one
        )
        if one not in needed and (replaced or not oldest <= one.made_at <= bounds.latest):
            one.file.unlink(missing_ok=True)
        else:
            left.append(one)
    return left


def check(folder: Path, now: datetime, stop: Event | None = None) -> FolderCheck | None:
    """Read every backup, delete the media that none of them names, and store what was found.

    While one cannot be read its media are not known, and all stay. None once `stop` is set. Raises
    OSError.
    """
    damaged: dict[str, str] = {}
    all_known = True
    whole: dict[str, bool] = {}  # media, by hash
    store = MediaStore(folder / MEDIA)
    for one in in_folder(folder):
        if stop is not None and stop.is_set():
            return None
        try:
            manifest = backup_archive.read(one.file)
        except BackupRefused as error:
            damaged[one.file.name], all_known = error.message, False
            continue
        for size, file_hash in manifest.stored.values():
            if file_hash not in whole:
                whole[file_hash] = store.is_whole(size, file_hash)
        if lost := sum(not whole[file_hash] for _size, file_hash in manifest.stored.values()):
            damaged[one.file.name] = f"{lost} of its files in {MEDIA}/ are lost or damaged"
    if all_known:
        store.remove_others(whole)
    checked = FolderCheck(now.isoformat(timespec="seconds"), damaged)
    content, temporary = json.dumps(asdict(checked)).encode(), folder / f".{CHECK_FILE}"
    durable.atomic_write(folder / CHECK_FILE, content, temporary=temporary)
    return checked


def last_check(folder: Path) -> FolderCheck | None:
    """Return what the last check of a folder found, None if none can be read."""
    try:
        stored = FolderCheck(**json.loads((folder / CHECK_FILE).read_bytes()))
        datetime.fromisoformat(stored.at)
        dict(stored.damaged)
    except (OSError, ValueError, TypeError):
        return None
    return stored


def _make(app: Flask, folder: Path, now: datetime, stop: Event | None) -> None:
    instance = Path(app.instance_path)
    file = folder / f"{now.strftime(NAME_FORMAT)}.tar.gz"
    incomplete = file.with_name(file.name.replace(".", "-incomplete.", 1))
    manifest = backups.create(
        instance,
        file,
        dict(app.config),
        now=now,
        share_media=True,
        incomplete=incomplete,
        stop=stop,
    )
    if not manifest.is_complete:
        file = incomplete
        log.warning("The backup %s is incomplete: %s", file.name, "; ".join(manifest.missing[:3]))
    before = last_check(folder)
    made = HourlyBackup(now.replace(microsecond=0), file, manifest.is_complete)
    rotate(folder, made, clock_watch.time_bounds(app), before.damaged if before else {})
    if before is None or abs(now - datetime.fromisoformat(before.at)) >= CHECK_INTERVAL:
        checked = check(folder, now, stop)
        for name, fault in checked.damaged.items() if checked else ():
            log.error("The backup %s is damaged: %s", folder / name, fault)


def _site_of(folder: Path) -> str:
    """Return the instance whose backups a folder has, "" where that is not known."""
    try:
        return (folder / SITE_FILE).read_text("utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _prepare(app: Flask, folder: Path) -> None:
    """Check that there is a folder with room, and make it if it is the default one.

    Another has to be there: its disk may not be mounted. From then on it is this site's. Raises
    BackupRefused.
    """
    try:
        if not app.config["BACKUP_FOLDER"]:
            folder.mkdir(mode=0o700, exist_ok=True)
        elif not folder.is_dir():
            raise BackupRefused(f"There is no folder {folder}: is its disk mounted?")
        _check_space(Path(app.instance_path), folder)
        if _site_of(folder) != app.instance_path:
            content, temporary = f"{app.instance_path}\n".encode(), folder / f".{SITE_FILE}"
            durable.atomic_write(folder / SITE_FILE, content, temporary=temporary)
    except OSError as error:
        reason = failures.describe(error)
        raise BackupRefused(f"No backup can be made in {folder}: {reason}") from error


def _check_space(instance: Path, folder: Path) -> None:
    """Raise BackupRefused where there is no room for a backup, and some to spare."""
    store = MediaStore(folder / MEDIA)
    files = (instance / name for name in backups.media_files(instance, {}))
    new = sum(
        file.stat().st_size
        for file in files
        if not store.path_of(file.name).exists() and file.is_file()
    )
    # The copy of the database, and the archive of it.
    needed = 2 * (instance / DATABASE).stat().st_size + new + MIN_FREE
    if needed > (free := shutil.disk_usage(folder).free):
        raise BackupRefused(
            f"There is no room for a backup in {folder}: it takes {needed / 1e6:,.0f} MB, and"
            f" {free / 1e6:,.0f} MB are free"
        )
