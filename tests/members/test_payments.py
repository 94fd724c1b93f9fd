from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from psgflask.members import audit, erasure, payments
from psgflask.members.models import Payment, Person, PersonErased
from psgflask.members.payments import AmountRefused, DuplicatePayment, PaymentRefused
from tests.members.people import NOW, applied


def paid(session: Session, person: Person, **other: Any) -> Payment:
    usual: dict[str, Any] = {
        "amount": Decimal("24.00"),
        "method": "cheque",
        "received_on": date(2026, 6, 30),
        "by": "ann",
        "now": NOW,
    }
    return payments.confirm(session, person, **{**usual, **other})


def test_an_invalid_amount_is_refused() -> None:
    with pytest.raises(AmountRefused, match="write pounds such as 24"):
        payments.parse_amount("24.505")


def test_a_payment_makes_the_application_paid_and_has_an_audit_entry(session: Session) -> None:
    application = applied(session)
    payment = paid(session, application.person)
    assert (payment.application_id, application.paid_at) == (application.id, NOW)
    assert (payment.noted_by, payment.noted_at) == ("ann", NOW)
    entry = audit.entries(session, application.person.number)[-1]
    assert (entry.what, entry.before) == ("paid", {"paid": False})
    assert entry.after == {
        "paid": True,
        "amount": "24.00",
        "method": "cheque",
        "received on": "2026-06-30",
    }


def test_a_further_payment_does_not_change_when_it_was_paid(session: Session) -> None:
    application = applied(session)
    paid(session, application.person)
    paid(session, application.person, received_on=NOW.date(), now=NOW + timedelta(days=1))
    assert application.paid_at == NOW
    assert len(application.person.payments) == 2


def test_the_same_payment_is_not_recorded_twice_unless_allowed(session: Session) -> None:
    person = applied(session).person
    paid(session, person)
    with pytest.raises(DuplicatePayment):
        paid(session, person)
    paid(session, person, allow_duplicate=True)
    paid(session, person, amount=Decimal("24.01"))
    assert len(person.payments) == 3


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"amount": Decimal(0)}, AmountRefused),
        ({"amount": Decimal("-24")}, AmountRefused),
        ({"amount": Decimal("24.001")}, AmountRefused),
        ({"amount": Decimal("1000000")}, AmountRefused),
        ({"method": "barter"}, PaymentRefused),
        ({"received_on": date(2026, 7, 2)}, PaymentRefused),
    ],
)
def test_an_impossible_payment_is_refused(
    session: Session, other: dict[str, Any], refusal: type[Exception]
) -> None:
    person = applied(session).person
    with pytest.raises(refusal):
        paid(session, person, **other)
    assert person.payments == []


def test_today_is_today_in_london(session: Session) -> None:
    person = applied(session).person
    before_midnight_in_utc = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    paid(session, person, received_on=date(2026, 7, 2), now=before_midnight_in_utc)
    assert [each.received_on for each in person.payments] == [date(2026, 7, 2)]


def test_an_erased_person_cannot_pay(session: Session) -> None:
    person = applied(session).person
    paid(session, person)
    erasure.erase(session, [person], by="ann", now=NOW)
    with pytest.raises(PersonErased):
        paid(session, person, amount=Decimal(5))
