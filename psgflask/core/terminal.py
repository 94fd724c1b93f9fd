"""What commands share: database sessions, error messages, tables, JSON and the user's name."""

import functools
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from psgflask.core import database_faults, escaping, failures, requirements
from psgflask.core.clock import format_time, london_iso
from psgflask.core.database import db, read_only, single_wait
from psgflask.core.file_mistakes import InvalidFile
from psgflask.core.revisions import RevisionRefused, Save

REPORTS_WRITE_FAILURES = "reports_write_failures"  # marks a wrapped command
MAX_USER_NAME = 100  # characters, as the tables have it
OUTDATED = "The database has no tables yet, or is older than this code: run `flask init`"
FILE_WIDTH = 10_000  # characters: output that goes to no terminal is not wrapped


class FileRefused(click.ClickException):
    """A file holds mistakes: each with its line. Exit code 2, as for a mistyped command."""

    exit_code = 2

    def __init__(self, path: Path | None, error: InvalidFile) -> None:
        place = f"{path}, " if path else ""
        lines = [f"{place}{mistake}" for mistake in error.mistakes]
        super().__init__(escaping.lines("\n".join([*lines, "Nothing was changed."])))


@contextmanager
def click_errors() -> Iterator[None]:
    """Raise errors of the database as click errors; a busy one is waited for only once."""
    try:
        with single_wait():
            yield
    except (StaleDataError, IntegrityError) as error:
        raise click.ClickException(
            "Somebody else changed this at the same moment. Nothing was changed here: look at"
            " what is there now and try again"
        ) from error
    except DatabaseError as error:
        raise click.ClickException(_message(error)) from error


@contextmanager
def write_session(file: Path | None = None) -> Iterator[Session]:
    """Open the session of one command; the caller commits, and what is not committed is undone.

    Raises errors of the database, mistakes in `file`, and what revisions refuse, as click errors.
    """
    with click_errors():
        session = db.session()
        try:
            yield session
        except InvalidFile as error:
            raise FileRefused(file, error) from error
        except RevisionRefused as error:
            raise click.ClickException(f"{error}\nNothing was changed.") from error
        finally:
            # After a commit there is nothing to roll back, and the lock is released.
            session.rollback()


@contextmanager
def read_session() -> Iterator[Session]:
    """Open the session of one command that only reads: it waits for no writer and blocks none.

    Raises errors of the database as click errors.
    """
    with read_only(), write_session() as session:
        yield session


def _message(error: DatabaseError) -> str:
    cause = str(error.orig)
    if failures.is_outdated(error):
        return OUTDATED
    if failures.is_busy(error):
        return (
            "The database is busy. Nothing was changed: try again in a moment; if that does not"
            f" help, {_advice(error)}"
        )
    if failures.cannot_write(error):
        return f"Nothing was changed: {failures.describe(error)}. {_advice(error)}"
    if failures.is_damaged(error):
        return f"The database cannot be read: {cause}. `flask doctor` says what to do"
    return f"The database failed, and nothing was changed: {cause}"


def _advice(error: BaseException) -> str:
    fault = database_faults.diagnose(error)
    return fault.advice if fault is not None else failures.remedy(error)


def report_write_failures(group: click.Group) -> None:
    """Make every command of a group report in a sentence, not a traceback, that it cannot write.

    And that the database, or the packages installed, are older than this code.
    """
    for command in group.commands.values():
        if isinstance(command, click.Group):
            report_write_failures(command)
        # Commands belong to the process, groups to each app: none is wrapped twice.
        if command.callback is not None and not hasattr(command.callback, REPORTS_WRITE_FAILURES):
            command.callback = _reporting(command.callback)


def _reporting(callback: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(callback)
    def run(*args: object, **kwargs: object) -> object:
        try:
            return callback(*args, **kwargs)
        except ImportError as error:
            if (text := requirements.sentence()) is None:
                raise
            raise click.ClickException(text) from error
        except (OSError, DBAPIError) as error:
            if failures.is_outdated(error):
                raise click.ClickException(OUTDATED) from error
            if not failures.cannot_write(error):
                raise
            text = f"It could not be done: {failures.describe(error)}. {failures.remedy(error)}"
            raise click.ClickException(text) from error

    setattr(run, REPORTS_WRITE_FAILURES, True)
    return run


def echo(text: str, *, err: bool = False) -> None:
    """Print lines; control characters in a value are escaped."""
    click.echo(escaping.lines(text), err=err)


def print_file(text: str) -> None:
    """Print the content of a file unchanged; to a terminal as `echo` does."""
    click.echo(escaping.lines(text) if sys.stdout.isatty() else text, nl=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns, as wide as the terminal is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # Folded, never truncated: a slug is there to be copied.
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, or a title such as "[Draft] Budget" would be read as a style.
        table.add_row(*(Text(escaping.one_line(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def print_revisions(saves: Iterable[Save], as_json: bool) -> None:
    """Print what each save changed, at London's time."""
    if as_json:
        print_json(
            [{**vars(save), "saved_at": london_iso(save.saved_at)} for save in saves],
        )
        return
    print_table(
        ("revision", "saved", "what", "by", "changed"),
        (
            (
                save.number,
                format_time(save.saved_at),
                save.what,
                save.saved_by,
                ", ".join(save.changed),
            )
            for save in saves
        ),
    )


def print_json(value: Any) -> None:
    """Print a value as JSON, accents as they are and control characters as JSON writes them."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_json_text)
    click.echo(
        escaping.CONTROLS.sub(
            lambda match: "\n" if match[0] == "\n" else json.dumps(match[0])[1:-1], text
        )
    )


def _json_text(value: object) -> str:
    return london_iso(value) if isinstance(value, datetime) else str(value)


def user_name() -> str:
    """Return who runs this command: the user who called sudo, else the user of this process."""
    if name := os.environ.get("SUDO_USER", "").strip():
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id without a name
        return f"user {os.getuid()}"


def _checked_name(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Return a name on one line, as it is stored. Raises click.BadParameter."""
    name = " ".join(escaping.CONTROLS.sub(" ", text).split())
    if not name:
        raise click.BadParameter("Write a name, such as --by Ana")
    if len(name) > MAX_USER_NAME:
        raise click.BadParameter(f"Write a name of at most {MAX_USER_NAME} characters")
    return name


by_option = click.option(
    "--by",
    default=user_name,
    callback=_checked_name,
    help="Who does it (default: your user name, under sudo too).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
anyway_option = click.option(
    "--anyway", is_flag=True, help="Do not ask, even where something looks wrong."
)


def confirm(question: str, *, option: str = "--yes") -> None:
    """Ask a question; raise click.Abort unless the answer is yes.

    Where nobody can answer, raises click.ClickException that names the option to use instead.
    """
    try:
        confirmed = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        echo("")
        raise click.ClickException(
            f"Nobody is there to answer, so nothing was changed: {option} does it without asking"
        ) from None
    if not confirmed:
        raise click.Abort


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
version_option = click.option(
    "--version", type=int, help="Only if nobody has saved it since this version."
)
