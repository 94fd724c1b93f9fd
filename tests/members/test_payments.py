import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.members import audit, erasure, payments, people
from psgflask.members.models import Payment, Person, PersonErased
from psgflask.members.payments import AmountRefused, PaymentDoubtful, PaymentRefused
from tests.members.people import NOW, applied, tier


def paid(session: Session, person: Person, **other: Any) -> Payment:
    usual: dict[str, Any] = {
        "amount": Decimal("24.00"),
        "method": "cheque",
        "received_on": date(2026, 7, 1),
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
        "received on": "2026-07-01",
        "for": "2026",
    }


def test_a_further_payment_does_not_change_when_it_was_paid(session: Session) -> None:
    application = applied(session)
    paid(session, application.person)
    later = NOW + timedelta(days=1)
    paid(session, application.person, received_on=NOW.date(), now=later, anyway=True)
    assert application.paid_at == NOW
    assert len(application.person.payments) == 2


def state_of(session: Session, person: Person, year: int) -> str | None:
    found = people.find(session, person.number, year=year)
    return found[0].state


@pytest.mark.parametrize(
    ("other", "doubt"),
    [
        ({"amount": Decimal("2.40")}, "owes £24.00 for 2026, not £2.40"),
        ({"amount": Decimal("240.00")}, "owes £24.00 for 2026, not £240.00"),
        ({"received_on": date(2026, 6, 30)}, "2026-06-30 is before the application, of 2026-07-01"),
        ({"received_on": date(2026, 7, 2)}, "2026-07-02 is still to come"),
        ({"received_on": date(2025, 6, 30), "year": 2026}, "2025-06-30 is over a year ago"),
        ({"year": 2062}, "It would count for 2062, and arrived in 2026"),
    ],
)
def test_a_payment_that_looks_like_a_mistake_is_recorded_only_when_that_is_meant(
    session: Session, other: dict[str, Any], doubt: str
) -> None:
    person = applied(session).person
    with pytest.raises(PaymentDoubtful, match=re.escape(doubt)) as refused:
        paid(session, person, **other)
    assert person.payments == []
    with pytest.raises(PaymentDoubtful):
        paid(session, person, **other, accepted=["another doubt"])
    paid(session, person, **other, accepted=refused.value.doubts)
    assert len(person.payments) == 1


def test_what_is_owed_today_for_this_year_is_not_asked_about(session: Session) -> None:
    person = applied(session).person
    assert paid(session, person).year == 2026


def test_a_payment_may_be_as_old_as_a_year_and_no_older(session: Session) -> None:
    person = applied(session, now=NOW - timedelta(days=800)).person
    leap_day = datetime(2028, 2, 29, 12, tzinfo=UTC)
    with pytest.raises(PaymentDoubtful, match="2027-02-27 is over a year ago"):
        paid(session, person, received_on=date(2027, 2, 27), now=leap_day)
    paid(session, person, received_on=date(2027, 2, 28), now=leap_day)


def test_a_second_payment_within_the_year_is_asked_about(session: Session) -> None:
    person = applied(session, now=NOW - timedelta(days=800)).person
    paid(session, person, received_on=date(2025, 12, 20))
    with pytest.raises(PaymentDoubtful, match=r"paid £24.00 for 2025 on 2025-12-20 by cheque alr"):
        paid(session, person, received_on=date(2025, 12, 21))
    with pytest.raises(PaymentDoubtful, match="that is only 21 days apart"):
        paid(session, person, received_on=date(2026, 1, 10))
    assert paid(session, person, received_on=date(2026, 1, 10), year=2026).year == 2026
    later = datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(PaymentDoubtful, match="for 2026 on 2026-01-10 by cheque already"):
        paid(session, person, received_on=date(2026, 12, 1), now=later)
    paid(session, person, received_on=date(2026, 12, 1), now=later, year=2027)


def test_the_rest_of_a_payment_in_part_is_what_is_owed(session: Session) -> None:
    person = applied(session).person
    paid(session, person, amount=Decimal(10), anyway=True)
    with pytest.raises(PaymentDoubtful) as refused:
        paid(session, person, amount=Decimal(14))
    (doubt,) = refused.value.doubts
    assert doubt.startswith(f"{person.number} paid £10.00 for 2026")


def test_in_a_later_year_a_membership_costs_what_it_costs_then(session: Session) -> None:
    person = applied(session).person
    next_year = datetime(2027, 7, 2, tzinfo=UTC)
    usual: dict[str, Any] = {"received_on": next_year.date(), "now": next_year, "tier": tier()}
    with pytest.raises(PaymentDoubtful, match=re.escape("owes £30.00 for 2027, not £24.00")):
        paid(session, person, **usual)
    assert paid(session, person, **usual, amount=Decimal(30)).year == 2027


def test_a_life_membership_is_paid_once_for_no_single_year(session: Session) -> None:
    life = tier("life", "life")
    person = applied(session, tier=life).person
    assert paid(session, person, tier=life).year is None
    in_2031 = datetime(2031, 7, 1, tzinfo=UTC)
    with pytest.raises(PaymentDoubtful, match=re.escape("paid £24.00 for life on")):
        paid(session, person, received_on=in_2031.date(), now=in_2031)
    assert state_of(session, person, 2031) == "paid"


def test_a_payment_counts_for_the_year_that_it_pays_for(session: Session) -> None:
    person = applied(session, now=NOW - timedelta(days=800)).person
    assert state_of(session, person, 2025) == "address not confirmed"
    paid(session, person, received_on=date(2025, 12, 28), year=2026)
    assert state_of(session, person, 2025) == "paid", "nothing is to be asked of them then"
    assert state_of(session, person, 2026) == "paid"
    assert state_of(session, person, 2027) == "renewal due"
    paid_for = session.scalar(select(payments.paid_through()).select_from(Person))
    assert paid_for == "2026"


# Reversals


def test_a_reversed_payment_stays_with_a_row_that_takes_it_back(session: Session) -> None:
    application = applied(session)
    person = application.person
    payment = paid(session, person)
    reversal = payments.reverse(session, person, payment, by="ben", now=NOW, reason="Bounced")
    session.commit()
    session.expire_all()
    assert [(one.amount, one.reverses_id) for one in person.payments] == [
        (Decimal(24), None),
        (Decimal(-24), payment.id),
    ]
    assert (reversal.year, reversal.method, reversal.noted_by) == (2026, "cheque", "ben")
    assert application.paid_at is None
    assert state_of(session, person, 2026) == "address not confirmed"
    entry = audit.entries(session, person.number)[-1]
    assert (entry.what, entry.who, entry.before["amount"]) == ("reversed", "ben", "24.00")
    assert entry.after == {"reversed": True, "because": "Bounced"}


def test_after_a_reversal_the_payment_can_be_recorded_again(session: Session) -> None:
    person = applied(session).person
    payments.reverse(session, person, paid(session, person), by="ann", now=NOW)
    paid(session, person)
    assert state_of(session, person, 2026) == "paid"
    assert sum(one.amount for one in person.payments) == Decimal(24)


def test_an_application_with_another_payment_stays_paid(session: Session) -> None:
    application = applied(session)
    first = paid(session, application.person)
    paid(session, application.person, anyway=True)
    payments.reverse(session, application.person, first, by="ann", now=NOW)
    assert application.paid_at == NOW


def test_neither_a_reversed_payment_nor_a_reversal_is_reversed(session: Session) -> None:
    person = applied(session).person
    payment = paid(session, person)
    reversal = payments.reverse(session, person, payment, by="ann", now=NOW)
    for row in (payment, reversal):
        with pytest.raises(PaymentRefused, match="was reversed already"):
            payments.reverse(session, person, row, by="ann", now=NOW)
    assert len(person.payments) == 2


def test_the_payment_to_reverse_is_named_unless_there_is_one(session: Session) -> None:
    person, other = applied(session).person, applied(session, email="").person
    with pytest.raises(PaymentRefused, match="there are none"):
        payments.find_payment(person, None)
    first, second = paid(session, person), paid(session, person, anyway=True)
    with pytest.raises(PaymentRefused, match=f"there are {first.id}, {second.id}"):
        payments.find_payment(person, None)
    assert payments.find_payment(person, second.id) is second
    with pytest.raises(PaymentRefused, match=f"has no payment {first.id}"):
        payments.find_payment(other, first.id)
    payments.reverse(session, person, first, by="ann", now=NOW)
    assert payments.find_payment(person, None) is second


# What is refused


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"amount": Decimal(0)}, AmountRefused),
        ({"amount": Decimal("-24")}, AmountRefused),
        ({"amount": Decimal("24.001")}, AmountRefused),
        ({"amount": Decimal("1000000")}, AmountRefused),
        ({"method": "barter"}, PaymentRefused),
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
    payment = paid(session, person)
    erasure.erase(session, [person], by="ann", now=NOW)
    with pytest.raises(PersonErased):
        paid(session, person, amount=Decimal(5))
    with pytest.raises(PersonErased):
        payments.reverse(session, person, payment, by="ann", now=NOW)
