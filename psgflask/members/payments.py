"""Payments: money that arrived is noted by hand, and the application that it was for is paid."""

import re
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from psgflask.core.clock import london_day
from psgflask.members import audit
from psgflask.members.models import CHEQUE, STANDING_ORDER, Application, Payment, Person
from psgflask.members.refusals import MembershipRefused, PersonErased

METHODS = (STANDING_ORDER, CHEQUE, "bank transfer", "cash")
MOST = Decimal("999999.99")
POUNDS = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:[.,](\d{1,2}))?")


class AmountRefused(MembershipRefused):
    """No amount of pounds, or none that can have been paid."""

    field = "amount"


class PaymentRefused(MembershipRefused):
    """A payment that cannot have been made as it was typed."""


class PaymentNotedAlready(MembershipRefused):
    """The same amount of the same day by the same way is there: most likely it is this one."""

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
    once_more: bool = False,
) -> Payment:
    """Note that money arrived, for the newest application that is not paid yet.

    `amount` is in pounds. Raises PersonErased, AmountRefused, PaymentRefused; PaymentNotedAlready
    unless it is meant `once_more`.
    """
    if person.erased_at is not None:
        raise PersonErased(person.number)
    if not 0 < amount <= MOST or amount != round(amount, 2):
        raise AmountRefused(f"{amount} pounds cannot have been paid")
    if method not in METHODS:
        raise PaymentRefused(f"{method!r} is no way to pay: there are {', '.join(METHODS)}")
    if received_on > london_day(now):
        raise PaymentRefused(f"{received_on} is still to come: when did the money arrive?")
    if not once_more and any(_same(one, amount, method, received_on) for one in person.payments):
        raise PaymentNotedAlready(
            f"{person.number} paid {amount} pounds on {received_on} by {method} already"
        )
    application = _meant(person)
    payment = Payment(
        person_id=person.id,
        application_id=application.id if application else None,
        amount=amount,
        method=method,
        received_on=received_on,
        noted_at=now,
        noted_by=by[:100],
    )
    person.payments.append(payment)
    before = {"paid": bool(application and application.paid_at)}
    if application is not None and application.paid_at is None:
        application.paid_at = now
    session.flush()
    audit.note(
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


def read_amount(text: str) -> Decimal:
    """Read pounds as people type them: "24", "£24.00", "1,250.5", "24,50". Raises AmountRefused."""
    typed = re.sub(r"\s", "", text).removeprefix("£").removesuffix("£")
    found = POUNDS.fullmatch(typed)
    if found is None or not typed.isascii():
        raise AmountRefused(f"{text!r} is no amount: write pounds such as 24 or 24.50")
    return Decimal(f"{found[1].replace(',', '')}.{(found[2] or '0'):0<2}")


def _same(payment: Payment, amount: Decimal, method: str, received_on: date) -> bool:
    return (payment.amount, payment.method, payment.received_on) == (amount, method, received_on)


def _meant(person: Person) -> Application | None:
    """Return the application that a payment is for: the newest unpaid one, else the newest."""
    newest_first = list(reversed(person.applications))
    unpaid = (one for one in newest_first if one.paid_at is None)
    return next(unpaid, newest_first[0] if newest_first else None)
