"""R4, R8: whoever is met by a fault of the database learns which it is, and what to do.

Each fault is tried on doctor, on /readyz, on an applicant, in the log and on a command.
"""

import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from psgflask.core import database
from psgflask.core.database import db
from psgflask.ops import doctor
from tests import database_locks, full_disk, html_forms
from tests import test_locked_commands as every
from tests import test_locked_database as forms
from tests.browser import content
from tests.conftest import Visitor

Usage = namedtuple("Usage", "total used free")
FILES = ("psg.sqlite", "psg.sqlite-wal", "psg.sqlite-shm")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("faults"), "full") as app:
        app.test_client_class = Visitor
        yield app


def close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@contextmanager
def missing(app: Flask) -> Iterator[None]:
    """The disk of the database is not mounted."""
    close(app)
    folder = Path(app.instance_path)
    elsewhere = folder.with_name("unmounted")
    elsewhere.mkdir(exist_ok=True)
    moved = [name for name in FILES if (folder / name).exists()]
    for name in moved:
        (folder / name).rename(elsewhere / name)
    try:
        yield
        assert not [name for name in FILES if (folder / name).exists()]
    finally:
        close(app)
        for name in moved:
            (elsewhere / name).rename(folder / name)


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """The file may be read and not written: chmod would not keep root from it."""
    close(app)
    real: Callable[..., sqlite3.Connection] = sqlite3.dbapi2.connect

    def connect(name: str, *given: Any, **named: Any) -> sqlite3.Connection:
        return real(str(name).replace("?mode=rw", "?mode=ro"), *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3.dbapi2, "connect", connect)
        yield
    close(app)


@contextmanager
def full(app: Flask) -> Iterator[None]:
    """There is no space on the disk: the write fails that would need some."""

    def fail(cursor: object, statement: str, *more: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            raise full_disk.of_sqlite(sqlite3.SQLITE_FULL)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "do_execute", fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: Usage(10**9, 10**9, 0))
        yield
    event.remove(engine, "do_execute", fail)


class Expected(NamedTuple):
    """A fault, and the words that tell it: for operators, monitors and applicants."""

    begin: Callable[[Flask], AbstractContextManager[object]]
    doctor: str
    advice: str
    readyz: str
    log: str
    applicant: str
    spanish: str
    command: str
    command_advice: str


FAULTS = {
    "missing": Expected(
        *(missing, "There is no database at", "mount its disk", "database (missing)"),
        *("There is no database at", "its database cannot be reached", "no alcanza"),
        *("there is no database at", "mount its disk"),
    ),
    "read-only": Expected(
        *(read_only, "may only be read", "rights", "database (read-only)"),
        *("may only be read", "its database may only be read", "es de solo lectura"),
        *("readonly", "rights"),
    ),
    "full": Expected(
        *(full, "0.0 GB free", "Make room", "disk"),
        *("no room left", "its disk is full", "está lleno"),
        *("no room left", "Make room"),
    ),
    "locked": Expected(
        *(database_locks.held, "Another program holds", "lsof", "database (locked)"),
        *("Another program holds", "is busy", "está ocupado"),
        *("is busy", "lsof"),
    ),
}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Expected:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    monkeypatch.setattr(database, "GLANCE_TIMEOUT_MS", 1)
    return FAULTS[request.param]


def test_doctor_names_the_fault_and_says_what_to_do(site: Flask, fault: Expected) -> None:
    with fault.begin(site):
        done = site.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    found = done.output.partition(fault.doctor)[2]
    assert fault.advice in found.partition("\n")[2].partition("\n")[0], done.output


def test_readyz_names_the_fault_and_no_path(site: Flask, fault: Expected) -> None:
    with fault.begin(site):
        response = site.test_client().get("/readyz")
    assert (response.status_code, response.text) == (503, f"not ready: {fault.readyz}\n")
    assert site.test_client().get("/readyz").text == "ready\n"


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("form", ["accounts.again", "rights.ask", "members.step"])
def test_an_applicant_is_told_what_hinders_and_loses_nothing(
    site: Flask,
    fault: Expected,
    form: str,
    prefix: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient(monkeypatch)
    client = site.test_client()
    path, fields = forms.sent_forms(client)[form]
    with fault.begin(site):
        response = client.post(f"{prefix}{path}", data=fields)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert (fault.spanish if prefix else fault.applicant) in response.text
    typed = html_forms.form_of(response.text).fields
    assert typed.get("email", [""]) == fields["email"] or form == "members.step"
    assert fault.log in caplog.text


def test_a_mailed_link_stays_good_and_its_page_says_what_hinders(
    site: Flask, fault: Expected
) -> None:
    with fault.begin(site):
        response = site.test_client().post(forms.LINK)
    assert response.status_code == 503
    assert fault.applicant in response.text
    assert "still good" in response.text


def test_a_command_names_the_fault_and_says_what_to_do(site: Flask, fault: Expected) -> None:
    with fault.begin(site):
        done = site.test_cli_runner().invoke(args=["news", "correct", "radio-7", "--text", "x"])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert len(done.output.splitlines()) == 1
    assert fault.command in done.output
    assert fault.command_advice in done.output


def test_a_reader_of_a_page_without_its_database_is_not_told_to_wait_seconds(
    site: Flask, client: FlaskClient
) -> None:
    site.extensions["psg_page_cache"].pages.clear()
    with missing(site):
        response = site.test_client().get("/news/")
    assert response.status_code == 503
    assert "cannot be shown at the moment" in response.text


def test_the_monitor_waits_for_a_writer_that_ends() -> None:
    assert 0 < doctor.READY_TIMEOUT_MS < database.REQUEST_TIMEOUT_MS


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms may be sent as soon as they are shown."""
    from datetime import timedelta

    from psgflask.members.web import form_tokens

    monkeypatch.setattr(form_tokens, "MIN_AGE", timedelta(0))


@pytest.mark.parametrize("command", sorted({*every.READING, *every.WRITING}))
def test_no_command_creates_an_empty_database_where_it_is_missing(
    site: Flask, tmp_path: Path, command: str
) -> None:
    for name, text in every.FILES.items():
        (tmp_path / name).write_text(text)
    words = every._words({**every.READING, **every.WRITING}[command], tmp_path, "1001-9")
    with missing(site):  # which looks whether there is one in the end
        done = site.test_cli_runner().invoke(args=words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    if command in {"db branches", "db heads", "db history", "db show", "search rebuild"}:
        return
    assert done.exit_code == 1
    assert "no database" in done.output, done.output
