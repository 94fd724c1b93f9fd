"""Backups: a tar of all that a site needs, with the hash of each file in a manifest.

Media are in it too, or in a store beside it that many backups share.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import IO, Any, Literal

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from psgflask.core import durable, failures, locks
from psgflask.core.config import SETTINGS
from psgflask.core.paths import DATABASE, MEDIA
from psgflask.members import erasure
from psgflask.news.media import broken_files
from psgflask.news.media.broken_files import NamedFile
from psgflask.news.media.storage import path_of
from psgflask.news.redaction import redactions_of_file
from psgflask.ops import backup_archive
from psgflask.ops.backup_archive import MANIFEST, BackupRefused, Manifest, is_allowed_name
from psgflask.ops.backup_contents import LISTS, SETTINGS_FILE, TEMPORARY
from psgflask.ops.media_store import MediaStore

# The folder in which a backup is written, beside it; a stale one is removed by the next backup.
TEMPORARY_PREFIX = ".psgflask-backup-"
TarMode = Literal["x:", "x:gz", "x:bz2", "x:xz"]
# The compression of a backup by its suffix; `backup_archive.read` reads each of them.
COMPRESSION_MODES: dict[str, TarMode] = {
    ".tar": "x:",
    ".tar.gz": "x:gz",
    ".tgz": "x:gz",
    ".tar.bz2": "x:bz2",
    ".tar.xz": "x:xz",
}
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
TRIGGERS_AND_VIEWS = "SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')"
MAX_BROKEN = 50  # media files, named one by one
MAX_WAIT = 30.0  # seconds, for a locked database


def create(
    instance: Path,
    target: Path,
    settings: dict[str, Any],
    *,
    now: datetime,
    share_media: bool = False,
    incomplete: Path | None = None,
    stop: Event | None = None,
) -> Manifest:
    """Write a backup of an instance to a new file, compressed by its suffix; the site may run.

    With `share_media` the media are in the store beside it (`ops.media_store`). The file gets its
    name once it was read back; `stop` ends it before that. What could not be saved, or is damaged,
    is in the manifest's `missing`: all the rest is in the archive, named `incomplete` then if that
    is given. Raises BackupRefused.
    """
    mode = _mode(target)
    if target.exists():
        raise BackupRefused(f"{target} exists already: choose another name")
    if not (instance / DATABASE).is_file():
        raise BackupRefused(f"There is no database in {instance}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _temporary_folder(target.parent) as folder:
            copy, part = folder / DATABASE, folder / "archive.tar"
            manifest = _copy_database(instance / DATABASE, copy, now, stop)
            store = MediaStore(target.parent / MEDIA) if share_media else None
            with _open_archive(part, mode, quick=share_media) as archive:
                _add_file(archive, manifest, DATABASE, copy)
                _add_bytes(archive, manifest, SETTINGS_FILE, _settings_json(settings))
                for name in LISTS:
                    _add_list(archive, manifest, name, instance, folder)
                _add_media(archive, manifest, instance, copy, store, stop)
                _add_bytes(archive, None, MANIFEST, manifest.to_json())
            _raise_if_set(stop)
            backup_archive.read(part)
            part.chmod(0o600)
            durable.fsync(part)
            part.rename(target if manifest.is_complete else incomplete or target)
            durable.fsync(target.parent)
    except OSError as error:
        raise BackupRefused(f"Cannot write {target}: {error.strerror or error}") from error
    return manifest


def _mode(target: Path) -> TarMode:
    """Return the mode of tarfile for a file name. Raises BackupRefused."""
    for suffix, mode in COMPRESSION_MODES.items():
        if target.name.lower().endswith(suffix):
            return mode
    raise BackupRefused(f"Let the name of the backup end in one of {', '.join(COMPRESSION_MODES)}")


def _open_archive(file: Path, mode: TarMode, *, quick: bool) -> tarfile.TarFile:
    if quick and mode == "x:gz":
        # A third of the time, for a fifth more bytes.
        return tarfile.open(file, mode, format=tarfile.PAX_FORMAT, compresslevel=1)
    return tarfile.open(file, mode, format=tarfile.PAX_FORMAT)


def _raise_if_set(stop: Event | None) -> None:
    if stop is not None and stop.is_set():
        raise BackupRefused("The server stops; the backup is made when it runs again")


def is_folder_readable_by_others(target: Path) -> bool:
    """Say whether other users of this machine may read the folder of a backup."""
    return bool(target.parent.stat().st_mode & 0o077)


def inspect_database(file: Path) -> tuple[str, dict[str, int]]:
    """Return a database's revision and the number of rows by table. Raises BackupRefused."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BackupRefused(f"The database is damaged: {_one_line(verdict)}")
            names = [name for (name,) in database.execute(TABLES)]
            # The site has none, and they could run anything on a write.
            if database.execute(TRIGGERS_AND_VIEWS).fetchone():
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


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:200]


def _copy_database(source: Path, copy: Path, now: datetime, stop: Event | None) -> Manifest:
    """Copy a database in use by SQLite's online backup, and check the copy."""
    try:
        with (
            # Not to create it where it is missing.
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", 1, uri=True)) as live,
            closing(sqlite3.connect(copy)) as copied,
        ):
            # In one step: a consistent snapshot, which no writer restarts.
            live.backup(copied, progress=_give_up_after(MAX_WAIT, stop), sleep=0.1)
            copied.execute("PRAGMA journal_mode=DELETE")  # a single file
    except sqlite3.Error as error:
        raise BackupRefused(f"The database cannot be copied: {error}") from error
    revision, rows = inspect_database(copy)
    redactions = sorted(redactions_of_file(copy))
    made_at = now.isoformat(timespec="seconds")
    return Manifest(made_at, revision, rows, redactions=redactions)


def _give_up_after(seconds: float, stop: Event | None) -> Callable[[int, int, int], None]:
    """Return a progress callback that raises BackupRefused once it waited so long for a lock."""
    deadline = time.monotonic() + seconds

    def check(status: int, remaining: int, total: int) -> None:
        _raise_if_set(stop)
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise BackupRefused("The database is busy. Nothing was saved: try again in a moment")

    return check


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """Make a temporary folder for this backup, and remove stale ones."""
    with locks.try_exclusive(folder) as acquired:
        if not acquired:
            raise BackupRefused(f"Another backup is being written into {folder}: wait for its end")
        with durable.temporary_folder(folder, TEMPORARY_PREFIX) as working:
            yield working


def _settings_json(settings: dict[str, Any]) -> bytes:
    changed = {
        setting.name: settings[setting.name]
        for setting in SETTINGS
        if setting.backup and settings[setting.name] != setting.default
    }
    return json.dumps(changed, indent=1, sort_keys=True).encode()


def _add_list(
    archive: tarfile.TarFile, manifest: Manifest, name: str, instance: Path, folder: Path
) -> None:
    """Add one of the small files; the list of the erased with whom the database alone knows."""
    copy = folder / name
    try:
        if (instance / name).exists():
            copy.write_bytes((instance / name).read_bytes())
        if name == erasure.LIST_FILE:
            copy.touch()
            entries = erasure.entries_of_file(folder / DATABASE)
            erasure.append_to_list(copy, entries)
            if damaged := erasure.read_list(copy)[1]:
                manifest.missing.append(erasure.damage(instance / name, damaged))
    except OSError as error:
        if error.filename != str(instance / name):
            raise
        manifest.missing.append(f"{name} cannot be read: {error.strerror}")
        return
    if copy.exists():
        _add_file(archive, manifest, name, copy)


def _add_media(
    archive: tarfile.TarFile,
    manifest: Manifest,
    instance: Path,
    copy: Path,
    store: MediaStore | None,
    stop: Event | None,
) -> None:
    """Add the media files; those that are lost, damaged or unreadable are recorded as missing.

    They are added to the store if there is one, and those of an earlier backup taken from it.
    """
    unreadable: dict[str, OSError] = {}
    named = _named_files(copy, manifest)
    paths = {file_hash: path_of(Path(MEDIA), file_hash).as_posix() for file_hash in named}
    # Named files are tried even where their folder cannot be listed.
    tried = {*media_files(instance, unreadable), *filter(is_allowed_name, paths.values())}
    for name in sorted(tried):
        _raise_if_set(stop)
        if not is_allowed_name(name):
            raise BackupRefused(f"Rename or remove {name!r}: no archive can hold that")
        with ExitStack() as stack:
            try:
                opened = stack.enter_context((instance / name).open("rb"))
                digest = backup_archive.hash_file(opened)
            except FileNotFoundError:  # lost, or deleted from the site since
                continue
            except OSError as error:  # the file is to blame, not the archive
                unreadable[name] = error
                continue
            if store is None:
                _add_opened(archive, manifest, name, opened, digest)
            else:
                manifest.stored[name] = store.add(opened, digest, copy.parent)
    if store is not None:
        for name in _take_from_store(manifest, store, paths):
            unreadable.pop(name, None)
    saved = {**manifest.files, **manifest.stored}

    def digest_of(file_hash: str) -> str:
        if error := unreadable.get(paths[file_hash]):
            raise error
        if paths[file_hash] not in saved:
            raise FileNotFoundError
        return saved[paths[file_hash]][1]

    lines = [str(file) for file in broken_files.compare(named, digest_of)]
    lines += [
        f"{name} cannot be read ({error.strerror})"
        for name, error in unreadable.items()
        if name not in paths.values()
    ]
    manifest.missing += lines[:MAX_BROKEN]
    if (more := len(lines) - MAX_BROKEN) > 0:
        manifest.missing.append(f"{more} more media files")


def _take_from_store(
    manifest: Manifest, store: MediaStore, paths: Mapping[str, str]
) -> Iterator[str]:
    """Let the manifest name whole files of earlier backups in place of what is not; yield names."""
    for file_hash, name in paths.items():
        if manifest.stored.get(name, (0, ""))[1] == file_hash or not is_allowed_name(name):
            continue
        if (size := store.size_of(file_hash)) is not None:
            manifest.stored[name] = (size, file_hash)
            yield name


def _named_files(copy: Path, manifest: Manifest) -> Mapping[str, NamedFile]:
    """Return the files that the rows of a database file name, by hash."""
    address = f"{copy.absolute().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )
    try:
        with Session(engine) as session:
            return broken_files.named_files(session)
    except SQLAlchemyError as error:
        # Of another version, say: all that is there is saved.
        text = f"The media were not compared with the articles: {failures.describe(error)}"
        manifest.missing.append(text)
        return {}


def media_files(instance: Path, unreadable: dict[str, OSError]) -> list[str]:
    """Return the names of the media files but the temporary ones; add folders to `unreadable`."""

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unreadable[Path(error.filename).relative_to(instance).as_posix()] = error

    found: list[Path] = []
    for name, folders, files in os.walk(instance / MEDIA, onerror=note):
        folders[:] = [folder for folder in folders if not folder.startswith(TEMPORARY)]
        found += [Path(name, file) for file in files if not file.startswith(TEMPORARY)]
    return [file.relative_to(instance).as_posix() for file in found]


def _add_file(archive: tarfile.TarFile, manifest: Manifest, name: str, file: Path) -> None:
    with file.open("rb") as opened:
        _add_opened(archive, manifest, name, opened, backup_archive.hash_file(opened))


def _add_opened(
    archive: tarfile.TarFile, manifest: Manifest, name: str, opened: IO[bytes], digest: str
) -> None:
    # A change between hashing and writing is found when the archive is read back.
    manifest.files[name] = (os.fstat(opened.fileno()).st_size, digest)
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
