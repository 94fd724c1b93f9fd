"""Payments: money that arrived, recorded by hand for the year that it pays for; reversals."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, String, case, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from psgflask.core.clock import london_day
from psgflask.core.money import parse_pounds
from psgflask.members import audit
from psgflask.members.models import (
    JOINED,
    METHODS,
    PAID,
    RENEWAL_DUE,
    USER_NAME_LENGTH,
    Application,
    MembershipRefused,
    Payment,
    Person,
    check_writable,
)
from psgflask.members.tiers import LIFE, MAX_AMOUNT, Tier, amount_on

FOR_LIFE = "life"  # what a payment without a year pays for
# A payment sooner after another one is hardly that of the next year.
SOON = 330  # days


class AmountRefused(MembershipRefused):
    """A text or number that is no possible amount of pounds."""

    field = "amount"


class PaymentRefused(MembershipRefused):
    """A payment by an unknown method, or one that cannot be reversed."""


class PaymentDoubtful(MembershipRefused):
    """A payment that looks like a mistake; `doubts` says why, a sentence each."""

    def __init__(self, doubts: Sequence[str]) -> None:
        super().__init__("\n".join(doubts))
        self.doubts = tuple(doubts)


def confirm(
    session: Session,
    person: Person,
    *,
    amount: Decimal,
    method: str,
    received_on: date,
    by: str,
    now: datetime,
    tier: Tier | None = None,
    year: int | None = None,
    anyway: bool = False,
    accepted: Collection[str] = (),
) -> Payment:
    """Record that money arrived, for the newest unpaid application.

    `amount` is in pounds, `tier` the person's membership, None if it is unknown. `year` is the
    year that it pays for: by default that of the day, and for a life membership none. Raises
    PersonErased, AmountRefused, PaymentRefused, and PaymentDoubtful: unless `anyway`, and for
    other doubts than the `accepted`.
    """
    check_writable(person)
    if not 0 < amount <= MAX_AMOUNT or amount != round(amount, 2):
        raise AmountRefused(f"{amount} pounds cannot have been paid")
    if method not in METHODS:
        raise PaymentRefused(f"{method!r} is no way to pay: there are {', '.join(METHODS)}")
    application = _application_of(person)
    payment = Payment(
        person_id=person.id,
        application_id=application.id if application else None,
        amount=amount,
        method=method,
        received_on=received_on,
        year=year or (None if tier and tier.kind == LIFE else received_on.year),
        noted_at=now,
        noted_by=by[:USER_NAME_LENGTH],
    )
    doubts = _doubts(person, payment, tier, is_year_given=year is not None, today=london_day(now))
    if not anyway and not set(doubts) <= set(accepted):
        raise PaymentDoubtful(doubts)
    before = {"paid": bool(application and application.paid_at)}
    person.payments.append(payment)
    if application is not None and application.paid_at is None:
        application.paid_at = now
    audit.record(
        session,
        person,
        "paid",
        by=by,
        now=now,
        before=before,
        after={"paid": True, **_audited(payment)},
    )
    return payment


def reverse(
    session: Session,
    person: Person,
    payment: Payment,
    *,
    by: str,
    now: datetime,
    reason: str = "",
) -> Payment:
    """Take a payment back by a row of its own, with the negative amount; return that row.

    For a mistake, or a cheque that bounced. An application without any payment left is unpaid
    again. Raises PersonErased, PersonJoined and PaymentRefused.
    """
    check_writable(person)
    if payment not in counting(person.payments):
        raise PaymentRefused(f"Payment {payment.id} was reversed already, or is a reversal itself")
    reversal = Payment(
        person_id=person.id,
        application_id=payment.application_id,
        amount=-payment.amount,
        method=payment.method,
        received_on=london_day(now),
        year=payment.year,
        reverses_id=payment.id,
        noted_at=now,
        noted_by=by[:USER_NAME_LENGTH],
    )
    person.payments.append(reversal)
    update_applications(person)
    after = {"reversed": True, "because": reason.strip()}
    audit.record(session, person, "reversed", by=by, now=now, before=_audited(payment), after=after)
    return reversal


def update_applications(person: Person) -> None:
    """Make a person's applications paid or unpaid by the payments that count by now.

    One that was for an application of another person is for the newest unpaid one.
    """
    own = {one.id for one in person.applications}
    counted = counting(person.payments)
    for payment in counted:
        if payment.application_id not in (None, *own) and (newest := _application_of(person)):
            payment.application_id = newest.id
            newest.paid_at = newest.paid_at or payment.noted_at
    paid = {one.application_id for one in counted}
    for application in person.applications:
        if application.id not in paid:
            application.paid_at = None


def find_payment(person: Person, payment_id: int | None) -> Payment:
    """Return a payment of a person, by default the only one that counts. Raises PaymentRefused."""
    if payment_id is not None:
        for payment in person.payments:
            if payment.id == payment_id:
                return payment
        raise PaymentRefused(f"{person.number} has no payment {payment_id}")
    payments = counting(person.payments)
    if len(payments) != 1:
        ids = ", ".join(str(one.id) for one in payments)
        raise PaymentRefused(f"Say which payment of {person.number}: there are {ids or 'none'}")
    return payments[0]


def counting(payments: Iterable[Payment]) -> list[Payment]:
    """Return those of a person's payments that count: neither reversed nor reversals."""
    found = list(payments)
    reversed_ids = {one.reverses_id for one in found}
    return [one for one in found if one.reverses_id is None and one.id not in reversed_ids]


def owed(person: Person, tier: Tier | None, *, year: int | None, day: date) -> Decimal | None:
    """Return what somebody still has to pay for a year (None: for life) on a day, in pounds.

    In the year of the application that is the amount they applied for, and later what the
    membership costs on the day. None while that is unknown.
    """
    newest = person.applications[-1] if person.applications else None
    amount = amount_on(tier, day) if tier else None
    if newest is not None and year in {None, london_day(newest.sent_at).year}:
        amount = amount if newest.amount is None else newest.amount
    if amount is None:
        return None
    paid = sum(one.amount for one in counting(person.payments) if one.year == year)
    return max(amount - paid, Decimal(0))


def parse_amount(text: str) -> Decimal:
    """Parse an amount as `parse_pounds` does. Raises AmountRefused."""
    try:
        return parse_pounds(text)
    except ValueError as error:
        message = f"{text!r} is no amount: write pounds such as 24 or 24.50"
        raise AmountRefused(message) from error


def format_pounds(amount: Decimal) -> str:
    """Return an amount for the secretary: "£1,024.50", "-£24.00"."""
    return f"{'-' if amount < 0 else ''}£{abs(amount):,.2f}"


def year_name(payment: Payment) -> str:
    """Return what a payment pays for: a year, or FOR_LIFE."""
    return str(payment.year or FOR_LIFE)


def has_paid(year: int) -> ColumnElement[bool]:
    """Return the condition that a Person has paid for a year, for a later one, or for life."""
    payment = aliased(Payment)
    for_year = or_(payment.year >= year, payment.year.is_(None))
    return exists().where(_counts(payment), for_year)


def newest_payment() -> ColumnElement[int | None]:
    """Return the id of the newest payment of a Person that counts, as a subquery."""
    payment = aliased(Payment)
    newest_first = (payment.received_on.desc(), payment.id.desc())
    query = select(payment.id).where(_counts(payment)).order_by(*newest_first)
    return query.limit(1).scalar_subquery()


def paid_through() -> ColumnElement[str | None]:
    """Return the last year that a Person has paid for, or FOR_LIFE, as a subquery."""
    payment = aliased(Payment)
    last = case(
        (func.count(payment.id) > func.count(payment.year), FOR_LIFE),
        else_=cast(func.max(payment.year), String),
    )
    return select(last).where(_counts(payment)).scalar_subquery()


def state(year: int) -> ColumnElement[str]:
    """Return the state of a Person joined to their newest Application: one of STATES."""
    return case(
        (Person.joined_id.is_not(None), JOINED),
        (Person.left_reason != "", Person.left_reason),
        (has_paid(year), PAID),
        (Application.paid_at.is_not(None), RENEWAL_DUE),
        else_=Application.state,
    )


def _counts(payment: type[Payment]) -> ColumnElement[bool]:
    """Return the condition that a payment is one of a Person and counts, as `counting` has it."""
    reversal = aliased(Payment)
    is_reversed = exists().where(reversal.reverses_id == payment.id)
    return (payment.person_id == Person.id) & payment.reverses_id.is_(None) & ~is_reversed


def _audited(payment: Payment) -> dict[str, str]:
    return {
        "amount": str(payment.amount),
        "method": payment.method,
        "received on": payment.received_on.isoformat(),
        "for": year_name(payment),
    }


def _doubts(
    person: Person, payment: Payment, tier: Tier | None, *, is_year_given: bool, today: date
) -> list[str]:
    """Return why a payment looks like a mistake, in sentences for the secretary."""
    day, number = payment.received_on, person.number
    earlier = counting(person.payments)
    same_year = [one for one in earlier if one.year in {None, payment.year}]
    found = [f"{number} paid {_described(one)} already" for one in same_year]
    if not is_year_given:
        found += [
            f"{number} paid {_described(one)}: that is only {days} days apart"
            for one in earlier
            if one not in same_year and (days := abs((day - one.received_on).days)) < SOON
        ]
    amount = owed(person, tier, year=payment.year, day=day)
    if amount is not None and payment.amount != amount and (amount or not same_year):
        found.append(
            f"{number} owes {format_pounds(amount)} for {year_name(payment)}, not"
            f" {format_pounds(payment.amount)}"
        )
    if person.applications:
        applied_on = min(london_day(one.sent_at) for one in person.applications)
        if day < applied_on:
            found.append(f"{day} is before the application, of {applied_on}")
    if person.left_reason:
        found.append(f"{number} {person.left_reason} on {person.left_on}")
    if day > today:
        found.append(f"{day} is still to come")
    if day < _year_before(today):
        found.append(f"{day} is over a year ago")
    if payment.year is not None and abs(payment.year - day.year) > 1:
        found.append(f"It would count for {payment.year}, and arrived in {day.year}")
    return found


def _described(payment: Payment) -> str:
    return (
        f"{format_pounds(payment.amount)} for {year_name(payment)} on {payment.received_on} by"
        f" {payment.method}"
    )


def _year_before(day: date) -> date:
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def _application_of(person: Person) -> Application | None:
    """Return the application that a payment is for: the newest unpaid one, else the newest."""
    newest_first = list(reversed(person.applications))
    unpaid = (one for one in newest_first if one.paid_at is None)
    return next(unpaid, newest_first[0] if newest_first else None)
