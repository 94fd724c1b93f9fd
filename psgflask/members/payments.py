"""Payments: money that arrived is recorded by hand, and its application is then paid."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from psgflask.core.clock import london_day
from psgflask.core.money import parse_pounds
from psgflask.members import audit
from psgflask.members.models import (
    CHEQUE,
    STANDING_ORDER,
    USER_NAME_LENGTH,
    Application,
    MembershipRefused,
    Payment,
    Person,
    PersonErased,
)
from psgflask.members.tiers import MAX_POUNDS

METHODS = (STANDING_ORDER, CHEQUE, "bank transfer", "cash")


class AmountRefused(MembershipRefused):
    """A text or number that is no possible amount of pounds."""

    field = "amount"


class PaymentRefused(MembershipRefused):
    """A payment with an unknown method or in the future."""


class DuplicatePayment(MembershipRefused):
    """A payment of this amount, day and method is recorded: most likely it is the same one."""

    field = "amount"


def confirm(
    session: Session,
    person: Person,
    *,
    amount: Decimal,
    method: str,
    received_on: date,
    by: str,
    now: datetime,
    allow_duplicate: bool = False,
) -> Payment:
    """Record that money arrived, for the newest unpaid application.

    `amount` is in pounds. Raises PersonErased, AmountRefused, PaymentRefused, and DuplicatePayment
    unless `allow_duplicate`.
    """
    if person.erased_at is not None:
        raise PersonErased(person.number)
    if not 0 < amount <= MAX_POUNDS or amount != round(amount, 2):
        raise AmountRefused(f"{amount} pounds cannot have been paid")
    if method not in METHODS:
        raise PaymentRefused(f"{method!r} is no way to pay: there are {', '.join(METHODS)}")
    if received_on > london_day(now):
        raise PaymentRefused(f"{received_on} is still to come: when did the money arrive?")
    recorded = {(one.amount, one.method, one.received_on) for one in person.payments}
    if not allow_duplicate and (amount, method, received_on) in recorded:
        raise DuplicatePayment(
            f"{person.number} paid {amount} pounds on {received_on} by {method} already"
        )
    application = _application_of(person)
    payment = Payment(
        person_id=person.id,
        application_id=application.id if application else None,
        amount=amount,
        method=method,
        received_on=received_on,
        noted_at=now,
        noted_by=by[:USER_NAME_LENGTH],
    )
    person.payments.append(payment)
    before = {"paid": bool(application and application.paid_at)}
    if application is not None and application.paid_at is None:
        application.paid_at = now
    audit.record(
        session,
        person,
        "paid",
        by=by,
        now=now,
        before=before,
        after={
            "paid": True,
            "amount": str(amount),
            "method": method,
            "received on": received_on.isoformat(),
        },
    )
    return payment


def parse_amount(text: str) -> Decimal:
    """Parse an amount as `parse_pounds` does. Raises AmountRefused."""
    try:
        return parse_pounds(text)
    except ValueError as error:
        message = f"{text!r} is no amount: write pounds such as 24 or 24.50"
        raise AmountRefused(message) from error


def _application_of(person: Person) -> Application | None:
    """Return the application that a payment is for: the newest unpaid one, else the newest."""
    newest_first = list(reversed(person.applications))
    unpaid = (one for one in newest_first if one.paid_at is None)
    return next(unpaid, newest_first[0] if newest_first else None)
