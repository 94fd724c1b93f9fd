"""What the secretary is mailed when few apply, and when many do: nothing is lost."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.mail import composing, outbox
from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import DEAD, SENT, Message
from psgflask.members import digest
from tests.members.people import NOW, applied

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def apply_(session: Session, count: int, *, every: timedelta = MINUTE) -> None:
    """Let so many apply, one after the other, and commit."""
    for number in range(count):
        applied(session, email=f"somebody{number}@example.org", now=NOW + number * every)
    session.commit()


def mails(session: Session, kind: str) -> list[Message]:
    wanted = select(Message).where(Message.kind == kind).order_by(Message.id)
    return list(session.scalars(wanted))


def reported(session: Session) -> int:
    """Return how many applications the secretary is mailed about, singly or counted."""
    many = mails(session, digest.MANY)
    return len(mails(session, digest.ONE)) + sum(int(one.values["count"]) for one in many)


def test_a_few_applications_have_a_mail_each(session: Session) -> None:
    apply_(session, 10)
    assert len(mails(session, digest.ONE)) == 10
    assert mails(session, digest.MANY) == []


def test_applications_above_ten_in_an_hour_are_counted_in_one_mail(
    session: Session,
) -> None:
    apply_(session, 27)
    assert len(mails(session, digest.ONE)) == 10
    [many] = mails(session, digest.MANY)
    assert many.recipient == outbox.SECRETARY
    assert many.about == "", "nobody is named in it"
    assert many.values == {"count": 17, "since": "2026-07-01 13:10"}
    assert many.due_at == NOW + 10 * MINUTE + HOUR


def test_ten_applications_an_hour_have_a_mail_each(session: Session) -> None:
    apply_(session, 50, every=timedelta(minutes=6))
    assert mails(session, digest.MANY) == []


@pytest.mark.parametrize("every", [10, 60, 119])
def test_no_application_is_lost_in_a_flood(session: Session, every: int) -> None:
    apply_(session, 150, every=timedelta(seconds=every))
    assert reported(session) == 150
    assert len(mails(session, digest.ONE)) + len(mails(session, digest.MANY)) <= 75


def test_a_mail_that_may_be_being_sent_is_not_counted_into(app: Flask, session: Session) -> None:
    apply_(session, 11, every=timedelta(seconds=1))
    [first] = mails(session, digest.MANY)
    for number in range(12):
        applied(session, email=f"more{number}@example.org", now=first.due_at - MINUTE)
    session.commit()
    assert reported(session) == 23
    assert first.values["count"] == 1


@pytest.mark.parametrize("state", [SENT, DEAD])
def test_a_sent_or_dead_mail_is_not_counted_into(session: Session, state: str) -> None:
    apply_(session, 11)
    [first] = mails(session, digest.MANY)
    first.state = state
    session.commit()
    applied(session, email="late@example.org", now=NOW + 11 * MINUTE)
    session.commit()
    assert [one.values["count"] for one in mails(session, digest.MANY)] == [1, 1]


def test_the_mail_is_sent_after_an_hour_with_the_count_and_its_start(
    app: Flask, session: Session
) -> None:
    apply_(session, 27)
    app.config["SECRETARY_EMAIL"] = "secretary@psg.example"
    singly = mail_task.run(app, clock=lambda: NOW + 59 * MINUTE)
    assert singly == 10
    [many] = mails(session, digest.MANY)
    subject, text, _html = composing.render(app, many.kind, "en", many.values)
    assert subject == "17 more membership applications"
    assert "2026-07-01 13:10" in text
    assert "psgflask members list" in text
    session.commit()
    assert mail_task.run(app, clock=lambda: NOW + 2 * HOUR) == 1


def test_r14_applications_dated_by_a_clock_that_was_ahead_do_not_count(
    session: Session,
) -> None:
    for number in range(12):
        applied(session, email=f"ahead{number}@example.org", now=NOW + timedelta(days=100))
    applied(session, now=NOW)
    session.commit()
    assert len(mails(session, digest.ONE)) == 11
