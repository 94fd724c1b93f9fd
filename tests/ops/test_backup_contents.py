"""A backup holds all that a site needs to be the same again; what it leaves out has a reason.

A restored site is the same but for what stands here: an instance is filled with all that there can
be, and compared.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from psgflask import create_app
from psgflask.core import clock_watch, config, integrity, journal
from psgflask.core.clock import utc_now
from psgflask.core.config import SETTINGS
from psgflask.core.database import Model, db
from psgflask.core.paths import CONFIG, DATABASE, INDEX, MEDIA, OUTBOX, SERVED_AT
from psgflask.mail import outbox
from psgflask.mail import worker_task as mail_task
from psgflask.members import erasure, numbers, rights, tiers
from psgflask.members.applications import SubmittedForm
from psgflask.members.models import Person
from psgflask.news import catalogue
from psgflask.news import worker_task as news_task
from psgflask.news.models import Article
from psgflask.ops import backup_contents, worker, worker_lock
from psgflask.ops.backup_contents import TEMPORARY
from psgflask.search import search_log
from psgflask.search.index.store import BUILD_LOCK, WRITE_LOCK
from tests import factories
from tests.browser import content
from tests.members.people import populate

SAVED: Mapping[str, str] = {
    DATABASE: "articles, pages, people, mails, counts of searches, the glossary: all rows",
    MEDIA: "pictures and attachments, whatever is in the folder",
    tiers.FILE: "the memberships and what they cost",
    erasure.LIST_FILE: "who was erased, by number alone: a restore erases them again",
    erasure.UNCONFIRMED_FILE: "that a restore is still to be confirmed",
}
# Files and folders of the instance, and settings.
LEFT_OUT: Mapping[str, str] = {
    CONFIG: "it has the secret; the settings are saved, and a restore writes a new file",
    INDEX: "a restore builds it from the database",
    **{f"{INDEX}.{name}": "a lock: empty" for name in (BUILD_LOCK, WRITE_LOCK)},
    OUTBOX: "mails that were sent, with addresses and secret links",
    f"{DATABASE}-wal": "its content is in the copy of the database",
    f"{DATABASE}-shm": "belongs to processes that have the database open",
    journal.LOCK: "a lock: empty",
    worker_lock.FILE: "a lock; a restored site's worker begins without failures",
    SERVED_AT: "where this site is served; the server writes it when it starts",
    clock_watch.FILE: "readings of this machine's clock",
    integrity.RESULT_FILE: "what was found in this file, not in a copy of it",
    "README.md": "a checkout has it",
    "SECRET_KEY": "a secret: a restored site has a fresh one",
    "SECRET_KEY_FALLBACKS": "secrets",
    "SMTP_PASSWORD": "a secret",
    "DATABASE_URL": "of this machine, and may have a password in it",
    "TRUSTED_PROXIES": "of this machine",
    "BACKUP_FOLDER": "of this machine",
    "DEBUG": "for development alone",
    "TESTING": "for development alone",
}
# Tables, by name, where people were erased and an article was redacted after the backup was made.
CHANGED_BY_RESTORE: Mapping[str, str] = {
    "outbox": "mails that waited are held: most were sent after the backup was made",
    **dict.fromkeys(
        ("people", "applications", "consents", "household_members", "notes", "payments"),
        "who was erased after the backup was made is erased again, with what is theirs",
    ),
    **dict.fromkeys(("accounts", "proofs"), "an erased member's account and link, unless shared"),
    "audit": "has the erasures that were repeated",
    "last_member_number": "no number of the list of the erased is issued again",
    "articles": "what was redacted after the backup was made is withdrawn",
    "revisions": "has who withdrew it",
    "content_stamp": "no cached page has a withdrawn article",
}

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


def run(instance: Path, *arguments: str) -> str:
    """Run a command on an instance and return its output."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSG_INSTANCE", str(instance))
        app = create_app({"SECRET_KEY": content.SECRET})
        done = app.test_cli_runner().invoke(args=arguments)
        assert done.exit_code == 0, done.output
        with app.app_context():
            db.engine.dispose()
    return done.output


@pytest.fixture
def restored(everything: Flask, tmp_path: Path) -> Path:
    """The same site, restored from its backup into an empty folder."""
    source, target = Path(everything.instance_path), tmp_path / "restored"
    with everything.app_context():
        db.engine.dispose()
    run(source, "backup", str(tmp_path / "all.tar"))
    run(target, "restore", str(tmp_path / "all.tar"))
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
    assert len(before["outbox"]) == len(after["outbox"])
    there, back = saved_files(source), saved_files(restored)
    assert {name.partition("/")[0] for name in there} == {"media", "memberships.toml", "erased.txt"}
    assert len(there) >= 5
    # Nobody has said yet that nobody was erased after the backup.
    assert back.pop("erased-unconfirmed.txt")
    assert back == there


def test_r10_what_a_restore_changes_after_erasures_and_redactions_is_that_alone(
    everything: Flask, tmp_path: Path
) -> None:
    source, later = Path(everything.instance_path), tmp_path / "later"
    with everything.app_context():
        number = db.session.scalars(select(Person.number).where(Person.erased_at.is_(None))).first()
        slug = db.session.scalars(
            select(Article.slug).where(catalogue.published(utc_now()))
        ).first()
        db.session.remove()
        db.engine.dispose()
    run(source, "backup", str(tmp_path / "all.tar"))
    shutil.copytree(source, later)
    run(later, "members", "erase", str(number), "--yes")
    run(later, "news", "redact", str(slug), "a", "--yes")
    high = erasure.ErasedEntry(utc_now(), numbers.format_number(9000))
    erasure.append_to_list(later / "erased.txt", [high])
    run(tmp_path / "restored", "restore", str(tmp_path / "all.tar"), "--erased", str(later))
    before, after = (tables(each / "psg.sqlite") for each in (source, tmp_path / "restored"))
    differing = {name for name in before if before[name] != after[name]}
    assert sorted(differing) == sorted(CHANGED_BY_RESTORE)


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
