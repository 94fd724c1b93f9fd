"""Whether the site can be served: packages, database file and schema are those of this code."""

import click
from sqlalchemy.exc import DatabaseError

from psgflask.core import database_faults, requirements
from psgflask.core.database import database_file
from psgflask.ops import migrations


class NotReady(click.ClickException):
    """The site cannot be served; the message says why, and what to run."""


def check_ready() -> None:
    """Check that packages, database file and schema are those of this code. Raises NotReady.

    In an app context; creates nothing. A database that is only locked or full may be served: pages
    say so until that is over.
    """
    if text := requirements.sentence():
        raise NotReady(text)
    file = database_file()
    if file is not None and not file.exists():
        fault = database_faults.missing(file)
        raise NotReady(f"{fault.text}. {fault.advice}")
    try:
        wrong = migrations.mismatch()
    except DatabaseError as error:
        if database_faults.diagnose(error) is None:
            raise
        return
    if wrong:
        raise NotReady(f"{wrong[0]}: {wrong[1]}")
