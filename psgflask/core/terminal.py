"""What commands share: one change each or none, refusals, tables, JSON, and who runs them."""

import functools
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from psgflask.core import escaping, faults
from psgflask.core.database import db, one_wait, read_only
from psgflask.manuscript import FrontMatterWrong

TELLS = "tells_faults"  # the mark of a command that `tell_faults` has seen
WIDTH_OF_A_FILE = 10_000  # characters: where output goes to no terminal, no line is broken


class FileWrong(click.ClickException):
    """A file holds mistakes: each with its line. Exit code 2, as for a mistyped command."""

    exit_code = 2

    def __init__(self, path: Path | None, error: FrontMatterWrong) -> None:
        place = f"{path}, " if path else ""
        lines = [f"{place}{mistake}" for mistake in error.mistakes]
        super().__init__(escaping.lines("\n".join([*lines, "Nothing was changed."])))


@contextmanager
def faults_told() -> Iterator[None]:
    """Tell faults of the database as a click error; one that is busy is waited for once."""
    try:
        with one_wait():
            yield
    except (StaleDataError, IntegrityError) as error:
        raise click.ClickException(
            "Somebody else changed this at the same moment. Nothing was changed here: look at"
            " what is there now and try again"
        ) from error
    except DatabaseError as error:
        raise click.ClickException(_fault(error)) from error


@contextmanager
def one_change(file: Path | None = None) -> Iterator[Session]:
    """Give the session of one command, which commits it; on any fault nothing is changed.

    Faults of the database and mistakes in `file` are told as a click error.
    """
    with faults_told():
        session = db.session()
        try:
            yield session
        except FrontMatterWrong as error:
            raise FileWrong(file, error) from error
        finally:
            # After a commit there is nothing to undo, and nobody waits for our lock.
            session.rollback()


@contextmanager
def one_look() -> Iterator[Session]:
    """Give the session of one command that only reads: it waits for no writer, nor makes one wait.

    Faults of the database are told as a click error.
    """
    with read_only(), one_change() as session:
        yield session


def _fault(error: DatabaseError) -> str:
    cause = str(error.orig)
    if "no such table" in cause or "does not exist" in cause:
        return "The database has no tables yet: run `flask init`"
    if faults.is_busy(error):
        return "The database is busy. Nothing was changed: try again in a moment"
    if faults.cannot_write(error):
        return f"Nothing was changed: {faults.words(error)}"
    if faults.is_damaged(error):
        return f"The database cannot be read: {cause}. `flask doctor` says what to do"
    return f"The database failed, and nothing was changed: {cause}"


def tell_faults(group: click.Group) -> None:
    """Let every command of a group say in a sentence that it cannot write, and no traceback."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            tell_faults(command)
        # Commands are the process's, groups each app's own: none is wrapped twice.
        if command.callback is not None and not hasattr(command.callback, TELLS):
            command.callback = _telling(command.callback)


def _telling(callback: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(callback)
    def run(*given: object, **named: object) -> object:
        try:
            return callback(*given, **named)
        except (OSError, DBAPIError) as error:
            if not faults.cannot_write(error):
                raise
            told = f"It could not be done: {faults.words(error)}. {faults.remedy(error)}"
            raise click.ClickException(told) from error

    setattr(run, TELLS, True)
    return run


def echo(text: str, *, err: bool = False) -> None:
    """Print lines; what strangers wrote into a value does nothing to the terminal."""
    click.echo(escaping.lines(text), err=err)


def print_file(text: str) -> None:
    """Print what is to be kept in a file: as it is, but for a terminal as `echo` does."""
    click.echo(escaping.lines(text) if sys.stdout.isatty() else text, nl=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns, as wide as the terminal is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # Folded, never cut off: a slug is there to be copied.
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, or a title such as "[Draft] Budget" would be read as a style.
        table.add_row(*(Text(escaping.one_line(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE).print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, accents as they are and control characters as JSON writes them."""
    written = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    click.echo(
        escaping.CONTROLS.sub(
            lambda found: "\n" if found[0] == "\n" else json.dumps(found[0])[1:-1], written
        )
    )


def user_name() -> str:
    """Return who runs this command, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"user {os.getuid()}"
