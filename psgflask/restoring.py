"""Bring a backup back, into an instance that is empty, or not at all."""

import contextlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psgflask import installing
from psgflask.backups import (
    DATABASE,
    MEDIA,
    SETTINGS_FILE,
    BackupRefused,
    Manifest,
    check_files,
    examine_database,
    read_manifest,
)
from psgflask.config import NAMES

# Where files wait to be moved; as long as it holds the database, a restore is half done.
HALF = ".half-restored"


def restore(instance: Path, backup: Path, *, known: Callable[[str], bool]) -> Manifest:
    """Put a backup into an empty instance, with a config.py that has a fresh secret.

    `known` says whether this code knows a revision of the schema. Everything is checked and
    written in a folder beside first; a refusal (BackupRefused) leaves the instance as it was.
    What a restore left that was killed is cleared away by the next one.
    """
    if (instance / HALF / DATABASE).exists():
        _undo(instance)
    _must_be_empty(instance)
    if not backup.is_file():
        raise BackupRefused(f"There is no file {backup}")
    new = not instance.exists()
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in instance.glob(".restoring-*"):  # of one that was killed while it checked
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=instance, prefix=".restoring-") as folder:
            manifest = _unpack(backup, Path(folder), known)
            _put_in_place(Path(folder), instance)
    except OSError as error:
        _forget(instance, new)
        raise BackupRefused(f"Cannot write to {instance}: {error.strerror or error}") from error
    except BaseException:
        _forget(instance, new)
        raise
    return manifest


def _forget(instance: Path, new: bool) -> None:
    if new:
        with contextlib.suppress(OSError):
            instance.rmdir()


def _must_be_empty(instance: Path) -> None:
    database = instance / DATABASE
    if database.is_file() and database.stat().st_size:
        raise BackupRefused(f"{instance} has a database already; restore into an empty folder")
    # What is in the journal of another database would be taken for this one's.
    for left in (f"{DATABASE}{suffix}" for suffix in ("-wal", "-shm", "-journal")):
        if (instance / left).exists():
            raise BackupRefused(f"{instance} has {left} of another database; remove that first")
    if (instance / "config.py").exists():
        raise BackupRefused(f"{instance} has a config.py already; restore into an empty folder")
    if any(file.is_file() for file in (instance / MEDIA).rglob("*")):
        raise BackupRefused(f"{instance / MEDIA} holds files already; restore into an empty folder")


def _unpack(backup: Path, folder: Path, known: Callable[[str], bool]) -> Manifest:
    try:
        archive = tarfile.open(backup)  # noqa: SIM115  # closed below; opening fails apart
    except (tarfile.TarError, EOFError) as error:
        raise BackupRefused(f"{backup} is no backup of this site, or it was cut off") from error
    with archive:
        manifest = read_manifest(archive)
        needed = sum(size for size, _ in manifest.files.values())
        if needed > shutil.disk_usage(folder).free:
            raise BackupRefused(f"The backup needs {needed / 1e9:.1f} GB, which are not free here")
        check_files(archive, manifest, into=folder)
    if not known(manifest.revision):
        raise BackupRefused(
            f"The backup was made by newer code (revision {manifest.revision}): install that first"
        )
    if examine_database(folder / DATABASE) != (manifest.revision, manifest.rows):
        raise BackupRefused("The database in the backup is not the one that was saved")
    _settings(folder)
    return manifest


def _put_in_place(folder: Path, instance: Path) -> None:
    """Move what was checked; with the database, which comes last, the restore is done."""
    (folder / MEDIA).mkdir(exist_ok=True)
    installing.write_config(folder, _settings(folder))
    # All is written: from here on things only get other names, which needs no room.
    half = folder.rename(instance / HALF)
    try:
        shutil.rmtree(instance / MEDIA, ignore_errors=True)  # empty folders at most
        for name in (MEDIA, "config.py", DATABASE):
            (half / name).replace(instance / name)
    except BaseException:
        _undo(instance)
        raise
    shutil.rmtree(half, ignore_errors=True)


def _undo(instance: Path) -> None:
    """Take away what a restore moved that did not come to its end."""
    shutil.rmtree(instance / MEDIA, ignore_errors=True)
    (instance / "config.py").unlink(missing_ok=True)
    shutil.rmtree(instance / HALF, ignore_errors=True)


def _settings(folder: Path) -> dict[str, Any]:
    """Return the saved settings; names that this code no longer has are left out."""
    try:
        saved = json.loads((folder / SETTINGS_FILE).read_text("utf-8"))
        plain = {name: value for name, value in saved.items() if name in NAMES}
    except (OSError, ValueError, AttributeError) as error:
        raise BackupRefused("The settings in the backup cannot be read") from error
    if any(not isinstance(value, str | int | bool) for value in plain.values()):
        raise BackupRefused("The settings in the backup are not plain values")
    return plain
