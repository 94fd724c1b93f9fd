"""Bring a backup back, into an instance that is empty, or not at all."""

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


def restore(instance: Path, backup: Path, *, known: Callable[[str], bool]) -> Manifest:
    """Put a backup into an empty instance, with a config.py that has a fresh secret.

    `known` says whether this code knows a revision of the schema. Everything is checked in a
    folder beside first; a refusal (BackupRefused) leaves the instance as it was.
    """
    _must_be_empty(instance)
    if not backup.is_file():
        raise BackupRefused(f"There is no file {backup}")
    new = not instance.exists()
    instance.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=instance, prefix=".restoring-") as folder:
            manifest = _unpack(backup, Path(folder), known)
            _put_in_place(Path(folder), instance)
    except BackupRefused:
        if new:
            instance.rmdir()
        raise
    except OSError as error:
        raise BackupRefused(f"Cannot write to {instance}: {error.strerror or error}") from error
    return manifest


def _must_be_empty(instance: Path) -> None:
    database = instance / DATABASE
    if database.is_file() and database.stat().st_size:
        raise BackupRefused(f"{instance} has a database already; restore into an empty folder")
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
    """Move what was checked; the database last, so that half a restore can be begun again."""
    installing.make_folders(instance)
    if (folder / MEDIA).is_dir():
        shutil.rmtree(instance / MEDIA)  # empty folders at most
        (folder / MEDIA).rename(instance / MEDIA)
    installing.write_config(instance, _settings(folder))
    (folder / DATABASE).replace(instance / DATABASE)


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
