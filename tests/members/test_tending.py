"""The worker forgets by itself, in tables and in files, and gives the database no work by day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask import database, worker
from psgflask.mail import sending
from psgflask.members import erased_list, tending
from psgflask.members.erased_list import FILE
from psgflask.members.models import Person
from tests.members.people import NOW, applied, link_of

LATER = NOW + timedelta(days=91)
NIGHT = datetime(2026, 10, 1, 2, 30, tzinfo=UTC)  # half past three in London


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The moment at which the task believes to run, and how often it compacted."""
    clock = [LATER]
    monkeypatch.setattr(tending, "utc_now", lambda: clock[0])
    return clock


@pytest.fixture
def compacted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What compacting answers next; it is taken from the front each time that it is asked."""
    answers: list[bool] = []
    monkeypatch.setattr(database, "compact", lambda engine: answers.pop(0))
    return answers


def people(session: Session) -> int:
    session.rollback()
    count = session.scalar(select(func.count(Person.id)))
    session.rollback()
    return count or 0


def test_it_is_among_the_workers_tasks() -> None:
    assert tending.sweep in [task.sweep for task in worker.TASKS]


def test_s3_the_worker_erases_what_nobody_confirmed_and_writes_the_number_down(
    app: Flask, session: Session, at: list[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    number = applied(session).person.number
    session.commit()
    caplog.set_level("INFO")
    tending.sweep(app)
    assert people(session) == 0
    (entry,) = erased_list.read(Path(app.instance_path, FILE))
    assert (entry.number, entry.at) == (number, LATER)
    assert "1 applications" in caplog.text
    assert "maria" not in caplog.text.lower()


def test_it_tidies_once_an_hour(app: Flask, session: Session, at: list[datetime]) -> None:
    tending.sweep(app)
    applied(session)
    session.commit()
    at[0] += timedelta(minutes=59)
    tending.sweep(app)
    assert people(session) == 1
    at[0] += timedelta(minutes=1)
    tending.sweep(app)
    assert people(session) == 0


def test_it_takes_the_files_of_their_mails_along(
    app: Flask, session: Session, at: list[datetime]
) -> None:
    gone, stays = applied(session), applied(session, name="Luis", email="luis@example.org")
    link_of(session, gone)
    link_of(session, stays)
    session.commit()
    assert sending.sweep(app) == 2
    stays.sent_at = LATER
    session.commit()
    tending.sweep(app)
    (left,) = Path(app.instance_path, "outbox").glob("*.eml")
    assert "luis@example.org" in left.read_text()


def test_the_file_is_written_anew_in_the_night_after_an_erasure_and_once(
    app: Flask, session: Session, at: list[datetime], compacted: list[bool]
) -> None:
    applied(session)
    session.commit()
    at[0] = NIGHT - timedelta(hours=12)
    tending.sweep(app)  # by day nobody is made to wait
    at[0] = NIGHT
    compacted += [False, True]
    tending.sweep(app)  # it is busy
    tending.sweep(app)
    tending.sweep(app)
    assert compacted == []


def test_in_a_night_after_no_erasure_nothing_is_written(
    app: Flask, at: list[datetime], compacted: list[bool]
) -> None:
    at[0] = NIGHT
    compacted.append(True)
    tending.sweep(app)
    assert compacted == [True]  # nobody asked for it
