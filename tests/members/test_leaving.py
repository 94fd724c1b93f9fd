"""Leaving: the resigned stay in the tables as such, and nothing is sent to the dead."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.mail import outbox
from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import Message
from psgflask.members import audit, consents, erasure, export, leaving, payments, people
from psgflask.members.leaving import LeavingRefused, LinkRefused
from psgflask.members.models import DIED, RESIGNED, Person, PersonDied, PersonErased
from psgflask.members.payments import PaymentDoubtful
from psgflask.members.people import NothingToChange
from tests.members.people import NOW, applied, link_of, verified

BOTH = frozenset(consents.CHANNELS)
TODAY = NOW.date()


def left(session: Session, person: Person, reason: str = DIED, on: date = TODAY) -> None:
    leaving.leave(session, person, reason, on=on, by="ann", now=NOW)


def state_of(session: Session, person: Person) -> str | None:
    return people.find(session, person.number, year=NOW.year)[0].state


@pytest.mark.parametrize("reason", [RESIGNED, DIED])
def test_who_left_is_recorded_and_can_be_reinstated(session: Session, reason: str) -> None:
    person = applied(session).person
    left(session, person, reason, date(2026, 6, 1))
    assert (person.left_reason, person.left_on) == (reason, date(2026, 6, 1))
    assert state_of(session, person) == reason
    leaving.reinstate(session, person, by="ben", now=NOW)
    assert (person.left_reason, person.left_on) == ("", None)
    assert state_of(session, person) == "address not confirmed"
    entries = [(entry.what, entry.who) for entry in audit.entries(session, person.number)]
    assert entries[1:] == [(reason, "ann"), ("reinstated", "ben")]


def test_what_cannot_be_is_not_recorded(session: Session) -> None:
    person = applied(session).person
    with pytest.raises(LeavingRefused, match="still to come"):
        left(session, person, on=NOW.date() + timedelta(days=1))
    with pytest.raises(LeavingRefused, match="has not left"):
        leaving.reinstate(session, person, by="ann", now=NOW)
    left(session, person, RESIGNED)
    with pytest.raises(NothingToChange):
        left(session, person, RESIGNED)
    left(session, person, DIED)
    erased = applied(session, email="", postcode="M1 1AA").person
    payments.confirm(
        session,
        erased,
        amount=Decimal(24),
        method="cash",
        received_on=NOW.date(),
        by="ann",
        now=NOW,
    )
    left(session, erased)
    erasure.erase(session, [erased], by="ann", now=NOW)
    session.refresh(erased)
    assert (erased.left_reason, erased.left_on) == ("", None)
    with pytest.raises(PersonErased):
        left(session, erased)


def test_the_mails_that_wait_for_somebody_who_died_are_never_sent(
    app: Flask, session: Session
) -> None:
    person = applied(session).person
    link_of(session, person.applications[0])
    waiting, given_up = (
        session.scalars(select(Message).where(Message.recipient != outbox.SECRETARY)).one(),
        link_of(session, person.applications[0], now=NOW + timedelta(minutes=1)),
    )
    assert given_up
    outbox.mark_dead(session, waiting.id, error="550", now=NOW)
    left(session, person)
    session.commit()
    assert outbox.retry(session, None, now=NOW) == 0
    assert [message.recipient for message in session.scalars(select(Message))] == [outbox.SECRETARY]
    session.rollback()
    assert mail_task.run(app) == 0, "the mail about the application is for the secretary"


def test_a_link_mailed_before_somebody_died_confirms_nothing_and_is_not_sent_again(
    session: Session,
) -> None:
    application = applied(session)
    token = link_of(session, application)
    left(session, application.person)
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)
    email_confirmation.resend(
        session,
        email=application.person.email,
        language="en",
        network="192.0.2.1",
        secret="s",
        link=str,
        now=NOW,
    )
    states = select(Message.state).where(Message.recipient != outbox.SECRETARY)
    assert session.scalars(states).all() == ["void"]
    with pytest.raises(PersonDied):
        leaving.check_needs_link(application.person)


def test_no_consent_of_somebody_who_died_is_in_effect(session: Session) -> None:
    person = verified(session, applied(session, consents=BOTH)).person
    assert consents.effective(session, person) == BOTH
    left(session, person)
    assert consents.effective(session, person) == frozenset()
    with pytest.raises(PersonDied):
        consents.change(session, person, "post", True, by="ann", now=NOW)
    leaving.reinstate(session, person, by="ann", now=NOW)
    assert consents.effective(session, person) == BOTH


@pytest.mark.parametrize("agreed", [None, "post", "email"])
def test_no_export_has_somebody_who_died(session: Session, agreed: str | None) -> None:
    dead, resigned = applied(session, consents=BOTH), applied(session, email="", consents=BOTH)
    verified(session, dead)
    left(session, dead.person)
    left(session, resigned.person, RESIGNED)
    rows = export.rows(session, {}, year=NOW.year, agreed=agreed)
    expected = [] if agreed == "email" else [resigned.person.number]
    assert [row["number"] for row in rows] == expected
    assert [(row["state"], row["left on"]) for row in rows] == [
        ("resigned", NOW.date().isoformat()) for _ in expected
    ]
    assert leaving.count_died(session) == 1


def test_a_payment_of_somebody_who_left_is_asked_about(session: Session) -> None:
    person = applied(session).person
    left(session, person, RESIGNED)
    with pytest.raises(PaymentDoubtful, match="resigned on 2026-07-01"):
        payments.confirm(
            session,
            person,
            amount=Decimal(24),
            method="cash",
            received_on=NOW.date(),
            by="ann",
            now=NOW,
        )


def test_a_link_is_of_use_only_where_there_is_an_unconfirmed_address(session: Session) -> None:
    confirmed = verified(session, applied(session)).person
    with pytest.raises(LinkRefused, match="has confirmed maria"):
        leaving.check_needs_link(confirmed)
    with pytest.raises(LinkRefused, match="no e-mail address"):
        leaving.check_needs_link(applied(session, email="", postcode="M1 1AA").person)
    leaving.check_needs_link(applied(session, email="luis@example.org").person)


def test_what_is_sent_goes_through_what_knows_the_dead(session: Session) -> None:
    """A new condition on whom to write to is not forgotten in one of the channels."""
    assert len(consents.CHANNELS) == 2
    person = applied(session, consents=BOTH, now=NOW).person
    left(session, person)
    for channel in consents.CHANNELS:
        query = select(func.count(Person.id)).where(consents.in_effect(channel))
        assert session.scalar(query) == 0
