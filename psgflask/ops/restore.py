"""Bring a backup back, into an instance that is empty, or not at all."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from psgflask.core import durable, locks, paths
from psgflask.core.config import SETTINGS
from psgflask.core.paths import HALF_RESTORED
from psgflask.ops import archives, installing
from psgflask.ops.archives import DATABASE, MEDIA, SETTINGS_FILE, BackupRefused, Manifest
from psgflask.ops.backups import examine_database

# Where files are checked; what a restore left that was killed meanwhile, the next one removes.
WORKING = ".restoring-"
BUSY = "A restore is under way in {}: wait for its end"
Prepare = Callable[[Path, Mapping[str, Any]], None]


def restore(
    instance: Path, backup: Path, *, known: Callable[[str], bool], prepare: Prepare
) -> Manifest:
    """Put a backup into an empty instance, with a config.py that has a fresh secret.

    `known` says whether this code knows a revision of the schema. `prepare(database, settings)` is
    called before anything is in place: it brings the database to what this code wants, and raises
    BackupRefused for settings that no site could be started with. Everything is checked and written
    in a folder beside first; a refusal (BackupRefused) leaves the instance as it was. What a
    restore left that was killed is cleared away by the next one.
    """
    if not backup.is_file():
        raise BackupRefused(f"There is no file {backup}")
    new = not instance.exists()
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locks.try_exclusive(instance) as is_alone:
            if not is_alone:
                raise BackupRefused(BUSY.format(instance))
            _clear(instance)
            _must_be_empty(instance)
            with durable.temporary_folder(instance, WORKING) as folder:
                manifest = _unpack(backup, folder, known, prepare)
                _put_in_place(folder, instance)
    except OSError as error:
        _forget(instance, new)
        raise BackupRefused(f"Cannot write to {instance}: {error.strerror or error}") from error
    except BaseException:
        _forget(instance, new)
        raise
    return manifest


def check_whole(instance: Path) -> None:
    """Raise HalfRestored where a restore did not come to its end; remove what it left otherwise.

    Whoever serves or fills an instance asks first, or would go on with half of it. Raises
    BackupRefused while a restore is under way.
    """
    if not (any(instance.glob(f"{WORKING}*")) or (instance / HALF_RESTORED).exists()):
        return
    with locks.try_exclusive(instance) as is_alone:
        if not is_alone:
            raise BackupRefused(BUSY.format(instance))
        if paths.is_half_restored(instance):
            raise paths.HalfRestored
        _clear(instance)


def _forget(instance: Path, new: bool) -> None:
    if new:
        with contextlib.suppress(OSError):
            instance.rmdir()


def _must_be_empty(instance: Path) -> None:
    if not _is_empty(instance / DATABASE):
        raise BackupRefused(f"{instance} has a database already; restore into an empty folder")
    for ending in ("-wal", "-shm", "-journal"):
        # SQLite would write what stands in it into the database that is restored.
        left = instance / f"{DATABASE}{ending}"
        if left.exists() and left.stat().st_size:
            raise BackupRefused(f"{left} belongs to another database; restore into an empty folder")
    if (instance / "config.py").exists():
        raise BackupRefused(f"{instance} has a config.py already; restore into an empty folder")
    if any(file.is_file() for file in (instance / MEDIA).rglob("*")):
        raise BackupRefused(f"{instance / MEDIA} holds files already; restore into an empty folder")


def _is_empty(database: Path) -> bool:
    """Say whether there is no database, or one without tables, as a command leaves that failed."""
    if not database.exists() or not database.stat().st_size:
        return True
    with database.open("rb") as opened:
        head = opened.read(32)
    # SQLite's file format, 1.3: its size in pages. Each table has a page besides the first.
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[28:], "big") <= 1


def _unpack(backup: Path, folder: Path, known: Callable[[str], bool], prepare: Prepare) -> Manifest:
    """Check a backup and make of it, in a folder, all that an instance consists of."""
    manifest = archives.read(backup, folder)
    if not known(manifest.revision):
        raise BackupRefused(
            f"The backup was made by newer code (revision {manifest.revision}): install that first"
        )
    database = folder / DATABASE
    if examine_database(database) != (manifest.revision, manifest.rows):
        raise BackupRefused("The database in the backup is not the one that was saved")
    settings = _settings(folder / SETTINGS_FILE)
    prepare(database, settings)
    with closing(sqlite3.connect(database)) as one_file:
        one_file.execute("PRAGMA journal_mode=DELETE")  # whole by itself, to be moved alone
    sending = {setting.name for setting in SETTINGS if setting.mail}
    offered = {name: value for name, value in settings.items() if name in sending}
    in_force = {name: value for name, value in settings.items() if name not in sending}
    installing.write_config(folder, in_force, offered)
    (folder / MEDIA).mkdir(exist_ok=True)
    os.sync()
    return manifest


def _put_in_place(folder: Path, instance: Path) -> None:
    """Move what was checked; with the database, which comes last, the restore is done."""
    # All is written: from here on things only get other names, which needs no room.
    half = folder.rename(instance / HALF_RESTORED)
    try:
        # Made from another database, if it is there at all.
        shutil.rmtree(instance / "index", ignore_errors=True)
        shutil.rmtree(instance / MEDIA, ignore_errors=True)  # empty folders at most
        for name in (MEDIA, "config.py", DATABASE):
            (half / name).replace(instance / name)
    except BaseException:
        _clear(instance)
        raise
    with contextlib.suppress(OSError):  # it is done, whatever the disk says of its list
        durable.fsync(instance)
    shutil.rmtree(half, ignore_errors=True)


def _clear(instance: Path) -> None:
    """Take away what restores left that did not come to their end."""
    half = instance / HALF_RESTORED
    if paths.is_half_restored(instance):
        shutil.rmtree(instance / MEDIA, ignore_errors=True)
        (instance / "config.py").unlink(missing_ok=True)
        # Last: as long as it is there, the next one knows what is left to do.
        (half / DATABASE).unlink()
    shutil.rmtree(half, ignore_errors=True)
    durable.remove_stale_folders(instance, WORKING)


def _settings(file: Path) -> dict[str, Any]:
    """Return the saved settings; what this code does not know, or is each site's own, is left out.

    Of whichever origin an archive is, it sets no secret, no database and no proxies.
    """
    try:
        saved = dict(json.loads(file.read_text("utf-8")).items())
        return {s.name: saved[s.name] for s in SETTINGS if s.backup and s.name in saved}
    except (OSError, TypeError, *archives.UNREADABLE) as error:
        raise BackupRefused("The settings in the backup cannot be read") from error
