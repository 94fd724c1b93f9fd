"""What is posted, forgotten, tried again and trimmed."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.mail import outbox
from psgflask.mail.models import DEAD, SENT, VOID, WAITING, Message
from tests.mail.conftest import Clock
from tests.mail.mails import post


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Message)) or 0


def at(clock: Clock) -> dict[str, datetime]:
    """The moment of a clock that everybody believes."""
    return {"now": clock(), "earliest": clock()}


def test_a_mail_is_stored_together_with_its_change_or_not_at_all(
    session: Session, clock: Clock
) -> None:
    outbox.enqueue(session, kind="test", to="a@example.org", language="en", values={}, now=clock())
    session.rollback()
    assert count(session) == 0


def test_a_mail_is_due_at_once_and_has_an_identity_of_its_own(
    session: Session, clock: Clock
) -> None:
    one, two = post(session, clock()), post(session, clock())
    assert (one.state, one.due_at, one.tries) == (WAITING, clock(), 0)
    assert one.message_id != two.message_id
    assert outbox.due_ids(session, clock(), 10) == [one.id, two.id]


@pytest.mark.parametrize(
    "to",
    [
        *("ana@example.org\r\nBcc: b@example.org", "ana@example.org\nb@example.org", "a\rb@e.org"),
        *("ana@example.org, b@example.org", "ana@example.org;b@example.org", "Ana <a@e.org>"),
        *("ana@example.org b@example.org", "a@b@example.org", "ana", "", "@example.org", "ana@"),
        *("ana@example.org\x00", "ana@exa\x1fmple.org", "ana\u2028@example.org", "(x)a@e.org"),
        *("ana@example.org\n", "ana\u0085@example.org", f"{'a' * 250}@example.org", "a:b@e.org"),
    ],
)
def test_s17_whatever_is_no_single_plain_address_is_refused(
    session: Session, clock: Clock, to: str
) -> None:
    with pytest.raises(outbox.InvalidRecipient) as refused:
        post(session, clock(), to)
    assert refused.value.field == "to"
    assert to == "" or to not in str(refused.value)
    session.rollback()
    assert count(session) == 0


@pytest.mark.parametrize(
    "to", ["ana@example.org", "o'higgins+psg@example.org", "peña@example.org", "a@[192.0.2.1]"]
)
def test_plain_addresses_are_taken(session: Session, clock: Clock, to: str) -> None:
    assert post(session, clock(), to).recipient == to


def test_of_mails_with_the_same_key_there_is_one(session: Session, clock: Clock) -> None:
    first = post(session, clock(), key="renewal 2027, person 4")
    again = post(session, clock(), key="renewal 2027, person 4")
    other = post(session, clock(), key="renewal 2027, person 5")
    assert again.id == first.id != other.id
    assert count(session) == 2


def test_a_void_mail_is_a_row_that_holds_nothing_and_is_never_due(
    session: Session, clock: Clock
) -> None:
    void = post(session, clock(), void=True)
    assert (void.state, void.recipient, void.values) == (VOID, "", {})
    assert void.message_id
    assert outbox.due_ids(session, clock.forward(days=400), 10) == []


def test_s27_the_mails_about_somebody_who_is_erased_are_never_sent(
    app: Flask, session: Session, clock: Clock
) -> None:
    states = {}
    for state in (WAITING, DEAD, SENT, VOID):
        message = post(session, clock(), about="person 12")
        message.state = state
        states[state] = message.id
    other = post(session, clock(), about="person 1").id
    session.commit()
    assert outbox.delete_about(session, ["person 12"]) == 2
    session.commit()
    left = {m.id: m.about for m in session.scalars(select(Message))}
    assert left == {states[SENT]: "", states[VOID]: "", other: "person 1"}


def test_a_dead_mail_can_be_tried_again_for_five_more_days(session: Session, clock: Clock) -> None:
    message = post(session, clock())
    outbox.mark_dead(session, message.id, error="550 no", now=clock())
    clock.forward(days=20)
    assert outbox.retry(session, message.id, now=clock()) == 1
    session.expire_all()
    assert outbox.due_ids(session, clock(), 10) == [message.id]
    clock.forward(days=4)
    outbox.reschedule(session, message.id, at=clock(), error="450", **at(clock))
    assert message.state == WAITING
    clock.forward(days=1)
    outbox.reschedule(session, message.id, at=clock(), error="450", **at(clock))
    session.expire_all()
    assert message.state == DEAD


def test_all_dead_mails_can_be_tried_again_but_none_that_was_sent(
    session: Session, clock: Clock
) -> None:
    messages = [post(session, clock()) for _ in range(4)]
    for message in messages[:2]:
        outbox.mark_dead(session, message.id, error="550 no", now=clock())
    outbox.mark_sent(session, messages[2].id, now=clock())
    assert outbox.retry(session, None, now=clock()) == 2
    session.expire_all()
    assert [message.state for message in messages] == [WAITING, WAITING, SENT, WAITING]
    with pytest.raises(outbox.OutboxError, match="sent"):
        outbox.retry(session, messages[2].id, now=clock())
    with pytest.raises(outbox.OutboxError, match="no mail 99"):
        outbox.retry(session, 99, now=clock())


def test_s22_a_mail_that_was_sent_holds_neither_address_nor_contents(
    session: Session, clock: Clock
) -> None:
    message = post(session, clock())
    outbox.mark_sent(session, message.id, now=clock())
    session.expire_all()
    assert (message.state, message.sent_at) == (SENT, clock())
    assert (message.recipient, message.values, message.error) == ("", {}, "")


def test_s22_a_mail_that_died_long_ago_is_blank_and_cannot_be_tried_again(
    session: Session, clock: Clock
) -> None:
    message = post(session, clock())
    outbox.mark_dead(session, message.id, error="550 no", now=clock())
    outbox.delete_expired(session, clock() + outbox.BLANK_DEAD_AFTER - timedelta(minutes=1))
    session.expire_all()
    assert message.recipient
    outbox.delete_expired(session, clock.forward(days=30))
    session.expire_all()
    assert (message.state, message.recipient, message.values) == (DEAD, "", {})
    with pytest.raises(outbox.OutboxError, match="blank"):
        outbox.retry(session, message.id, now=clock())
    assert outbox.retry(session, None, now=clock()) == 0


def test_rows_that_nobody_needs_go_and_those_with_a_key_stay_for_a_year(
    session: Session, clock: Clock
) -> None:
    sent = [post(session, clock()), post(session, clock(), key="once")]
    dead, void = post(session, clock()), post(session, clock(), void=True)
    waiting = post(session, clock())
    for message in sent:
        outbox.mark_sent(session, message.id, now=clock())
    outbox.mark_dead(session, dead.id, error="550 no", now=clock())
    ids = {"sent": sent[0].id, "keyed": sent[1].id, "dead": dead.id, "void": void.id}

    def left_after(days: float) -> set[str]:
        outbox.delete_expired(session, clock() + timedelta(days=days))
        there = set(session.scalars(select(Message.id)))
        assert waiting.id in there
        return {name for name, number in ids.items() if number in there}

    assert left_after(29.9) == {"sent", "keyed", "dead", "void"}
    assert left_after(30) == {"keyed", "dead"}
    assert left_after(60) == {"keyed"}
    assert left_after(400) == set()


def test_the_outbox_says_how_it_stands(session: Session, clock: Clock) -> None:
    assert outbox.status(session, clock()) == outbox.OutboxStatus(0, 0, None, "")
    late = post(session, clock())
    outbox.record_server_failure(session, late.id, error="refused", **at(clock))
    clock.forward(hours=3)
    post(session, clock())
    later = post(session, clock())
    outbox.reschedule(session, later.id, at=clock() + timedelta(hours=1), error="450", **at(clock))
    dead = post(session, clock())
    outbox.mark_dead(session, dead.id, error="550", now=clock())
    session.expire_all()
    found = outbox.status(session, clock())
    assert found == outbox.OutboxStatus(3, 1, clock() - timedelta(hours=3), "refused")


def test_r14_a_mail_is_not_given_up_by_a_clock_that_is_ahead(
    session: Session, clock: Clock
) -> None:
    message = post(session, clock())
    believed = clock()
    ahead = clock.forward(days=100)
    outbox.record_server_failure(session, message.id, error="no", now=ahead, earliest=believed)
    due = ahead + timedelta(minutes=1)
    outbox.reschedule(session, message.id, at=due, error="450", now=ahead, earliest=believed)
    session.commit()
    assert (message.state, message.due_at) == (WAITING, due)


def test_r14_a_mail_that_is_to_leave_later_waits_unless_a_clock_was_ahead(
    session: Session, clock: Clock
) -> None:
    message = post(session, clock(), due=clock() + outbox.MAX_PLANNED_DELAY)
    assert not outbox.any_overscheduled(session, clock())
    message.due_at += timedelta(seconds=1)
    session.commit()
    assert outbox.any_overscheduled(session, clock())
    message.due_at = message.waiting_since = clock() + timedelta(seconds=1)
    session.commit()
    assert outbox.any_overscheduled(session, clock())


def test_a_mail_that_was_refused_waits_its_time_while_the_clock_is_right(
    session: Session, clock: Clock
) -> None:
    message = post(session, clock())
    message.tries, message.due_at = 9, clock() + timedelta(hours=4)
    session.commit()
    outbox.correct_future_dates(session, now=clock(), latest=clock())
    session.expire_all()
    assert message.due_at == clock() + timedelta(hours=4)


@pytest.mark.parametrize("tries", [1, 5, 20])
def test_r14_a_mail_that_a_clock_which_was_ahead_made_wait_is_due(
    session: Session, clock: Clock, tries: int
) -> None:
    message = post(session, clock())
    message.tries = tries
    message.due_at = clock() + outbox.max_delay(tries)
    session.commit()
    assert not outbox.any_overscheduled(session, clock())
    message.due_at += timedelta(seconds=1)
    session.commit()
    assert outbox.any_overscheduled(session, clock())
    outbox.reschedule_overscheduled(session, clock())
    session.commit()
    assert outbox.due_ids(session, clock(), 10) == [message.id]
    assert not outbox.any_overscheduled(session, clock())


def test_r14_what_is_dated_later_than_it_can_be_is_dated_now(
    session: Session, clock: Clock
) -> None:
    ahead = clock() + timedelta(days=100)
    waiting, sent = post(session, ahead), post(session, ahead)
    outbox.mark_sent(session, sent.id, now=ahead)
    outbox.correct_future_dates(session, now=clock(), latest=ahead)
    session.expire_all()
    assert waiting.waiting_since == sent.due_at == ahead
    outbox.correct_future_dates(session, now=clock(), latest=clock())
    session.expire_all()
    assert waiting.waiting_since == waiting.due_at == sent.due_at == clock()
