"""Restores a backup into an empty instance, completely or not at all."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psgflask.core import durable, locks, paths
from psgflask.core.clock import utc_now
from psgflask.core.config import SETTINGS
from psgflask.core.paths import CONFIG, DATABASE, HALF_RESTORED, INDEX, MEDIA
from psgflask.members import erasure
from psgflask.members.erasure import LIST_FILE, UNCONFIRMED_FILE, ErasedEntry
from psgflask.news.media.storage import StagedFiles, path_of
from psgflask.news.redaction import Redaction, redactions_of_file
from psgflask.ops import backup_archive, erased_lists, hourly_backups, installation
from psgflask.ops.backup_archive import BackupRefused, Manifest
from psgflask.ops.backup_contents import LISTS, SETTINGS_FILE
from psgflask.ops.backups import inspect_database
from psgflask.ops.erased_lists import ErasedList
from psgflask.ops.media_store import MediaStore

# The folder in which files are checked; a stale one is removed by the next restore.
TEMPORARY_PREFIX = ".restoring-"
BUSY = "A restore is under way in {}: wait for its end"
# In the temporary folder: what is extracted of a newer backup.
NEWER = "newer"
Prepare = Callable[[Path, Mapping[str, Any], Collection[ErasedEntry], Collection[Redaction]], None]


@dataclass(frozen=True)
class Restored:
    """What was restored, and since when people may have been erased of whom no list knows.

    `lost_media` are the media that were in the backup and could not be restored.
    """

    manifest: Manifest
    unconfirmed_since: datetime | None
    lost_media: list[str]


def restore(
    instance: Path,
    backup: Path,
    *,
    is_known: Callable[[str], bool],
    prepare: Prepare,
    erased: Sequence[Path] = (),
    without_lost_media: bool = False,
) -> Restored:
    """Restore a backup into an empty instance, with a config.py that has a fresh secret.

    `is_known` says whether this code has a revision of the schema. `prepare(database, settings,
    entries, redactions)` is called before anything is moved into place: it migrates the database,
    withdraws the articles of redactions that the backup has not, erases whom
    the lists name, those of the backup and of `erased` (files, newer backups, folders of
    instances) or of newer hourly backups beside it, and raises BackupRefused for invalid
    settings. Media that are stored beside the
    backup and are lost there are refused too, unless `without_lost_media`. Everything is checked
    and written in a temporary folder first; BackupRefused leaves the instance as it was. The next
    restore removes what a killed one left.
    """
    if not backup.is_file():
        raise BackupRefused(f"There is no file {backup}")
    new = not instance.exists()
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locks.try_exclusive(instance) as acquired:
            if not acquired:
                raise BackupRefused(BUSY.format(instance))
            _remove_leftovers(instance)
            _check_empty(instance)
            with durable.temporary_folder(instance, TEMPORARY_PREFIX) as folder:
                newer = [_read_list(path, folder / NEWER) for path in erased]
                newer += _lists_beside(backup, folder / NEWER)
                restored = _extract(
                    *(backup, folder, is_known, prepare, newer),
                    without_lost_media=without_lost_media,
                )
                _move_into_place(folder, instance)
    except OSError as error:
        _remove_new_folder(instance, new)
        raise BackupRefused(f"Cannot write to {instance}: {error.strerror or error}") from error
    except BaseException:
        _remove_new_folder(instance, new)
        raise
    return restored


def restore_media(instance: Path, backup: Path, hashes: Collection[str]) -> set[str]:
    """Put media files of a running site back from a backup; return the hashes of those it had.

    A file that is damaged in the backup too is not taken. Raises BackupRefused, and changes nothing
    then.
    """
    names = {path_of(Path(MEDIA), file_hash).as_posix(): file_hash for file_hash in hashes}
    try:
        with StagedFiles(instance / MEDIA) as staged:
            manifest = backup_archive.read(backup, staged.folder, only=names)
            stored = {name: manifest.stored[name] for name in names.keys() & manifest.stored.keys()}
            lost = MediaStore(backup.parent / MEDIA).extract(stored, staged.folder)
            saved = {**manifest.files, **stored}
            for name, file_hash in names.items():
                if saved.get(name, (0, ""))[1] == file_hash and name not in lost:
                    durable.fsync(staged.folder / name)
                    staged.names[file_hash] = staged.folder / name
            found = set(staged.names)
            staged.move()
    except OSError as error:
        raise BackupRefused(f"Cannot write {error.filename}: {error.strerror}") from error
    return found


def check_not_interrupted(instance: Path) -> None:
    """Raise HalfRestored after an interrupted restore; remove what an earlier failure left.

    To be called before an instance is served or initialised. Raises BackupRefused while a restore
    is running.
    """
    if not (any(instance.glob(f"{TEMPORARY_PREFIX}*")) or (instance / HALF_RESTORED).exists()):
        return
    with locks.try_exclusive(instance) as acquired:
        if not acquired:
            raise BackupRefused(BUSY.format(instance))
        if paths.is_half_restored(instance):
            raise paths.HalfRestored
        _remove_leftovers(instance)


def _remove_new_folder(instance: Path, new: bool) -> None:
    if new:
        with contextlib.suppress(OSError):
            instance.rmdir()


def _check_empty(instance: Path) -> None:
    if not _is_empty_database(instance / DATABASE):
        raise BackupRefused(f"{instance} has a database already; restore into an empty folder")
    for ending in ("-wal", "-shm", "-journal"):
        # SQLite would apply its content to the restored database.
        journal = instance / f"{DATABASE}{ending}"
        if journal.exists() and journal.stat().st_size:
            raise BackupRefused(
                f"{journal} belongs to another database; restore into an empty folder"
            )
    for name in (CONFIG, *LISTS):
        if (instance / name).exists():
            advice = ", and name it by --erased" if name == LIST_FILE else ""
            raise BackupRefused(
                f"{instance} has a file {name} already: move it away{advice}; restore into an empty"
                " folder"
            )
    if any(file.is_file() for file in (instance / MEDIA).rglob("*")):
        raise BackupRefused(f"{instance / MEDIA} holds files already; restore into an empty folder")


def _is_empty_database(database: Path) -> bool:
    """Say whether there is no database, or one without tables, as a failed command leaves it."""
    if not database.exists() or not database.stat().st_size:
        return True
    with database.open("rb") as file:
        header = file.read(32)
    # SQLite's file format, 1.3: the size in pages. Each table has a page besides the first.
    return header.startswith(b"SQLite format 3\0") and int.from_bytes(header[28:], "big") <= 1


def _read_list(path: Path, folder: Path) -> ErasedList:
    """Read a list of the erased; `folder` is made for what is extracted, and removed."""
    folder.mkdir()
    try:
        return erased_lists.read(path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lists_beside(backup: Path, folder: Path) -> list[ErasedList]:
    """Return the lists of all whole backups beside an hourly one that are newer by name.

    One that a wrong clock dated in the future may be the oldest: it is believed whom it names, not
    until when it is whole.
    """
    found: list[ErasedList] = []
    if hourly_backups.NAME.fullmatch(backup.name):
        now = utc_now()
        for one in hourly_backups.in_folder(backup.parent):
            if one.file.name <= backup.name:
                break
            with contextlib.suppress(BackupRefused):
                read = _read_list(one.file, folder)
                in_future = read.as_of is not None and read.as_of > now
                found.append(replace(read, as_of=None) if in_future else read)
    return found


def _extract(
    backup: Path,
    folder: Path,
    is_known: Callable[[str], bool],
    prepare: Prepare,
    newer: Sequence[ErasedList],
    *,
    without_lost_media: bool,
) -> Restored:
    """Check a backup and extract it to a folder as a complete instance."""
    manifest = backup_archive.read(backup, folder)
    if not is_known(manifest.revision):
        raise BackupRefused(
            f"The backup was made by newer code (revision {manifest.revision}): install that first"
        )
    database = folder / DATABASE
    if inspect_database(database) != (manifest.revision, manifest.rows):
        raise BackupRefused("The database in the backup is not the one that was saved")
    settings = _read_settings(folder / SETTINGS_FILE)
    lost = MediaStore(backup.parent / MEDIA).extract(manifest.stored, folder)
    if lost and not without_lost_media:
        raise BackupRefused(_lost_message(backup, lost))
    since = _erase_again(manifest, folder, settings, prepare, newer)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # a single file, which can be moved
    sending = {setting.name for setting in SETTINGS if setting.mail}
    suggested = {name: value for name, value in settings.items() if name in sending}
    in_force = {name: value for name, value in settings.items() if name not in sending}
    installation.write_config(folder, in_force, suggested)
    (folder / MEDIA).mkdir(exist_ok=True)
    os.sync()
    return Restored(manifest, since, lost)


def _lost_message(backup: Path, lost: Sequence[str]) -> str:
    return (
        f"{len(lost)} files of the backup are lost or damaged in {backup.parent / MEDIA}, first"
        f" {lost[0]}. Copy that folder along with the backup, or take a copy of both from"
        " elsewhere; --without-lost-media restores all else"
    )


def _erase_again(
    manifest: Manifest,
    folder: Path,
    settings: Mapping[str, Any],
    prepare: Prepare,
    newer: Sequence[ErasedList],
) -> datetime | None:
    """Prepare the database, and write the list of all who were erased, these erasures with them.

    Returns since when people may have been erased of whom no list knows.
    """
    own = erased_lists.of_folder(folder, whole=LIST_FILE in manifest.files)
    entries = own.entries.union(*(one.entries for one in newer))
    redactions = {each for one in newer for each in one.redactions}
    undone = redactions - redactions_of_file(folder / DATABASE)
    prepare(folder / DATABASE, settings, entries, undone)
    entries |= erased_lists.of_folder(folder, whole=True).entries
    erasure.append_to_list(folder / LIST_FILE, entries)
    (folder / LIST_FILE).touch(mode=0o600)
    since = erased_lists.unconfirmed_since(manifest, own, newer)
    if since is None:
        (folder / UNCONFIRMED_FILE).unlink(missing_ok=True)
    else:
        erasure.write_unconfirmed(folder, since)
    return since


def _move_into_place(folder: Path, instance: Path) -> None:
    """Move the checked files into place, the database last: it completes the restore."""
    # Everything is written: renaming needs no free space.
    half = folder.rename(instance / HALF_RESTORED)
    try:
        # Built from another database, if it exists.
        shutil.rmtree(instance / INDEX, ignore_errors=True)
        shutil.rmtree(instance / MEDIA, ignore_errors=True)  # empty folders at most
        for name in (MEDIA, CONFIG, *LISTS, DATABASE):
            if name not in LISTS or (half / name).exists():
                (half / name).replace(instance / name)
    except BaseException:
        _remove_leftovers(instance)
        raise
    with contextlib.suppress(OSError):  # the restore is complete in any case
        durable.fsync(instance)
    shutil.rmtree(half, ignore_errors=True)


def _remove_leftovers(instance: Path) -> None:
    """Remove what interrupted restores left."""
    half = instance / HALF_RESTORED
    if paths.is_half_restored(instance):
        shutil.rmtree(instance / MEDIA, ignore_errors=True)
        for name in (CONFIG, *LISTS):
            (instance / name).unlink(missing_ok=True)
        # Last: as long as it exists, the next restore knows what else to remove.
        (half / DATABASE).unlink()
    shutil.rmtree(half, ignore_errors=True)
    durable.remove_stale_folders(instance, TEMPORARY_PREFIX)


def _read_settings(file: Path) -> dict[str, Any]:
    """Return the saved settings that this code has and that may be moved to another site.

    No archive can set the secret, the database or the proxies.
    """
    try:
        saved = dict(json.loads(file.read_text("utf-8")).items())
        return {s.name: saved[s.name] for s in SETTINGS if s.backup and s.name in saved}
    except (OSError, TypeError, *backup_archive.PARSE_ERRORS) as error:
        raise BackupRefused("The settings in the backup cannot be read") from error
