"""The worker erases expired applicants, in tables and files, and vacuums the database by night."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens
from psgflask.accounts.models import Attempt, ConfirmationToken
from psgflask.core import clock_watch, database
from psgflask.core.clock_watch import TimeBounds
from psgflask.mail import worker_task as mail_task
from psgflask.members import erasure, worker_task
from psgflask.members.erasure import LIST_FILE, ErasedListUnwritable
from psgflask.members.models import PAPER, Person
from psgflask.ops import worker
from tests.full_disk import no_room_after
from tests.members.people import NOW, applied, link_of, populate
from tests.statements import statements

LATER = NOW + timedelta(days=91)
NIGHT = datetime(2026, 10, 1, 2, 30, tzinfo=UTC)  # half past three in London


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time at which the task runs, by a clock that has been right for a day."""
    shown = [LATER]
    monkeypatch.setattr(worker_task, "utc_now", lambda: shown[0])
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(shown[0], shown[0]))
    return shown


@pytest.fixture
def vacuum_results(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The results of the next calls of `vacuum`; each call removes the first."""
    results: list[bool] = []
    monkeypatch.setattr(database, "vacuum", lambda engine: results.pop(0))
    return results


def people(session: Session) -> int:
    session.rollback()
    count = session.scalar(select(func.count(Person.id)))
    session.rollback()
    return count or 0


def test_it_is_among_the_worker_tasks() -> None:
    assert worker_task.run in [task.run for task in worker.TASKS]


def test_s3_the_task_erases_unconfirmed_applicants_and_lists_their_numbers(
    app: Flask, session: Session, at: list[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    number = applied(session).person.number
    session.commit()
    caplog.set_level("INFO")
    worker_task.run(app)
    assert people(session) == 0
    (entry,), _damaged = erasure.read_list(Path(app.instance_path, LIST_FILE))
    assert (entry.number, entry.at) == (number, LATER)
    assert "1 applications" in caplog.text
    assert "maria" not in caplog.text.lower()


def test_a_damaged_line_in_the_list_of_the_erased_does_not_stop_the_task(
    app: Flask, session: Session, at: list[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    applied(session)
    session.commit()
    file = Path(app.instance_path, LIST_FILE)
    file.write_text("2026-07-01T12:00:00+00:00 PSG 10")
    worker_task.run(app)
    assert people(session) == 0
    entries, damaged = erasure.read_list(file)
    assert (len(entries), damaged) == (1, [1])
    assert "line 1" in caplog.text


def test_attempts_and_links_that_are_needed_no_longer_are_deleted(
    app: Flask, session: Session, at: list[datetime]
) -> None:
    link_of(session, applied(session, source=PAPER))
    session.commit()
    at[0] = NOW + timedelta(days=1)
    worker_task.run(app)
    assert session.scalar(select(func.count(Attempt.id))) == 0
    assert session.scalar(select(func.count(ConfirmationToken.id))) == 1
    session.rollback()
    at[0] = LATER
    worker_task.run(app)
    assert session.scalar(select(func.count(ConfirmationToken.id))) == 0


def test_housekeeping_runs_once_an_hour(app: Flask, session: Session, at: list[datetime]) -> None:
    worker_task.run(app)
    applied(session)
    session.commit()
    at[0] += timedelta(minutes=59)
    worker_task.run(app)
    assert people(session) == 1
    at[0] += timedelta(minutes=1)
    worker_task.run(app)
    assert people(session) == 0


def test_the_files_of_their_mails_are_deleted_too(
    app: Flask, session: Session, at: list[datetime]
) -> None:
    gone, stays = applied(session), applied(session, name="Luis", email="luis@example.org")
    link_of(session, gone)
    link_of(session, stays)
    session.commit()
    assert mail_task.run(app) == 2
    stays.sent_at = LATER
    session.commit()
    worker_task.run(app)
    (left,) = Path(app.instance_path, "outbox").glob("*.eml")
    assert "luis@example.org" in left.read_text()


def test_the_files_of_their_mails_are_deleted_though_the_list_cannot_be_written(
    app: Flask, session: Session, at: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    link_of(session, applied(session))
    session.commit()
    assert mail_task.run(app) == 1
    no_room_after(monkeypatch, 0)
    with pytest.raises(ErasedListUnwritable, match="No space"):
        worker_task.run(app)
    assert list(Path(app.instance_path, "outbox").glob("*.eml")) == []


def test_the_database_is_vacuumed_once_in_the_night_after_an_erasure(
    app: Flask, session: Session, at: list[datetime], vacuum_results: list[bool]
) -> None:
    applied(session)
    session.commit()
    at[0] = NIGHT - timedelta(hours=12)
    worker_task.run(app)  # not by day
    at[0] = NIGHT
    vacuum_results += [False, True]
    worker_task.run(app)  # the database is busy
    worker_task.run(app)
    worker_task.run(app)
    assert vacuum_results == []


def test_without_an_erasure_the_database_is_not_vacuumed(
    app: Flask, at: list[datetime], vacuum_results: list[bool]
) -> None:
    at[0] = NIGHT
    vacuum_results.append(True)
    worker_task.run(app)
    assert vacuum_results == [True]  # not called


def test_r14_a_clock_that_is_ahead_erases_nobody(
    app: Flask, session: Session, at: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(session)
    session.commit()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(NOW, LATER))
    worker_task.run(app)
    assert people(session) == 1


def test_r14_nobody_is_erased_on_the_first_day_of_a_worker(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(session, now=NOW - timedelta(days=3650))
    session.commit()
    monkeypatch.setattr(worker_task, "utc_now", lambda: LATER)
    worker_task.run(app)
    assert people(session) == 1


def test_r14_applications_sent_while_the_clock_was_ahead_are_dated_as_of_now(
    app: Flask, session: Session, at: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = LATER + timedelta(days=100)
    ahead_of_it = applied(session, now=ahead)
    token = link_of(session, ahead_of_it, now=ahead)
    session.commit()
    monkeypatch.setattr(
        clock_watch, "time_bounds", lambda app: TimeBounds(LATER, ahead + timedelta(minutes=1))
    )
    worker_task.run(app)  # a reading of the last day says that it is so late
    session.refresh(ahead_of_it)
    assert ahead_of_it.sent_at == ahead
    session.rollback()
    monkeypatch.setattr(clock_watch, "time_bounds", lambda app: TimeBounds(LATER, LATER))
    at[0] += timedelta(hours=1)
    worker_task.run(app)
    session.rollback()
    session.refresh(ahead_of_it)
    assert ahead_of_it.sent_at == at[0]
    assert session.scalar(select(func.count(Attempt.id))) == 0
    in_time, late = at[0] + timedelta(hours=71), at[0] + timedelta(hours=73)
    confirmation_tokens.get_valid(session, confirmation_tokens.JOIN, token, now=in_time)
    with pytest.raises(confirmation_tokens.TokenRejected, match="too old"):
        confirmation_tokens.get_valid(session, confirmation_tokens.JOIN, token, now=late)


def test_the_task_sends_as_many_statements_for_120_expired_applicants_as_for_3(
    app: Flask, session: Session, at: list[datetime]
) -> None:
    counts = []
    for count in (3, 120):
        for number in range(count):
            applied(session, email=f"ana{number}@example.org", household=("Luz", "Eva"))
        populate(session, count)
        session.commit()
        before = people(session)
        at[0] = (at[0] + timedelta(days=1)).replace(hour=NIGHT.hour)
        with statements() as sent:
            worker_task.run(app)
        assert before - people(session) == count
        counts.append(len(sent))
    assert counts[0] == counts[1]
