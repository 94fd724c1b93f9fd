"""Backups: one tar of database, media and settings, with the hash of each file in a manifest."""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from psgflask.core import durable, locks
from psgflask.core.config import SETTINGS
from psgflask.ops import archives
from psgflask.ops.archives import DATABASE, MANIFEST, MEDIA, SETTINGS_FILE, BackupRefused, Manifest

# Where a backup is made, beside where it will stand; of one that was killed, the next removes it.
WORKING = ".psgflask-backup-"
Mode = Literal["x:", "x:gz", "x:bz2", "x:xz"]
# How a backup is packed, by the end of its name; `archives.read` reads each of them.
PACKINGS: dict[str, Mode] = {
    ".tar": "x:",
    ".tar.gz": "x:gz",
    ".tgz": "x:gz",
    ".tar.bz2": "x:bz2",
    ".tar.xz": "x:xz",
}
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
PROGRAMS = "SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')"
LONGEST_WAIT = 30.0  # seconds for a database that somebody else has taken for themselves


def make(instance: Path, target: Path, settings: dict[str, Any], *, now: datetime) -> Manifest:
    """Write a backup of an instance to a file that does not exist yet.

    The end of its name says how it is packed (PACKINGS). The site may run meanwhile. The archive
    gets its name once it is whole and was read back.
    Raises BackupRefused.
    """
    mode = _mode(target)
    if target.exists():
        raise BackupRefused(f"{target} exists already: choose another name")
    if not (instance / DATABASE).is_file():
        raise BackupRefused(f"There is no database in {instance}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _working(target.parent) as folder:
            copy, part = folder / DATABASE, folder / "archive.tar"
            manifest = _copy_database(instance / DATABASE, copy, now)
            with tarfile.open(part, mode, format=tarfile.PAX_FORMAT) as archive:
                _add_file(archive, manifest, DATABASE, copy)
                _add_bytes(archive, manifest, SETTINGS_FILE, _settings(settings))
                for file in _media(instance):
                    name = file.relative_to(instance).as_posix()
                    if not archives.is_ours(name):
                        raise BackupRefused(f"Rename or remove {name!r}: no archive can hold that")
                    # One that goes in the meantime is no longer the site's.
                    with suppress(FileNotFoundError):
                        _add_file(archive, manifest, name, file)
                _add_bytes(archive, None, MANIFEST, manifest.to_json())
            archives.read(part)
            part.chmod(0o600)
            durable.fsync(part)
            part.rename(target)
            durable.fsync(target.parent)
    except OSError as error:
        raise BackupRefused(f"Cannot write {target}: {error.strerror or error}") from error
    return manifest


def _mode(target: Path) -> Mode:
    """Return how tarfile opens a new archive of that name. Raises BackupRefused."""
    for end, mode in PACKINGS.items():
        if target.name.lower().endswith(end):
            return mode
    raise BackupRefused(f"Let the name of the backup end in one of {', '.join(PACKINGS)}")


def is_open_to_others(target: Path) -> bool:
    """Say whether others on this machine may look into the folder of a backup."""
    return bool(target.parent.stat().st_mode & 0o077)


def examine_database(file: Path) -> tuple[str, dict[str, int]]:
    """Return a database's revision and how many rows each table has. Raises BackupRefused."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BackupRefused(f"The database is damaged: {_one_line(verdict)}")
            names = [name for (name,) in database.execute(TABLES)]
            # The site has none; what they do when something is written, nobody could foresee.
            if database.execute(PROGRAMS).fetchone():
                raise BackupRefused(
                    "The database holds triggers or views, which are not the site's"
                )
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
            counts = {name: _rows(database, name) for name in names}
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise BackupRefused(f"The database cannot be read: {_one_line(error)}") from error
    return str(revision), counts


def _rows(database: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    (count,) = database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608  # quoted
    return int(count)


def _one_line(words: object) -> str:
    return " ".join(str(words).split())[:200]


def _copy_database(source: Path, copy: Path, now: datetime) -> Manifest:
    """Copy a database in use by SQLite's online backup, and look whether the copy is whole."""
    try:
        with (
            closing(sqlite3.connect(source, timeout=1)) as live,
            closing(sqlite3.connect(copy)) as kept,
        ):
            # In one step: it sees one state of the database, and begins anew for no writer.
            live.backup(kept, progress=_within(LONGEST_WAIT), sleep=0.1)
            kept.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
    except sqlite3.Error as error:
        raise BackupRefused(f"The database cannot be copied: {error}") from error
    revision, rows = examine_database(copy)
    return Manifest(now.isoformat(timespec="seconds"), revision, rows)


def _within(seconds: float) -> Callable[[int, int, int], None]:
    """Return what ends a copy that could not begin for so long. It raises BackupRefused."""
    ends = time.monotonic() + seconds

    def look(status: int, remaining: int, total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > ends:
            raise BackupRefused("The database is busy. Nothing was saved: try again in a moment")

    return look


@contextmanager
def _working(folder: Path) -> Iterator[Path]:
    """Make a folder for this backup alone, and remove what those left that were killed."""
    with locks.try_exclusive(folder) as is_alone:
        if not is_alone:
            raise BackupRefused(f"Another backup is being written into {folder}: wait for its end")
        with durable.temporary_folder(folder, WORKING) as working:
            yield working


def _settings(settings: dict[str, Any]) -> bytes:
    chosen = {
        setting.name: settings[setting.name]
        for setting in SETTINGS
        if setting.backup and settings[setting.name] != setting.default
    }
    return json.dumps(chosen, indent=1, sort_keys=True).encode()


def _media(instance: Path) -> list[Path]:
    """Return the media files; what begins with a dot, folder or file, is still being written."""
    found: list[Path] = []
    for name, folders, files in os.walk(instance / MEDIA, onerror=_unless_gone):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        found += [Path(name, file) for file in files if not file.startswith(".")]
    return sorted(found)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _add_file(archive: tarfile.TarFile, manifest: Manifest, name: str, file: Path) -> None:
    # Hashed first, then written: reading the archive back would notice a change in between.
    with file.open("rb") as opened:
        manifest.files[name] = (os.fstat(opened.fileno()).st_size, archives.hashed(opened))
        opened.seek(0)
        member = tarfile.TarInfo(name)
        member.size, member.mode = manifest.files[name][0], 0o600
        archive.addfile(member, opened)


def _add_bytes(
    archive: tarfile.TarFile, manifest: Manifest | None, name: str, content: bytes
) -> None:
    if manifest is not None:
        manifest.files[name] = (len(content), hashlib.sha256(content).hexdigest())
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))
