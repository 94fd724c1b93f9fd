"""`flask members confirm-payment` and `payments`: money that arrived, and its reversals."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from psgflask.core.clock import london_day, utc_now
from psgflask.core.days import FIRST_YEAR, LAST_YEAR
from psgflask.core.terminal import by_option, confirm, echo, json_option, print_json, print_table
from psgflask.members import payments as rules
from psgflask.members import people, tiers
from psgflask.members.cli.output import DayParam, reading, writing
from psgflask.members.models import METHODS, Payment
from psgflask.members.subject_access import local_time

YEAR = click.IntRange(FIRST_YEAR, LAST_YEAR)
COLUMNS = ("payment", "received", "amount", "method", "for", "noted", "by", "remark")

payments = AppGroup("payments", help="List and reverse the payments of a member.")


@dataclass(frozen=True)
class TypedPayment:
    """What was typed about a payment; what was left out is None."""

    amount: str
    method: str | None
    received_on: date | None
    year: int | None
    by: str


@click.command("confirm-payment")
@click.argument("number")
@click.argument("amount")
@click.option("--method", type=click.Choice(METHODS), help="Default: as applied for.")
@click.option("--on", "received_on", type=DayParam(), help="The day it arrived (default: today).")
@click.option("--year", type=YEAR, help="The year that it pays for (default: that of the day).")
@click.option("--anyway", "--again", is_flag=True, help="Do not ask about what looks odd.")
@by_option
@with_appcontext
def confirm_payment(
    number: str,
    amount: str,
    method: str | None,
    received_on: date | None,
    year: int | None,
    anyway: bool,
    by: str,
) -> None:
    """Note that AMOUNT pounds arrived from the member NUMBER.

    Asks about another amount than is owed, a second payment within the year, and days before the
    application, still to come or over a year ago.
    """
    typed = TypedPayment(amount, method, received_on, year, by)
    message, doubts = _confirm(number, typed, anyway=anyway)
    while doubts:  # more come when somebody else notes a payment meanwhile
        # No session is open here: nobody else must wait while the question is.
        echo("\n".join(doubts))
        confirm("Record it all the same (if it is for another year: --year)?", option="--anyway")
        message, doubts = _confirm(number, typed, accepted=doubts)
    echo(message)


@payments.command("list")
@click.argument("number")
@json_option
def list_payments(number: str, as_json: bool) -> None:
    """List what the member NUMBER paid, reversals too."""
    with reading() as session:
        person = people.by_number(session, number)
        reversals = {one.reverses_id: one.id for one in person.payments if one.reverses_id}
        recorded = sorted(person.payments, key=lambda one: one.id)
        rows = [_row(one, reversals.get(one.id)) for one in recorded]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    else:
        echo("No payments")


@payments.command("reverse")
@click.argument("number")
@click.argument("payment", type=int, required=False)
@click.option("--reason", default="", help="Why: a bounced cheque, a mistake ...")
@by_option
def reverse_payment(number: str, payment: int | None, reason: str, by: str) -> None:
    """Take back a PAYMENT of the member NUMBER, named as `payments list` does.

    It stays, with a row that takes it back. PAYMENT may be left out where only one counts.
    """
    with writing() as session:
        person = people.by_number(session, number)
        found = rules.find_payment(person, payment)
        rules.reverse(session, person, found, by=by, now=utc_now(), reason=reason)
        message = (
            f"Reversed {rules.format_pounds(found.amount)} of {found.received_on} by"
            f" {found.method}, for {rules.year_name(found)}, of {person.name} ({person.number})."
            " If that was a mistake, record it again: flask members confirm-payment"
        )
        session.commit()
    echo(message)


def _confirm(
    number: str, typed: TypedPayment, *, anyway: bool = False, accepted: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """Record a payment; return a message about it, or the doubts because of which it was not."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        newest = person.applications[-1] if person.applications else None
        known = tiers.load(Path(current_app.instance_path))
        try:
            payment = rules.confirm(
                session,
                person,
                amount=rules.parse_amount(typed.amount),
                method=typed.method or (newest.payment if newest else ""),
                received_on=typed.received_on or london_day(now),
                tier=known.get(newest.tier) if newest else None,
                year=typed.year,
                by=typed.by,
                now=now,
                anyway=anyway,
                accepted=accepted,
            )
        except rules.PaymentDoubtful as doubtful:
            return "", doubtful.doubts
        message = (
            f"{person.name} ({person.number}) paid {rules.format_pounds(payment.amount)} by"
            f" {payment.method}, for {rules.year_name(payment)}"
        )
        session.commit()
    return message, ()


def _row(payment: Payment, reversal_id: int | None) -> dict[str, object]:
    remark = f"reversed by {reversal_id}" if reversal_id else ""
    return {
        "payment": payment.id,
        "received": payment.received_on.isoformat(),
        "amount": str(payment.amount),
        "method": payment.method,
        "for": rules.year_name(payment),
        "noted": local_time(payment.noted_at),
        "by": payment.noted_by,
        "remark": f"reverses {payment.reverses_id}" if payment.reverses_id else remark,
    }
