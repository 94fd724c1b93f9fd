"""Backups: one tar of database, media and settings, with the hash of each file in a manifest."""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from psgflask.config import SETTINGS

FORMAT = 1
DATABASE, SETTINGS_FILE, MANIFEST = "psg.sqlite", "config.json", "manifest.json"
MEDIA = "media"
# The database's address may hold a password; a restored site uses the file in its instance.
NOT_BACKED_UP = frozenset({"SECRET_KEY", "DATABASE_URL", "SMTP_PASSWORD"})
CHUNK = 1_000_000
LONGEST_WAIT = 30.0  # seconds for a database that somebody else has taken for themselves


class BackupRefused(RuntimeError):
    """It cannot be done; the message says why, and nothing was changed."""


@dataclass
class Manifest:
    """What an archive holds: sizes in bytes and SHA-256 by name, and rows by table."""

    made_at: str
    revision: str
    rows: dict[str, int]
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Return it as the archive keeps it."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def make(instance: Path, target: Path, settings: dict[str, Any], *, now: datetime) -> Manifest:
    """Write a backup of an instance to a file that does not exist yet.

    The site may run meanwhile. The archive gets its name once it is whole and was read back.
    Raises BackupRefused.
    """
    if target.exists():
        raise BackupRefused(f"{target} exists already: choose another name")
    if not (instance / DATABASE).is_file():
        raise BackupRefused(f"There is no database in {instance}")
    try:
        with _unfinished(target) as part, tempfile.TemporaryDirectory(dir=target.parent) as folder:
            copy = Path(folder, DATABASE)
            manifest = _copy_database(instance / DATABASE, copy, now)
            with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
                _add_file(archive, manifest, DATABASE, copy)
                _add_bytes(archive, manifest, SETTINGS_FILE, _settings(settings))
                for file in _media(instance):
                    # One that goes in the meantime is no longer the site's.
                    with suppress(FileNotFoundError):
                        _add_file(archive, manifest, file.relative_to(instance).as_posix(), file)
                _add_bytes(archive, None, MANIFEST, manifest.to_json())
            with tarfile.open(part) as archive:
                check_files(archive, read_manifest(archive))
    except OSError as error:
        raise BackupRefused(f"Cannot write {target}: {error.strerror or error}") from error
    return manifest


def read_manifest(archive: tarfile.TarFile) -> Manifest:
    """Return what an archive says that it holds. Raises BackupRefused."""
    try:
        held = archive.extractfile(MANIFEST)
        plain = json.loads(held.read() if held else b"")
        if plain["format"] != FORMAT:
            raise BackupRefused(f"The backup has format {plain['format']}; this reads {FORMAT}")
        files = {
            str(name): (int(size), str(hash_)) for name, (size, hash_) in plain["files"].items()
        }
        return Manifest(str(plain["made_at"]), str(plain["revision"]), dict(plain["rows"]), files)
    except (KeyError, ValueError, TypeError, AttributeError, tarfile.TarError, OSError) as error:
        raise BackupRefused("It is no backup of this site, or it was cut off") from error


def check_files(archive: tarfile.TarFile, manifest: Manifest, into: Path | None = None) -> None:
    """Compare every file with its hash, and write it below a folder if one is given.

    Raises BackupRefused for a file that is missing, altered, unexpected or oddly named.
    """
    seen: set[str] = set()
    try:
        for member in archive:
            if member.name == MANIFEST:
                continue
            size, expected = manifest.files.get(member.name, (-1, ""))
            if not member.isreg() or member.size != size or not _is_ours(member.name):
                raise BackupRefused(f"{member.name!r} in the backup is not what was put in")
            held = archive.extractfile(member)
            if held is None or _hash(held, into and into / member.name) != expected:
                raise BackupRefused(f"{member.name!r} in the backup was altered or damaged")
            seen.add(member.name)
    except tarfile.TarError as error:
        raise BackupRefused("The backup is damaged or was cut off") from error
    if missing := set(manifest.files) - seen:
        raise BackupRefused(f"{min(missing)!r} is missing from the backup")


def examine_database(file: Path) -> tuple[str, dict[str, int]]:
    """Return a database's revision and how many rows each table has. Raises BackupRefused."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BackupRefused(f"The database is damaged: {verdict}")
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            counts = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # names from the schema
                for (name,) in tables
            }
    except (sqlite3.Error, TypeError) as error:
        raise BackupRefused(f"The database cannot be read: {error}") from error
    return str(revision), counts


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
def _unfinished(target: Path) -> Iterator[Path]:
    """Give a name to write to; it becomes the target in the end, or is removed after a fault."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _settings(settings: dict[str, Any]) -> bytes:
    chosen = {
        setting.name: settings[setting.name]
        for setting in SETTINGS
        if setting.name not in NOT_BACKED_UP and settings[setting.name] != setting.default
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


def _is_ours(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if name in {DATABASE, SETTINGS_FILE}:
        return True
    return parts[:1] == (MEDIA,) and len(parts) > 1 and ".." not in parts and "\\" not in name


def _add_file(archive: tarfile.TarFile, manifest: Manifest, name: str, file: Path) -> None:
    # Hashed first, then written: reading the archive back would notice a change in between.
    with file.open("rb") as opened:
        manifest.files[name] = (os.fstat(opened.fileno()).st_size, _hash(opened))
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


def _hash(source: IO[bytes], copy: Path | None = None) -> str:
    """Return the SHA-256 of what is read, writing it to a file on the way if one is named."""
    digest = hashlib.sha256()
    if copy is not None:
        copy.parent.mkdir(parents=True, exist_ok=True)
    with copy.open("xb") if copy else io.BytesIO() as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            if copy is not None:
                target.write(chunk)
    return digest.hexdigest()
