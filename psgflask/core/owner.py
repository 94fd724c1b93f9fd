"""Refuses to act as another user than the owner of the instance folder."""

import os
import pwd
import shlex
import sys
from pathlib import Path

import click

from psgflask.core.paths import CONFIG, DATABASE


class NotTheOwner(click.ClickException):
    """This user is not the owner of the instance folder; the message says what to type."""

    def __init__(self, path: Path, owner: int, why: str, instance: Path) -> None:
        name = user_name(owner)
        named = f"'#{owner}'" if name == str(owner) else name
        typed = shlex.join(sys.argv) if Path(sys.argv[0]).name in COMMANDS else "flask ..."
        super().__init__(
            f"{path} belongs to {name}, and you are {user_name(os.geteuid())}: {why}. Type:"
            f" sudo -u {named} PSG_INSTANCE={shlex.quote(str(instance))} {typed}"
        )


# As which this site's commands are installed.
COMMANDS = frozenset({"flask", "psgflask"})


def check(instance: Path) -> None:
    """Check that this user is the owner of an instance folder, and of what it has to open.

    What root writes there the site itself could not read, and another user cannot open it. Raises
    NotTheOwner.
    """
    user = os.geteuid()
    if not instance.is_dir():
        return
    paths = (instance, instance / CONFIG, instance / DATABASE)
    for path in paths:
        try:
            owner = path.stat().st_uid
        except FileNotFoundError:
            continue
        except PermissionError:
            break  # of the folder, which was looked at before
        if user == 0 != owner:
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
