"""What commands share: reading ones wait for no writer, and a full disk is a message."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from psgflask.core import terminal
from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.pages import standing_pages
from tests import factories, full_disk


@pytest.mark.parametrize(
    "command",
    [
        *("news list", "news show seen", "news show seen --markdown", "news topic list"),
        *("pages list", "pages show contact", "pages appeal list"),
    ],
)
def test_a_reading_command_does_not_wait_for_a_writer(
    app: Flask, session: Session, command: str
) -> None:
    factories.article(session, "Seen by readers", slug="seen")
    standing_pages.add_missing(session)
    session.commit()
    writer = sqlite3.connect(Path(app.instance_path, "psg.sqlite"))
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE articles SET title = 'Half done'")
    told = app.test_cli_runner().invoke(args=command.split())
    writer.close()
    assert told.exit_code == 0, told.output
    assert "Half done" not in told.output


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda: OSError(errno.ENOSPC, "No space left on device", "file"), "no room left"),
        (lambda: PermissionError(errno.EROFS, "Read-only file system", "file"), "Read-only"),
        (
            lambda: OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_FULL)),
            "no room left",
        ),
        (
            lambda: OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_READONLY)),
            "readonly database",
        ),
    ],
)
def test_r4_a_command_that_cannot_write_reports_it_in_a_sentence(
    app: Flask, fault: Callable[[], Exception], words: str, within: bool
) -> None:
    @app.cli.command("save")
    def save() -> None:
        if not within:
            raise fault()
        with terminal.write_session():
            raise fault()

    terminal.report_write_failures(app.cli)
    told = app.test_cli_runner().invoke(args=["save"])
    assert told.exit_code == 1
    assert isinstance(told.exception, SystemExit)
    assert len(told.output.splitlines()) == 1
    assert words in told.output


def test_other_errors_of_a_command_keep_their_traceback(app: Flask) -> None:
    @app.cli.command("save")
    def save() -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    terminal.report_write_failures(app.cli)
    assert isinstance(app.test_cli_runner().invoke(args=["save"]).exception, FileNotFoundError)


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


def test_every_command_reports_write_failures_and_is_wrapped_once(
    make_app: Callable[..., Flask],
) -> None:
    for app in (make_app(), make_app()):
        told = [command.callback for command in commands(app.cli) if command.callback]
        assert len(told) > 30
        assert all(hasattr(callback, terminal.REPORTS_WRITE_FAILURES) for callback in told)
        assert not any(
            hasattr(getattr(callback, "__wrapped__", None), terminal.REPORTS_WRITE_FAILURES)
            for callback in told
        )


@pytest.fixture
def whoami(app: Flask) -> Callable[..., Result]:
    """Run a command that prints who acts, with environment variables (None removes one)."""

    @app.cli.command("whoami")
    @terminal.by_option
    def whoami(by: str) -> None:
        click.echo(by)

    def run(*words: str, **variables: str | None) -> Result:
        names = {"LOGNAME": "psgflask", "SUDO_USER": None, **variables}
        return app.test_cli_runner().invoke(args=["whoami", *words], env=names)

    return run


def test_who_acts_is_who_is_named_else_who_called_sudo_else_the_login_name(
    whoami: Callable[..., Result],
) -> None:
    assert whoami("--by", "Ana", SUDO_USER="luis").output == "Ana\n"
    assert whoami(SUDO_USER="luis").output == "luis\n"
    assert whoami(SUDO_USER=" ").output == "psgflask\n"
    assert whoami().output == "psgflask\n"


def test_the_name_of_who_acts_is_one_line_that_is_stored_whole(
    whoami: Callable[..., Result],
) -> None:
    assert whoami("--by", " Ana\n  Torres\u202e ").output == "Ana Torres\n"
    for name, words in ((" ", "Write a name, such as --by Ana"), ("a" * 101, "at most 100")):
        told = whoami("--by", name)
        assert told.exit_code == 2
        assert words in told.output


def test_who_acts_is_determined_in_one_way_by_every_command(app: Flask) -> None:
    options = [option for command in commands(app.cli) for option in command.params]
    by = [option for option in options if option.name == "by"]
    assert len(by) > 10
    assert {option.default for option in by} == {terminal.user_name}


def test_a_time_in_json_is_london_s(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"sent": datetime(2027, 7, 1, 8, tzinfo=UTC)})
    assert "2027-07-01T09:00:00+01:00" in capsys.readouterr().out


def test_control_characters_in_a_row_are_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    acts = "a\nb\x1b[31m\x9b\u202e"
    terminal.print_table(["name"], [[acts]])
    terminal.echo(f"{acts}\nSecond")
    terminal.print_json({"name": acts})
    told = capsys.readouterr().out
    assert r"a\nb\x1b[31m\x9b\u202e" in told
    assert "b\\x1b[31m\\x9b\\u202e\nSecond" in told
    assert r'"a\nb\u001b[31m\u009b\u202e"' in told
    assert not set("\x1b\x9b\u202e") & set(told)


def test_printed_file_content_is_unchanged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.print_file("Left\u200e to right\x1b\n")
    assert capsys.readouterr().out == "Left\u200e to right\x1b\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    terminal.print_file("Left\u200e to right\x1b\n")
    assert capsys.readouterr().out == "Left\\u200e to right\\x1b\n"


def test_a_quoted_mistake_is_escaped() -> None:
    mistake = InvalidFile(Mistake(1, "no such key \x1b[2Jtitle"))
    assert r"\x1b[2Jtitle" in terminal.FileRefused(None, mistake).message
