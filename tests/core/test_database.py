"""The database: safe requests cannot write, writers wait at the beginning, times are UTC."""

import gc
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from psgflask.core import database, journal, writer_turns
from psgflask.core.database import db
from psgflask.core.fair_semaphore import FairSemaphore
from tests import database_locks, factories, html_forms
from tests.conftest import Visitor
from tests.waiting import until


def write() -> str:
    db.session.execute(text("UPDATE content_stamp SET number = number + 1"))
    db.session.commit()
    return "written"


@pytest.fixture
def writing_app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app()
    app.add_url_rule("/write", view_func=write, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_safe_request_cannot_write(
    writing_app: Flask, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = writing_app.test_client()
    assert client.open("/write", method=method).status_code == 500
    assert "readonly" in caplog.text


def test_an_unsafe_request_may_write_even_right_after_a_safe_one(writing_app: Flask) -> None:
    client = writing_app.test_client()
    for method, status in (("GET", 500), ("POST", 200), ("GET", 500), ("POST", 200)):
        assert client.open("/write", method=method).status_code == status


def test_a_command_may_write_after_a_page_is_served(writing_app: Flask) -> None:
    writing_app.test_client().get("/")
    with writing_app.app_context():
        assert write() == "written"


def test_a_writer_takes_the_lock_when_it_begins(app: Flask, session: Session) -> None:
    session.execute(text("SELECT 1"))  # no write yet
    other = sqlite3.connect(str(app.instance_path) + "/psg.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    session.rollback()
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_readers_do_not_wait_for_a_writer(app: Flask, session: Session) -> None:
    factories.article(session, "Seen by readers")
    session.execute(text("UPDATE content_stamp SET number = number + 1"))
    assert "Seen by readers" in app.test_client().get("/news/").text
    session.rollback()


def test_the_pragmas_that_keep_data_safe_are_in_force(session: Session) -> None:
    asked = ("foreign_keys", "busy_timeout", "journal_mode", "synchronous", "mmap_size")
    said = [session.scalar(text(f"PRAGMA {name}")) for name in asked]
    said[1] = 4000 < said[1] <= 5000  # what is left of five seconds
    assert said == [1, True, "wal", 2, 0]


def test_a_foreign_key_must_refer_to_a_row(session: Session) -> None:
    article = factories.article(session)
    article.issue_id = 999
    with pytest.raises(Exception, match="FOREIGN KEY"):
        session.commit()
    session.rollback()


def test_datetimes_are_stored_in_utc_and_loaded_aware(session: Session) -> None:
    lima = timezone(timedelta(hours=-5))
    article = factories.article(session)
    article.publish_at = datetime(2018, 7, 15, 21, 30, tzinfo=lima)
    session.commit()
    session.expire_all()
    assert article.publish_at == datetime(2018, 7, 16, 2, 30, tzinfo=UTC)
    assert session.scalar(text("SELECT publish_at FROM articles")) == "2018-07-16 02:30:00.000000"


def test_a_naive_datetime_is_refused(session: Session) -> None:
    article = factories.article(session)
    article.publish_at = datetime(2018, 7, 15)  # noqa: DTZ001  # the mistake under test
    with pytest.raises(StatementError, match="time zone"):
        session.commit()
    session.rollback()


def test_a_database_locked_exclusively_is_reported_as_busy(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    app = make_app()
    client: Visitor = app.test_client()  # type: ignore[assignment]  # make_app sets the class
    with database_locks.held_whole(app):
        for path in ("/", "/readyz"):
            response = client.get(path)
            assert response.status_code == 503, path
        assert client.get("/").headers["Retry-After"] == "5"
        assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200


def test_a_command_that_cannot_get_the_lock_fails(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    locked = pytest.raises(OperationalError, match="locked")
    with database_locks.held(app), db.engine.connect() as connection, locked:
        connection.exec_driver_sql("SELECT 1")


def test_deleting_overwrites_and_vacuuming_leaves_no_copies(app: Flask, session: Session) -> None:
    file = Path(app.instance_path, "psg.sqlite")
    session.execute(text("CREATE TABLE kept (words TEXT)"))
    session.execute(text("INSERT INTO kept VALUES ('marmoset')"))
    session.commit()
    database.checkpoint(app)
    assert b"marmoset" in file.read_bytes()
    session.execute(text("DELETE FROM kept"))
    session.commit()
    database.checkpoint(app)
    assert b"marmoset" not in file.read_bytes()
    # A copy left where a B-tree page was split looks like content that was not overwritten.
    careless = sqlite3.connect(file)
    careless.execute("PRAGMA secure_delete=OFF")
    careless.execute("INSERT INTO kept VALUES ('marmoset')")
    careless.execute("DELETE FROM kept")
    careless.commit()
    careless.close()
    database.checkpoint(app)
    assert b"marmoset" in file.read_bytes()
    assert database.vacuum(db.engine)
    assert b"marmoset" not in file.read_bytes()


def test_vacuuming_gives_up_while_another_process_writes(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    db.engine.dispose()
    writer = sqlite3.connect(Path(app.instance_path, "psg.sqlite"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert not database.vacuum(db.engine)
    writer.close()
    assert database.vacuum(db.engine)


def checked_out(app: Flask) -> int:
    """Return how many connections of the pool are checked out."""
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()


def test_an_unusable_checkpoint_lock_leaks_no_connection_and_undoes_no_commit(
    writing_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_SIZE", -1)
    Path(writing_app.instance_path, journal.LOCK).mkdir()  # opening it raises OSError
    for number in range(3):
        with writing_app.app_context():
            factories.article(db.session(), f"Article {number}")
            db.session.commit()
        assert writing_app.test_client().post("/write").status_code == 200
    assert writing_app.test_client().get("/news/").text.count("<article") == 3
    assert checked_out(writing_app) == 0
    with writing_app.app_context():
        assert not database.vacuum(db.engine)
    assert checked_out(writing_app) == 0


# Writers in turn


def turns(app: Flask) -> FairSemaphore:
    """Return the queue of the app's writers."""
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, database.ConnectionPool)
        return pool.turns.queue


def test_the_writers_of_a_process_write_in_the_order_in_which_they_came(writing_app: Flask) -> None:
    queue, order = turns(writing_app), list[int]()

    def write_as(number: int) -> None:
        with writing_app.app_context():
            db.session.execute(text("UPDATE content_stamp SET number = number + 1"))
            order.append(number)
            db.session.commit()

    threads = [threading.Thread(target=write_as, args=(number,)) for number in range(8)]
    with writing_app.app_context():
        db.session.execute(text("SELECT 1"))  # takes the lock
        for number, thread in enumerate(threads, 1):
            thread.start()
            until(lambda number=number: len(queue._queue) == number)  # type: ignore[misc]  # bound
        with database_locks.waits() as waits:
            db.session.commit()
            for thread in threads:
                thread.join(60)
    assert order == list(range(8))
    assert not waits


def test_a_writer_whose_turn_does_not_come_in_time_is_told_that_it_is_busy(
    writing_app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    client = writing_app.test_client()
    with writing_app.app_context():
        db.session.execute(text("SELECT 1"))
        assert client.post("/write").status_code == 503
        assert "another writer of this process" in caplog.text
        db.session.rollback()
        assert client.post("/write").status_code == 200


def test_a_check_of_the_database_waits_for_its_turn_as_a_writer_does(writing_app: Flask) -> None:
    queue, checked = turns(writing_app), list[bool]()

    def check() -> None:
        with writing_app.app_context():
            database.check_writable(60_000)
            checked.append(database.vacuum(db.engine))

    with writing_app.app_context():
        db.session.execute(text("SELECT 1"))
        thread = threading.Thread(target=check)
        thread.start()
        until(lambda: len(queue._queue) == 1)
        with database_locks.waits() as waits:
            db.session.commit()
            thread.join(60)
    assert checked == [True]
    assert not waits


def test_a_process_forked_while_somebody_writes_may_write(writing_app: Flask) -> None:
    with writing_app.app_context():
        db.session.execute(text("SELECT 1"))
        child = os.fork()
        if child == 0:
            os._exit(0 if turns(writing_app)._free else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert not turns(writing_app)._free
        db.session.rollback()


@pytest.mark.parametrize("ending", ["BEGIN", "COMMIT", "close", "lost"])
def test_whatever_ends_a_writer_the_next_one_has_its_turn(
    writing_app: Flask, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    with writing_app.app_context():
        if ending == "BEGIN":  # a command holds the lock
            with database_locks.held(writing_app), pytest.raises(OperationalError, match="locked"):
                db.session.execute(text("SELECT 1"))
        else:
            connection = db.engine.connect()
            connection.exec_driver_sql("SELECT 1")
            if ending == "COMMIT":
                connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
                connection.exec_driver_sql(
                    "INSERT INTO article_topics (article_id, topic_id) VALUES (9, 9)"
                )
                with pytest.raises(IntegrityError):
                    connection.commit()
            if ending != "lost":
                connection.close()
            del connection
            gc.collect()
        db.session.remove()
    assert writing_app.test_client().post("/write").status_code == 200


class NoRollback(writer_turns.WriterConnection):
    """A connection whose second rollback fails: the transaction cannot be ended."""

    tried = False

    def rollback(self) -> None:
        if self.tried:
            raise sqlite3.OperationalError("disk I/O error")
        self.tried = self.in_transaction


def test_a_connection_that_cannot_roll_back_is_discarded(writing_app: Flask) -> None:
    def use_factory(*given: Any) -> None:
        given[-1]["factory"] = NoRollback  # of the parameters that the driver connects with

    with writing_app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "do_connect", use_factory)
        with closing(db.engine.raw_connection()) as connection:
            connection.cursor().execute("BEGIN IMMEDIATE").close()
        event.remove(db.engine, "do_connect", use_factory)
    assert checked_out(writing_app) == 0
    assert writing_app.test_client().post("/write").status_code == 200


def test_an_exhausted_pool_is_reported_as_a_busy_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    form = html_forms.form_of(client.get("/accounts/join/again").text)
    with app.app_context(), ExitStack() as held:
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        monkeypatch.setattr(pool, "_timeout", 0.01)
        monkeypatch.setattr(pool, "_max_overflow", 0)
        for _number in range(pool.size()):
            held.enter_context(closing(db.engine.raw_connection()))
        for path in ("/news/", "/topics/", "/nothing/here"):
            response = client.get(path)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5"), path
        assert client.get("/readyz").status_code == 503
        sent = form.filled({"email": "rosa@example.org"})
        response = client.post("/accounts/join/again", data=sent)
        assert response.status_code == 503
        assert "rosa@example.org" in response.text
    assert client.get("/news/").status_code == 200
