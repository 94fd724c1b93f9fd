"""A backup holds all that a site needs to be the same again; what it leaves out has a reason."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from psgflask import create_app
from psgflask.core import config
from psgflask.core.clock import utc_now
from psgflask.core.config import SETTINGS
from psgflask.core.database import Model, db
from psgflask.mail import outbox
from psgflask.mail import worker_task as mail_task
from psgflask.members import erasure, rights
from psgflask.members.applications import SubmittedForm
from psgflask.news import worker_task as news_task
from psgflask.ops import backup_contents, worker
from psgflask.ops.backup_contents import CHANGED_BY_RESTORE, LEFT_OUT, SAVED, TEMPORARY
from psgflask.search import search_log
from tests import factories
from tests.browser import content
from tests.members.people import populate

MEMBERSHIPS = '[waged]\namounts = [{ from = 2027-01-01, pounds = "30.00" }]\n'
# Of each type another value than any default that passes the checks of a start.
OTHER: dict[str, str | int | bool] = {
    "BACKUP_FOLDER": "off",
    "BASE_URL": "https://www.example.org",
    "CONTENT_LICENCE_URL": "https://example.org/licence",
    "MAIL_FROM": "web@example.org",
    "SECRETARY_EMAIL": "secretary@example.org",
    "SMTP_SECURITY": "tls",
    "WORKER": False,
}


def other(setting: config.Setting) -> str | int | bool:
    if setting.name in OTHER:
        return OTHER[setting.name]
    if isinstance(setting.default, int):
        return setting.default + 1
    if "e-mail address" in setting.meaning.lower():
        return f"{setting.name.lower()}@example.org"
    return f'{setting.name} ñ\'s "own"'


def tables(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of every table."""
    with closing(sqlite3.connect(database)) as opened:
        names = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(opened.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for (name,) in names
        }


def files(instance: Path) -> dict[str, str]:
    """Return the hash of every file of an instance by its name."""
    there = (file for file in instance.rglob("*") if file.is_file())
    return {
        file.relative_to(instance).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in there
    }


def settings_of(instance: Path) -> dict[str, Any]:
    os.environ["PSG_INSTANCE"] = str(instance)
    app = create_app()
    with app.app_context():
        db.engine.dispose()
    return {name: app.config[name] for name in config.NAMES}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A site with a row in every table, every kind of file, and every setting changed."""
    with content.filled(tmp_path_factory.mktemp("everything"), "full") as app:
        instance = Path(app.instance_path)
        with app.app_context():
            _fill_tables()
            news_task.run(app)
            mail_task.run(app)  # becomes a file
            _enqueue("waiting@example.org")
            db.session.remove()
        worker.Worker(app).run_once()
        (instance / "memberships.toml").write_text(MEMBERSHIPS)
        (instance / "media" / "ab").mkdir(exist_ok=True)
        (instance / "media" / "ab" / "no article names this").write_bytes(b"kept all the same")
        (instance / "media" / ".incoming").mkdir(exist_ok=True)
        (instance / "media" / ".incoming" / "half").write_bytes(b"half")
        with (instance / "config.py").open("a") as file:
            for setting in SETTINGS:
                if setting.name not in {"SECRET_KEY", "DATABASE_URL"}:
                    file.write(f"{setting.name} = {other(setting)!r}\n")
        yield app


def _enqueue(to: str) -> None:
    outbox.enqueue(
        db.session(), kind="test", to=to, language="en", values={}, now=utc_now(), about="somebody"
    )
    db.session.commit()


def _fill_tables() -> None:
    session = db.session()
    *_others, last = populate(session, 4)
    erasure.erase(session, [last], by="ann", now=utc_now())
    session.commit()
    factories.redirect(session, "/news.php", "/news/")
    day = date(2026, 7, 1)
    for number in range(4):
        counts = [search_log.DailyCount(day + timedelta(days=number), "mining", 2, 5)]
        search_log.store(session, counts, secret=content.SECRET)
    counts = [search_log.DailyCount(day, "rare words", 1, 0)]
    search_log.store(session, counts, secret=content.SECRET)
    rights.submit(
        session,
        rights.RightsAnswers("access", "Rosa Quispe", "rosa@example.org", "Please", "en"),
        form=SubmittedForm("a form", "its answers"),
        network="192.0.2.1",
        secret=content.SECRET,
        now=utc_now(),
    )
    _enqueue("sent@example.org")


@pytest.fixture
def restored(everything: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same site, restored from its backup into an empty folder."""
    source, target = Path(everything.instance_path), tmp_path / "restored"
    with everything.app_context():
        db.engine.dispose()
    for instance, arguments in (
        (source, ["backup", str(tmp_path / "all.tar")]),
        (target, ["restore", str(tmp_path / "all.tar")]),
    ):
        monkeypatch.setenv("PSG_INSTANCE", str(instance))
        app = create_app({"SECRET_KEY": content.SECRET})
        done = app.test_cli_runner().invoke(args=arguments)
        assert done.exit_code == 0, done.output
        with app.app_context():
            db.engine.dispose()
    return target


def test_r10_every_table_of_the_test_has_a_row_so_that_it_is_compared(
    everything: Flask,
) -> None:
    held = tables(Path(everything.instance_path, "psg.sqlite"))
    unfilled = {name for name in Model.metadata.tables if not held[name]}
    # The ledger is empty as soon as the index is up to date.
    assert unfilled <= {"search_ledger"}, "Fill these in _fill_tables()"


def test_r10_a_restored_site_is_the_same_row_by_row_and_file_by_file(
    everything: Flask, restored: Path
) -> None:
    source = Path(everything.instance_path)
    before, after = tables(source / "psg.sqlite"), tables(restored / "psg.sqlite")
    assert before.keys() == after.keys()
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"outbox"}
    assert differing <= set(CHANGED_BY_RESTORE)
    assert len(before["outbox"]) == len(after["outbox"])
    there, back = saved_files(source), saved_files(restored)
    assert {name.partition("/")[0] for name in there} == {"media", "memberships.toml", "erased.txt"}
    assert len(there) >= 5
    # Nobody has said yet that nobody was erased after the backup.
    assert back.pop("erased-unconfirmed.txt")
    assert back == there


def saved_files(instance: Path) -> dict[str, str]:
    """Return the hash of every file that backups hold, but the database."""
    return {
        name: digest
        for name, digest in files(instance).items()
        if name.partition("/")[0] in set(SAVED) - {"psg.sqlite"}
        and not any(part.startswith(TEMPORARY) for part in name.split("/"))
    }


def test_r10_every_file_of_an_instance_is_saved_or_left_out_for_a_reason(
    everything: Flask,
) -> None:
    known = {*SAVED, *LEFT_OUT}
    tops = {name.partition("/")[0] for name in files(Path(everything.instance_path))}
    assert {name for name in tops - known if not name.startswith(TEMPORARY)} == set()
    assert {"outbox", "clock.json", "worker.lock", "config.py", "index"} <= tops
    assert all(reason.strip() for reason in (*SAVED.values(), *LEFT_OUT.values()))
    assert not set(SAVED) & set(LEFT_OUT)


def test_r10_every_setting_is_restored_or_left_out_for_a_reason(
    everything: Flask, restored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_INSTANCE", str(restored))
    before, after = settings_of(Path(everything.instance_path)), settings_of(restored)
    changed = {name for name in before if before[name] != after[name]}
    suggested = {setting.name for setting in SETTINGS if setting.mail}
    assert changed <= set(LEFT_OUT) | suggested
    assert {setting.name for setting in SETTINGS if not setting.backup} <= set(LEFT_OUT)
    written = (restored / "config.py").read_text("utf-8")
    for name in suggested:
        assert f"\n# {name} = {before[name]!r}\n" in written


def test_the_table_in_the_instance_folder_says_the_same(everything: Flask) -> None:
    readme = Path(backup_contents.__file__).parents[2] / "instance/README.md"
    rows = re.findall(r"^\| (`.*?) \|.*\| (yes|no|its settings|not as)\b", readme.read_text(), re.M)
    said = {name.strip("/"): word for names, word in rows for name in re.findall("`(.*?)`", names)}
    for name in SAVED:
        assert said.pop(name) == "yes", name
    assert set(said) <= set(LEFT_OUT)
    assert "yes" not in said.values()
    listed = {name for name in LEFT_OUT if "." in name or name.islower()} - {"README.md"}
    assert listed == set(said)
