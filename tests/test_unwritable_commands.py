"""R4: on a disk that is full or may only be read, every command ends in words."""

import json
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from psgflask.core.database import db
from tests import test_locked_commands as every
from tests.browser import content

# One of these is in the message.
TOLD = ("no room left", "readonly", "unable to open", "I/O error")
# Which certainly get as far as writing to the database.
CERTAINLY = {
    *("mail test", "members add", "members note", "members correct", "members consent"),
    *("news add", "news correct", "news withdraw", "news topic add", "pages set"),
    *("pages appeal set", "search glossary add", "search glossary import"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("unwritable"), "full") as app:
        runner = app.test_cli_runner()
        assert runner.invoke(args=every._words(every.PAPER, Path(), "")).exit_code == 0
        (Path(app.instance_path) / "erased.txt").write_text(
            "2018-01-01T00:00:00+00:00 PSG 9999-9\n"
        )
        yield app


def full() -> None:
    """Let this process write not one more byte to any file, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def closed() -> None:
    """Let this process open databases to read them alone, as on a disk that is read-only."""
    real: Callable[..., sqlite3.Connection] = sqlite3.dbapi2.connect

    def connect(database: str, *given: Any, **named: Any) -> sqlite3.Connection:
        file = Path(str(database).removeprefix("file://").partition("?")[0])
        if file.name == "psg.sqlite":
            database, named["uri"] = f"{file.as_uri()}?mode=ro", True
        return real(database, *given, **named)

    sqlite3.dbapi2.connect = sqlite3.connect = connect  # type: ignore[assignment]  # no overloads


@pytest.mark.parametrize("disk", [full, closed])
@pytest.mark.parametrize("command", [*every.READING, *every.WRITING])
def test_r4_on_an_unwritable_disk_a_command_ends_with_a_message(
    site: Flask, tmp_path: Path, command: str, disk: Callable[[], None]
) -> None:
    for name, text in every.FILES.items():
        (tmp_path / name).write_text(text)
    with site.app_context():
        number = str(db.session.scalar(db.text("SELECT number FROM people LIMIT 1")))
        db.session.remove()
        db.engine.dispose()
    line = {**every.READING, **every.WRITING}[command]
    code, output, fault = in_child(
        disk, lambda: site.test_cli_runner().invoke(args=every._words(line, tmp_path, number))
    )
    assert fault in {"", "SystemExit"}, (fault, output)
    assert "Traceback" not in output
    if code and command != "doctor":  # which lists its findings
        assert any(line.startswith("Error: ") for line in output.splitlines()[-2:]), output
    if command in CERTAINLY:
        assert any(word in output for word in TOLD), output


def in_child(limit: Callable[[], None], run: Callable[[], Any]) -> tuple[int, str, str]:
    """Run a command in a process of its own, within limits; return code, output and exception."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            limit()
            done = run()
            fault = type(done.exception).__name__ if done.exception else ""
            told = json.dumps([done.exit_code, done.output, fault])
        except BaseException as error:
            told = json.dumps([99, repr(error), "itself"])
        with os.fdopen(theirs, "w") as pipe:
            pipe.write(told)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        code, output, fault = json.loads(pipe.read())
    os.waitpid(child, 0)
    return code, output, fault
