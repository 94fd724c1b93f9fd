"""From an empty folder to an installation: config.py with a secret, tables, standing pages."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from psgflask.config import SETTINGS, Setting

FOLDERS = ("media", "index")
OPENING = '''"""The settings of this installation; it holds its secret, so keep it to yourself.

A line that begins with # is not in force: it shows the default. Remove the # to change it.
A variable of the environment named PSG_ and the setting (PSG_BASE_URL) overrides this file.
"""
'''


def make_folders(instance: Path) -> bool:
    """Make the instance folder and those in it; return whether it is new."""
    new = not instance.is_dir()
    for name in FOLDERS:
        (instance / name).mkdir(parents=True, exist_ok=True)
    return new


def write_config(instance: Path, values: Mapping[str, object] | None = None) -> Path | None:
    """Write config.py with a fresh secret, readable by its owner alone; `values` are in force.

    Return its path, or None when there is one already: it is never overwritten.
    """
    file = instance / "config.py"
    text = config_text({"SECRET_KEY": secrets.token_hex(32), **(values or {})})
    try:
        # Created with its mode, so that no moment exists in which others could read it.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(text)
    return file


def config_text(values: Mapping[str, object]) -> str:
    """Return a config.py that says what every setting means and sets the given ones."""
    return "\n".join([OPENING, *(_lines(setting, values) for setting in SETTINGS)])


def _lines(setting: Setting, values: Mapping[str, object]) -> str:
    asked = " To be confirmed by the PSG." if setting.confirm else ""
    in_force = setting.name in values
    value = values[setting.name] if in_force else setting.default
    return f"# {setting.meaning}{asked}\n{'' if in_force else '# '}{setting.name} = {value!r}\n"
