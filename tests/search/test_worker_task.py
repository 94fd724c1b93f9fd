"""The worker's task indexes what is due, repairs the index, and purges it."""

import shutil
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing
from psgflask.search import worker_task
from psgflask.search.index import store
from psgflask.search.sync import indexer, ledger
from psgflask.search.sync.indexer import INDEXED_UNTIL
from tests import factories
from tests.search.indexes import agrees, indexed, number_of


def test_a_scheduled_article_appears_when_it_is_due(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.article(session, now=now)
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    worker_task.update_index(app, now=now + timedelta(minutes=59))
    assert due not in indexed(app)
    worker_task.update_index(app, now=now + timedelta(minutes=61))
    assert due in indexed(app)
    assert not indexer.check(app, now=now + timedelta(minutes=61))


def test_a_clock_set_back_removes_what_is_not_due_yet(app: Flask, session: Session) -> None:
    now = utc_now()
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    worker_task.update_index(app, now=now + timedelta(hours=2))
    assert due in indexed(app)
    worker_task.update_index(app, now=now)
    assert due not in indexed(app)
    worker_task.update_index(app, now=now + timedelta(hours=2))
    assert due in indexed(app)


def test_r14_what_a_commit_has_indexed_by_a_clock_ahead_is_removed(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run of the task saw the clock ahead, so that nothing is recorded of it."""
    now = utc_now()
    worker_task.update_index(app, now=now)
    monkeypatch.setattr(indexer, "utc_now", lambda: now + timedelta(days=100))
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(days=3))
    due = number_of(session, article)
    assert due in indexed(app)
    monkeypatch.setattr(worker_task, "LOOK_AHEAD_EVERY", 0.0)
    worker_task.update_index(app, now=now + timedelta(seconds=5))
    assert due not in indexed(app)


def test_r14_a_clock_set_back_is_noticed_by_the_next_run(app: Flask, session: Session) -> None:
    now = utc_now()
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(days=3))
    due = number_of(session, article)
    worker_task.update_index(app, now=now + timedelta(days=100))
    (indexer.store(app).folder / INDEXED_UNTIL).write_text(now.isoformat())
    assert due in indexed(app)
    worker_task.update_index(app, now=now + timedelta(seconds=5))
    assert due not in indexed(app)


def test_a_lost_record_of_the_last_run_loses_no_due_article(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.article(session, now=now)
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    due = number_of(session, article)
    (indexer.store(app).folder / INDEXED_UNTIL).unlink()
    worker_task.update_index(app, now=now + timedelta(hours=2))
    assert due in indexed(app)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every article that is queued from now on."""
    numbers: list[int] = []
    queue = ledger.queue

    def noting(session: Session, ids: Iterable[int]) -> None:
        numbers.extend(ids := list(ids))
        queue(session, ids)

    monkeypatch.setattr(ledger, "queue", noting)
    return numbers


def test_a_lost_record_of_the_last_run_queues_only_what_differs(
    app: Flask, session: Session, queued: list[int]
) -> None:
    now = utc_now()
    factories.articles(session, 5)
    due = factories.article(session, status="scheduled", now=now, at=now + timedelta(hours=1))
    number = number_of(session, due)
    (indexer.store(app).folder / INDEXED_UNTIL).unlink()
    queued.clear()
    worker_task.update_index(app, now=now)
    assert queued == []
    (indexer.store(app).folder / INDEXED_UNTIL).unlink()
    worker_task.update_index(app, now=now + timedelta(hours=2))
    assert queued == [number]


def test_the_first_start_builds_the_index_and_queues_nothing(
    app: Flask, session: Session, queued: list[int]
) -> None:
    factories.articles(session, 5)
    shutil.rmtree(indexer.store(app).folder)
    session.rollback()
    queued.clear()
    for _start in range(2):
        worker_task.update_index(app)
    assert queued == []
    assert len(indexed(app)) == 5


def test_a_run_without_changes_leaves_index_and_disk_alone(app: Flask, session: Session) -> None:
    factories.articles(session, 3)
    worker_task.update_index(app)
    folder = indexer.store(app).folder
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    worker_task.update_index(app)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_a_day_later_no_file_holds_what_was_withdrawn(app: Flask, session: Session) -> None:
    now = utc_now()
    factories.articles(session, 8)
    article = factories.article(session, body="Secretum")
    factories.articles(session, 8, first=date(2018, 3, 1))
    indexer.rebuild(app)
    worker_task.update_index(app, now=now)
    publishing.withdraw(session, article, by="x", now=now)
    session.commit()

    def there() -> bool:
        files = indexer.store(app).folder.glob("g-*/*.trm")
        return any(b"secretum" in file.read_bytes() for file in files)

    worker_task.update_index(app, now=now + timedelta(hours=23))
    assert there()
    worker_task.update_index(app, now=now + timedelta(hours=25))
    assert not there()
    assert agrees(app)


def test_what_a_rebuild_still_needs_is_deleted_once_it_has_ended(
    app: Flask, session: Session
) -> None:
    now = utc_now()
    factories.articles(session, 2)
    indexer.rebuild(app)
    worker_task.update_index(app, now=now)
    indexer.rebuild(app)
    folder = indexer.store(app).folder
    assert len(list(folder.glob("g-*"))) == 2
    with store.take_lock(folder, store.BUILD_LOCK, wait=False) or pytest.fail("locked"):
        worker_task.update_index(app, now=now + timedelta(hours=25))
        assert len(list(folder.glob("g-*"))) == 2
    worker_task.update_index(app, now=now + timedelta(hours=25, minutes=1))
    assert len(list(folder.glob("g-*"))) == 1
