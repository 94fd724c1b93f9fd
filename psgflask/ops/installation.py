"""The files of an installation: folders, their permissions, lock files, and config.py."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import click

from psgflask.core import durable, journal
from psgflask.core.config import SETTINGS, Setting
from psgflask.core.paths import CONFIG, DATABASE, INDEX, MEDIA, OUTBOX, SERVED_AT
from psgflask.ops import worker_lock

FOLDERS = (MEDIA, INDEX)
# psg.sqlite-wal and -shm are part of the database while it is open.
PRIVATE = (CONFIG, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", OUTBOX)
# What an installation leaves that has been used.
TRACES = (worker_lock.FILE, journal.LOCK, SERVED_AT)
CONFIG_HEADER = '''\
"""The settings of this installation; it holds its secret, so keep it to yourself.

A line that begins with # is not in force: it shows the default. Remove the # to change it.
A variable of the environment named PSG_ and the setting (PSG_BASE_URL) overrides this file.
"""
'''


class DatabaseLost(click.ClickException):
    """The database of an installation that has been used is not there."""

    def __init__(self, instance: Path, database: Path) -> None:
        super().__init__(
            f"There is no database at {database}, though {instance} has been used: mount its disk,"
            " or restore a backup (docs/operating.md, Restore). To begin anew, move the folder away"
            f" first: mv {instance} {instance}.old"
        )


def check_not_lost(instance: Path, database: Path | None) -> None:
    """Check that an installation which had a database has it still. Raises DatabaseLost.

    Where a disk is not mounted, a new and empty database must not take its place.
    """
    if database is None or database.exists():
        return
    if any((instance / name).exists() for name in TRACES):
        raise DatabaseLost(instance, database)


def create_folders(instance: Path) -> bool:
    """Create the instance folder and those in it, mode 0700; return whether it is new."""
    new = not instance.is_dir()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in FOLDERS:
        (instance / name).mkdir(mode=0o700, exist_ok=True)
    return new


def restrict_permissions(instance: Path) -> list[Path]:
    """Remove others' permissions that an older version left; return the paths that had any."""
    restricted: list[Path] = []
    for path in private_paths(instance):
        if path.stat().st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # another user's; doctor reports it
                path.chmod(0o700 if path.is_dir() else 0o600)
                restricted.append(path)
    return restricted


def create_lock_files(instance: Path, database: Path | None) -> None:
    """Create the lock files, owned by the owner of their folder.

    A file that root created first would lock the site's own user out. Raises OSError.
    """
    for file in (
        instance / worker_lock.FILE,
        *([database.with_name(journal.LOCK)] if database is not None else []),
    ):
        with contextlib.suppress(PermissionError):  # another user's; the worker task reports it
            _create_lock_file(file)


def private_paths(instance: Path) -> list[Path]:
    """Return the paths that only their owner may read: the instance folder and its secrets."""
    return [path for path in (instance, *(instance / name for name in PRIVATE)) if path.exists()]


def write_config(
    instance: Path,
    values: Mapping[str, object] | None = None,
    suggested: Mapping[str, object] | None = None,
) -> Path | None:
    """Write config.py with a fresh secret, mode 0600.

    `values` are in force; `suggested` values are commented out.
    Return its path, or None when one exists: it is never overwritten.
    """
    file = instance / CONFIG
    text = config_text({"SECRET_KEY": secrets.token_hex(32), **(values or {})}, suggested or {})
    try:
        durable.atomic_create(file, text.encode())
    except FileExistsError:
        return None
    return file


def config_text(values: Mapping[str, object], suggested: Mapping[str, object]) -> str:
    """Return a config.py that explains every setting and sets `values`."""
    return "\n".join(
        [CONFIG_HEADER, *(_setting_lines(setting, values, suggested) for setting in SETTINGS)]
    )


def _create_lock_file(file: Path) -> None:
    owner = file.parent.stat()
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        status = os.fstat(handle)
        if (status.st_uid, status.st_gid) != (owner.st_uid, owner.st_gid):
            os.fchown(handle, owner.st_uid, owner.st_gid)
    finally:
        os.close(handle)


def _setting_lines(
    setting: Setting, values: Mapping[str, object], suggested: Mapping[str, object]
) -> str:
    note = " To be confirmed by the PSG." if setting.confirm else ""
    if setting.name in suggested:
        note += " As the backup has it: remove the # to let this site send mail."
    in_force = setting.name in values
    value = values[setting.name] if in_force else suggested.get(setting.name, setting.default)
    return f"# {setting.meaning}{note}\n{'' if in_force else '# '}{setting.name} = {value!r}\n"
