"""From an empty folder to an installation: config.py with a secret, tables, standing pages."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from psgflask.core import durable, journal
from psgflask.core.config import SETTINGS, Setting
from psgflask.ops import worker_lock

FOLDERS = ("media", "index")
# The second and third are the database too, as long as somebody has it open.
PRIVATE = ("config.py", "psg.sqlite", "psg.sqlite-wal", "psg.sqlite-shm", "outbox")
OPENING = '''"""The settings of this installation; it holds its secret, so keep it to yourself.

A line that begins with # is not in force: it shows the default. Remove the # to change it.
A variable of the environment named PSG_ and the setting (PSG_BASE_URL) overrides this file.
"""
'''


def make_folders(instance: Path) -> bool:
    """Make the instance folder, closed to others, and those in it; return whether it is new."""
    new = not instance.is_dir()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in FOLDERS:
        (instance / name).mkdir(mode=0o700, exist_ok=True)
    return new


def close(instance: Path) -> list[Path]:
    """Close to others what they could open, as an older version left it; return what that was."""
    closed: list[Path] = []
    for path in private(instance):
        if path.stat().st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # another's; the doctor tells of it
                path.chmod(0o700 if path.is_dir() else 0o600)
                closed.append(path)
    return closed


def make_locks(instance: Path, database: Path | None) -> None:
    """Make the files that are locked, each for the owner of its folder, whoever runs this.

    What root made first would shut the site's own user out. Raises OSError.
    """
    for file in (
        instance / worker_lock.FILE,
        *([database.with_name(journal.LOCK)] if database is not None else []),
    ):
        with contextlib.suppress(PermissionError):  # another's; the worker's task tells of it
            _make_lock(file)


def private(instance: Path) -> list[Path]:
    """Return what is its owner's alone: the folder, which closes all within, and its secrets."""
    return [path for path in (instance, *(instance / name for name in PRIVATE)) if path.exists()]


def write_config(
    instance: Path,
    values: Mapping[str, object] | None = None,
    offered: Mapping[str, object] | None = None,
) -> Path | None:
    """Write config.py with a fresh secret, readable by its owner alone.

    `values` are in force; what is `offered` stands there behind a #, for somebody to remove it.
    Return its path, or None when there is one already: it is never overwritten.
    """
    file = instance / "config.py"
    text = config_text({"SECRET_KEY": secrets.token_hex(32), **(values or {})}, offered or {})
    try:
        durable.atomic_create(file, text.encode())
    except FileExistsError:
        return None
    return file


def config_text(values: Mapping[str, object], offered: Mapping[str, object]) -> str:
    """Return a config.py that says what every setting means and sets the given ones."""
    return "\n".join([OPENING, *(_lines(setting, values, offered) for setting in SETTINGS)])


def _make_lock(file: Path) -> None:
    owner = file.parent.stat()
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        about = os.fstat(handle)
        if (about.st_uid, about.st_gid) != (owner.st_uid, owner.st_gid):
            os.fchown(handle, owner.st_uid, owner.st_gid)
    finally:
        os.close(handle)


def _lines(setting: Setting, values: Mapping[str, object], offered: Mapping[str, object]) -> str:
    asked = " To be confirmed by the PSG." if setting.confirm else ""
    if setting.name in offered:
        asked += " As the backup has it: remove the # to let this site send mail."
    in_force = setting.name in values
    value = values[setting.name] if in_force else offered.get(setting.name, setting.default)
    return f"# {setting.meaning}{asked}\n{'' if in_force else '# '}{setting.name} = {value!r}\n"
