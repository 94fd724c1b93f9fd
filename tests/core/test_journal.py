"""The journal: WAL on every version, one checkpoint at a time, a file that stays small."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from psgflask.core import database, journal
from psgflask.core.database import db
from tests import factories


@pytest.fixture
def file(app: Flask) -> Path:
    return Path(app.instance_path, "psg.sqlite")


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another program."""
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    yield connection
    connection.close()


def journal_of(file: Path) -> Path:
    return file.with_name(file.name + journal.WAL)


def mode_of(file: Path) -> str:
    """Return the mode as who opens the file now finds it."""
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize(
    ("version", "said"),
    [((3, 40, 1), "one checkpoint at a time"), ((3, 51, 2), "one"), ((3, 51, 3), "several")],
)
def test_the_mode_is_wal_and_the_safeguard_depends_on_the_version(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], said: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    mode, reason = journal.mode_and_reason()
    assert mode == "WAL"
    assert said in reason


def test_no_connection_checkpoints_by_itself(session: Session) -> None:
    assert session.scalar(text("PRAGMA wal_autocheckpoint")) == 0


def test_the_first_writer_switches_a_file_to_wal(
    app: Flask, session: Session, file: Path, other: sqlite3.Connection
) -> None:
    db.engine.dispose()
    other.execute("PRAGMA journal_mode=TRUNCATE")
    factories.article(session)
    session.commit()
    assert mode_of(file) == "wal"


def test_the_former_mode_stays_while_a_reader_is_connected(
    app: Flask, session: Session, file: Path, other: sqlite3.Connection
) -> None:
    db.engine.dispose()
    other.execute("PRAGMA journal_mode=TRUNCATE")
    other.execute("BEGIN")
    other.execute("SELECT * FROM articles").fetchall()
    session.execute(text("SELECT 1"))  # a writer has begun: it was not held up
    session.rollback()
    database.checkpoint(app)
    other.execute("ROLLBACK")
    assert mode_of(file) != "wal"
    database.checkpoint(app)  # the worker's next round
    assert mode_of(file) == "wal"


def test_the_worker_truncates_the_wal(app: Flask, session: Session, file: Path) -> None:
    factories.article(session)
    session.commit()
    assert journal_of(file).stat().st_size
    database.checkpoint(app)
    assert not journal_of(file).stat().st_size


def test_active_readers_and_writers_keep_the_wal_without_waiting(
    app: Flask, session: Session, file: Path, other: sqlite3.Connection
) -> None:
    factories.article(session)
    session.commit()
    other.execute("BEGIN IMMEDIATE")
    database.checkpoint(app)
    assert journal_of(file).stat().st_size
    other.execute("ROLLBACK")


def test_only_one_process_checkpoints_at_a_time(app: Flask, session: Session, file: Path) -> None:
    factories.article(session)
    session.commit()
    with file.with_name(journal.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        database.checkpoint(app)
        assert journal_of(file).stat().st_size
    database.checkpoint(app)
    assert not journal_of(file).stat().st_size


def test_the_wal_stays_small_without_a_worker(
    session: Session, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_SIZE", 20_000)
    sizes = []
    for number in range(30):
        factories.article(session, f"Article {number}")
        session.commit()
        sizes.append(journal_of(file).stat().st_size)
    assert min(sizes[5:]) < 20_000
    assert max(sizes) < 400_000


def test_a_commit_succeeds_although_its_checkpoint_fails(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*asked: object) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(journal, "MAX_SIZE", 0)
    monkeypatch.setattr(journal, "checkpoint", full)
    factories.article(session, "Kept all the same")
    session.commit()
    assert "Kept all the same" in app.test_client().get("/news/").text


def test_vacuuming_leaves_nothing_in_the_wal(app: Flask, session: Session, file: Path) -> None:
    session.execute(text("CREATE TABLE kept (words TEXT)"))
    session.execute(text("INSERT INTO kept VALUES ('marmoset')"))
    session.commit()
    session.execute(text("DELETE FROM kept"))
    session.commit()
    assert b"marmoset" in journal_of(file).read_bytes()
    assert database.vacuum(db.engine)
    assert not journal_of(file).stat().st_size
    assert b"marmoset" not in file.read_bytes()


def test_vacuuming_fails_while_a_reader_keeps_the_wal(
    app: Flask, session: Session, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    factories.article(session)
    session.commit()
    other.execute("BEGIN")
    other.execute("SELECT * FROM articles").fetchall()
    assert not database.vacuum(db.engine)
    other.execute("ROLLBACK")
    assert database.vacuum(db.engine)
