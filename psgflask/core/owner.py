"""Refuses to act as another user than the one whose site it is."""

import os
import pwd
import shlex
import sys
from pathlib import Path

import click

from psgflask.core.paths import CHECKOUT, CONFIG, DATABASE


class NotTheOwner(click.ClickException):
    """This user is not the owner of the instance folder; the message says what to type."""

    def __init__(self, path: Path, owner: int, why: str, instance: Path) -> None:
        name = user_name(owner)
        named = f"'#{owner}'" if name == str(owner) else name
        typed = shlex.join(sys.argv) if Path(sys.argv[0]).name in COMMANDS else "flask ..."
        super().__init__(
            f"{path} belongs to {name}, and you are {user_name(os.geteuid())}: {why}. Type:"
            f" sudo -u {named} PSG_INSTANCE={shlex.quote(str(instance))} {typed}"
            f" (or make it yours, as root: chown -R {user_name(os.geteuid())}: {instance})"
        )


# As which this site's commands are installed.
COMMANDS = frozenset({"flask", "psgflask"})


def of_site(instance: Path) -> int:
    """Return whose site an instance folder holds: its owner's.

    The folder of a checkout is there before there is a site, and belongs to whoever made the
    checkout: there the site is that of whoever made its files, and without any it is ours.
    """
    if instance != CHECKOUT / "instance":
        return instance.stat().st_uid
    made = [file for name in (CONFIG, DATABASE) if (file := instance / name).exists()]
    return made[0].stat().st_uid if made else os.geteuid()


def check(instance: Path) -> None:
    """Check that this user's site is in an instance folder, and its files are this user's.

    What root writes there the site itself could not read, and another user cannot open it. Raises
    NotTheOwner.
    """
    user = os.geteuid()
    if not instance.is_dir():
        return
    owners = {instance: of_site(instance)} if user == 0 else {}  # others may not look into it
    for file in (instance / CONFIG, instance / DATABASE):
        if user == 0 and file.exists():
            owners[file] = file.stat().st_uid
    for path, owner in owners.items():
        if owner != 0:
            why = "what root writes there the site could not read"
            raise NotTheOwner(path, owner, why, instance)
    if user != 0 and not os.access(instance, os.R_OK | os.W_OK | os.X_OK):
        owner = instance.stat().st_uid
        if owner != user:
            raise NotTheOwner(instance, owner, "only its owner may open it", instance)


def user_name(uid: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
