"""S3, the rules' half: what nobody confirmed goes after 90 days, unless something speaks for it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.models import Attempt, ConfirmationToken
from psgflask.members import erasure, notes, payments, retention
from psgflask.members.models import PAPER, Person
from tests.members.people import NOW, applied, link_of, verified

DAY = timedelta(days=1)
IN_TIME, OVERDUE = NOW + 90 * DAY - timedelta(seconds=1), NOW + 90 * DAY


def there(session: Session) -> int:
    return session.scalar(select(func.count(Person.id))) or 0


def test_s3_an_application_that_nobody_confirmed_goes_after_90_days(session: Session) -> None:
    applied(session)
    assert retention.tidy(session, now=IN_TIME) == []
    assert there(session) == 1
    assert len(retention.tidy(session, now=OVERDUE)) == 1
    assert there(session) == 0


@pytest.mark.parametrize("what", ["paper", "verified", "paid", "noted", "young"])
def test_s3_what_speaks_for_an_application_keeps_it(session: Session, what: str) -> None:
    source = PAPER if what == "paper" else "online"
    application = applied(session, source=source, now=OVERDUE - DAY if what == "young" else NOW)
    person = application.person
    if what == "verified":
        verified(session, application)
    if what == "paid":
        payments.confirm(
            session,
            person,
            amount=Decimal(24),
            method="cheque",
            received_on=NOW.date(),
            by="ann",
            now=NOW,
        )
    if what == "noted":
        notes.add(session, person, "Rang: the address was mistyped", by="ann", now=NOW)
    assert retention.tidy(session, now=OVERDUE) == []
    assert there(session) == 1


def test_the_erased_of_whom_payments_stay_are_left_alone(session: Session) -> None:
    person = applied(session).person
    payments.confirm(
        session,
        person,
        amount=Decimal(24),
        method="cheque",
        received_on=NOW.date(),
        by="ann",
        now=NOW,
    )
    erasure.erase(session, person, by="ann", now=NOW)
    assert retention.tidy(session, now=OVERDUE) == []
    assert there(session) == 1


def test_a_confirmation_in_the_last_minute_keeps_it(session: Session) -> None:
    application = applied(session)
    token = link_of(session, application, now=IN_TIME)
    email_confirmation.confirm(session, token, now=IN_TIME)
    assert retention.tidy(session, now=OVERDUE) == []


def test_attempts_and_links_that_nobody_needs_are_trimmed(session: Session) -> None:
    link_of(session, applied(session))
    retention.tidy(session, now=NOW + DAY)
    assert session.scalar(select(func.count(Attempt.id))) == 0
    assert session.scalar(select(func.count(ConfirmationToken.id))) == 1
    retention.tidy(session, now=OVERDUE)
    assert session.scalar(select(func.count(ConfirmationToken.id))) == 0
