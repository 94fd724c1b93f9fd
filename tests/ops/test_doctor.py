"""`flask doctor` and what monitors ask: sound installations pass, each fault is named."""

import json
import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.core import paths
from psgflask.core.clock import format_time, utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.news.drafts import AttachmentDraft
from psgflask.ops import doctor, health, migrations, worker_lock
from psgflask.ops.worker_lock import TaskFailure, WorkerLock
from psgflask.search import health as search_health
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer
from tests import factories

GOOD_SECRET = "5f1d3c9ab8e7420696d1c0fffab34275e0"
PUBLIC = {
    "BASE_URL": "https://psg.example",
    "TRUSTED_PROXIES": 1,
    "TESTING": False,
    "SMTP_HOST": "mail.psg.example",
    "MAIL_FROM": "site@psg.example",
}


@pytest.fixture
def lock(instance: Path) -> Iterator[WorkerLock]:
    """The lock of this installation's worker, which is at work."""
    held = worker_lock.acquire(instance)
    assert held is not None
    with closing(held):
        yield held


@pytest.fixture
def sound(
    make_app: Callable[..., Flask],
    instance: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lock: WorkerLock,
) -> Flask:
    """An installation with nothing to complain of but the facts that the PSG has to supply."""
    (instance / "psg.sqlite").unlink()
    (instance / "config.py").write_text(f"SECRET_KEY = {GOOD_SECRET!r}\n")
    (instance / "config.py").chmod(0o600)
    (tmp_path / "es/LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "es/LC_MESSAGES/messages.mo").touch()
    monkeypatch.setattr(paths, "translations", lambda: tmp_path)
    app = make_app(SECRET_KEY=GOOD_SECRET, **PUBLIC)
    with app.app_context():
        migrations.upgrade()
        indexer.rebuild(app)
    return app


def states(app: Flask) -> dict[str, str]:
    """Return the state of each subject; of one told of twice the worse."""
    worst: dict[str, str] = {}
    with app.app_context():
        for finding in doctor.examine(app):
            if worst.get(finding.subject) != FAULT:
                worst[finding.subject] = finding.state
    return worst


def test_a_sound_installation_has_nothing_at_fault(sound: Flask) -> None:
    found = states(sound)
    awaited = {name for name, state in found.items() if state == ATTENTION}
    assert FAULT not in found.values()
    assert awaited == {
        *("CONTACT_POST", "CONTACT_PHONE", "CONTACT_EMAIL", "CONTACT_PRESS"),
        *("CONTACT_CORRECTIONS", "CHARITY_NUMBER"),
        *("SECRETARY_EMAIL", "memberships", "backups"),
        *("BANK_NAME", "BANK_ACCOUNT_NAME", "BANK_SORT_CODE", "BANK_ACCOUNT_NUMBER"),
        "CHEQUES_PAYABLE_TO",
    }
    done = sound.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 0
    assert "Nothing is at fault" in done.output
    for said in ("SQLite", "newest revision", "Agrees with the database", "GB free"):
        assert said in done.output


def test_the_findings_are_there_for_machines(sound: Flask) -> None:
    done = sound.test_cli_runner().invoke(args=["doctor", "--json"])
    findings = json.loads(done.output)
    assert {frozenset(finding) for finding in findings} == {
        frozenset({"subject", "state", "text", "advice"})
    }
    assert all(finding["advice"] for finding in findings if finding["state"] != OK)


def damage_database(app: Flask) -> None:
    db.engine.dispose()
    file = Path(app.instance_path, "psg.sqlite")
    content = bytearray(file.read_bytes())
    content[4096:12288] = bytes(8192)
    file.write_bytes(content)


def orphan(app: Flask) -> None:
    with sqlite3.connect(Path(app.instance_path, "psg.sqlite")) as connection:
        connection.execute("INSERT INTO corrections VALUES (1, 999, '2018-01-01', 'x')")
    connection.close()


def leave_in_ledger(app: Flask) -> None:
    db.session.add(LedgerEntry(article_id=1, queued_at=utc_now() - timedelta(minutes=5)))
    db.session.commit()


def drift(app: Flask) -> None:
    factories.article(db.session(), "Known to the index")
    with sqlite3.connect(Path(app.instance_path, "psg.sqlite")) as connection:
        connection.execute("UPDATE articles SET title = 'Unknown to the index'")
    connection.close()


def write_config(app: Flask, line: str) -> None:
    with Path(app.instance_path, "config.py").open("a") as file:
        file.write(f"\n{line}\n")


def drop_tables(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["db", "downgrade", "base"]).exit_code == 0


FAULTS: dict[str, tuple[str, Callable[[Flask], object]]] = {
    "a damaged database": ("database", damage_database),
    "a row without its parent": ("database", orphan),
    "no tables": ("migrations", drop_tables),
    "no index": ("index", lambda app: shutil.rmtree(Path(app.instance_path, "index"))),
    "an index that lies": ("index", drift),
    "a change that waits": ("ledger", leave_in_ledger),
    "a file that is lost": (
        "media",
        lambda app: factories.article(
            db.session(),
            attachments=(AttachmentDraft("0" * 64, "a.pdf", "application/pdf", 9, "A", "en"),),
        ),
    ),
    "http in public": (
        "BASE_URL",
        lambda app: app.config.update(BASE_URL="http://psg.example"),
    ),
    "a short secret": ("SECRET_KEY", lambda app: app.config.update(SECRET_KEY="secret")),
    "a dull secret": ("SECRET_KEY", lambda app: app.config.update(SECRET_KEY="a" * 64)),
    "no secret": ("SECRET_KEY", lambda app: app.config.update(SECRET_KEY="")),
    "a config that others read": (
        "config.py",
        lambda app: Path(app.instance_path, "config.py").chmod(0o640),
    ),
    "a database that others read": (
        "psg.sqlite",
        lambda app: Path(app.instance_path, "psg.sqlite").chmod(0o644),
    ),
    "an instance that others enter": (
        "instance",
        lambda app: Path(app.instance_path).chmod(0o755),
    ),
    "debugging": ("DEBUG", lambda app: write_config(app, "DEBUG = True")),
    "testing": ("TESTING", lambda app: write_config(app, "TESTING = True")),
    "no Spanish": (
        "translations",
        lambda app: next(paths.translations().rglob("*.mo")).unlink(),
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_failure_is_named_and_makes_the_command_fail(sound: Flask, what: str) -> None:
    subject, cause = FAULTS[what]
    assert states(sound)[subject if subject not in {"DEBUG", "TESTING"} else "database"] == OK
    with sound.app_context():
        cause(sound)
    assert states(sound)[subject] == FAULT
    assert sound.test_cli_runner().invoke(args=["doctor"]).exit_code == 1


def test_a_database_of_newer_code_is_reported_with_what_to_do(sound: Flask) -> None:
    with sound.app_context():
        db.session.execute(db.text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
        (finding,) = health.check_schema(sound)
    assert finding.state == FAULT
    assert "newer" in finding.advice


@pytest.mark.parametrize(("free", "state"), [(10**8, FAULT), (10**9, ATTENTION), (10**11, OK)])
def test_the_disk_is_watched(
    sound: Flask, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    usage = namedtuple("usage", "total used free")  # as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
    assert states(sound)["disk"] == state


def test_a_public_site_without_a_trusted_proxy_needs_attention(sound: Flask) -> None:
    sound.config["TRUSTED_PROXIES"] = 0
    assert states(sound)["TRUSTED_PROXIES"] == ATTENTION
    with sound.app_context():
        (said,) = (f for f in doctor.examine(sound) if f.subject == "TRUSTED_PROXIES")
    assert "The open internet needs one in front" in said.text


def test_a_site_for_this_machine_alone_needs_attention(sound: Flask) -> None:
    for base in ("http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"):
        sound.config["BASE_URL"] = base
        assert states(sound)["BASE_URL"] == ATTENTION


def test_unknown_settings_are_reported(sound: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(sound, "BASE_ULR = 'https://psg.example'\nimport os\nlower = 1")
    monkeypatch.setenv("PSG_CONTACT_EMIAL", "x")
    found = states(sound)
    assert found["BASE_ULR"] == found["PSG_CONTACT_EMIAL"] == ATTENTION
    with sound.app_context():
        advice = {f.subject: f.advice for f in doctor.examine(sound)}
    assert "BASE_URL" in advice["BASE_ULR"]


def test_an_installation_without_a_worker_needs_attention(sound: Flask, lock: WorkerLock) -> None:
    lock.close()
    assert states(sound)["worker"] == ATTENTION


def told_of_the_worker(app: Flask) -> list[Finding]:
    with app.app_context():
        return [found for found in doctor.examine(app) if found.subject == "worker"]


@pytest.mark.parametrize(("minutes", "state"), [(0, ATTENTION), (2, FAULT)])
def test_a_task_of_the_worker_that_fails_is_named_with_what_to_do(
    sound: Flask, lock: WorkerLock, minutes: int, state: str
) -> None:
    since = utc_now() - timedelta(minutes=minutes)
    lock.write([TaskFailure("members", since.isoformat(), 7, "no room", "Make room")])
    (found,) = told_of_the_worker(sound)
    assert (found.state, found.advice) == (state, "Make room")
    assert f"'members' fails since {format_time(since)}, 7 times: no room" in found.text
    lock.write([])
    assert [found.state for found in told_of_the_worker(sound)] == [OK]


def test_a_worker_that_cannot_record_its_failures_needs_attention(
    sound: Flask, instance: Path
) -> None:
    os.truncate(instance / worker_lock.FILE, 0)
    (found,) = told_of_the_worker(sound)
    assert found.state == ATTENTION
    assert "Make room" in found.advice


def test_facts_that_were_supplied_are_not_asked_for(sound: Flask) -> None:
    sound.config["CONTACT_POST"] = "London"
    assert "CONTACT_POST" not in states(sound)


def test_a_health_check_that_fails_is_reported_and_the_others_still_run(
    sound: Flask,
) -> None:
    with sound.app_context():
        db.engine.dispose()
    Path(sound.instance_path, "psg.sqlite").unlink()
    Path(sound.instance_path, "psg.sqlite").mkdir()
    done = sound.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "GB free" in done.output
    assert done.output.count("unable to open database file") == 1  # however many asked it


def asked(app: Flask, path: str) -> Any:
    return app.test_client().get(path, base_url="https://psg.example")


def test_a_monitor_learns_that_the_site_lives_and_is_ready(sound: Flask) -> None:
    for path, said in (("/healthz", "alive\n"), ("/readyz", "ready\n")):
        answer = asked(sound, path)
        assert (answer.status_code, answer.text) == (200, said)
        assert answer.content_type == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"


def test_liveness_queries_no_database(sound: Flask) -> None:
    with sound.app_context():
        db.engine.dispose()
    Path(sound.instance_path, "psg.sqlite").unlink()
    Path(sound.instance_path, "psg.sqlite").mkdir()
    assert asked(sound, "/healthz").status_code == 200
    answer = asked(sound, "/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready: database (unreachable)\n")


@pytest.mark.parametrize("what", ["no index", "a change that waits"])
def test_readiness_checks_index_and_ledger(sound: Flask, what: str) -> None:
    subject, cause = FAULTS[what]
    with sound.app_context():
        cause(sound)
    answer = asked(sound, "/readyz")
    assert answer.status_code == 503
    assert subject in answer.text


def test_what_monitors_ask_stays_cheap(client: FlaskClient, session: Session) -> None:
    """The whole database is never read for them: the expensive questions are the doctor's."""
    assert search_health.check_agreement not in health.READINESS_CHECKS
    assert health.check_sqlite not in health.READINESS_CHECKS


def test_a_torn_line_in_the_list_of_the_erased_is_named(sound: Flask, instance: Path) -> None:
    (instance / "erased.txt").write_text("2026-07-01T12:00:00+00:00 PSG 1001-9\n2026-07-\n")
    assert states(sound)["erased.txt"] == FAULT
    with sound.app_context():
        (told,) = [f.text for f in doctor.examine(sound) if f.subject == "erased.txt"]
    assert "line 2" in told
    (instance / "erased.txt").write_text("2026-07-01T12:00:00+00:00 PSG 1001-9\n")
    assert "erased.txt" not in states(sound)
