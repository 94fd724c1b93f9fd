"""Where templates/, static/, migrations/ and instance/ are, in a checkout and when installed."""

import os
from pathlib import Path

import click

# What an instance folder holds.
DATABASE, CONFIG, MEDIA, INDEX, OUTBOX = "psg.sqlite", "config.py", "media", "index", "outbox"

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
# The address at which the site is served, where config.py does not have it.
SERVED_AT = "served-at.txt"
# As BACKUP_FOLDER: the worker makes no backups.
NO_BACKUPS = "off"
# In an instance: files that a restore has yet to move into place, the database last.
HALF_RESTORED = ".half-restored"

# What to do where there is no site: the disk may not be mounted, and a new one would hide it.
BRING_BACK = (
    "If there should be one, mount its disk, or restore a backup (docs/operating.md, Restore)."
    " For a new, empty site: flask init"
)


class HalfRestored(click.ClickException):
    """A restore was interrupted while it moved files into place."""

    def __init__(self) -> None:
        super().__init__("A restore was cut short: run `flask restore FILE` again, it begins anew")


class InstanceUnknown(click.ClickException):
    """Installed from a wheel, and the instance folder is not configured."""


def in_checkout() -> bool:
    """Say whether the package runs from a checkout rather than from an installed wheel."""
    return (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "templates").is_dir()


def _shipped(name: str) -> Path:
    return (CHECKOUT if in_checkout() else PACKAGE) / name


def templates() -> Path:
    """Return the folder of the Jinja templates."""
    return _shipped("templates")


def static() -> Path:
    """Return the folder of styles, fonts, images and scripts."""
    return _shipped("static")


def migrations() -> Path:
    """Return the folder of the database migrations."""
    return _shipped("migrations")


def translations() -> Path:
    """Return the folder of the compiled translations."""
    return PACKAGE / "translations"


def restrict_umask() -> None:
    """Let only the owner read what this process writes: it holds people's addresses."""
    os.umask(0o077)


def instance() -> Path:
    """Return the instance folder: the data of this installation.

    Raises InstanceUnknown when installed from a wheel without PSG_INSTANCE.
    """
    named = os.environ.get("PSG_INSTANCE")
    if named:
        return Path(named).expanduser().resolve()
    if in_checkout():
        return CHECKOUT / "instance"
    raise InstanceUnknown(
        "Set PSG_INSTANCE to the folder where this installation keeps its database and"
        " configuration, for example PSG_INSTANCE=/var/lib/psgflask"
    )


def backup_folder(instance: Path, setting: str) -> Path | None:
    """Return the folder of the hourly backups by the setting BACKUP_FOLDER; None when it is off."""
    if setting == NO_BACKUPS:
        return None
    beside = instance.with_name(f"{instance.name}-backups")
    return Path(setting).expanduser() if setting else beside


def is_half_restored(instance: Path) -> bool:
    """Say whether a restore was interrupted: the instance must not be served."""
    return (instance / HALF_RESTORED / DATABASE).exists()
