"""Members as a CSV table for spreadsheets: no cell can be interpreted as a formula."""

import csv
import re
from collections.abc import Iterable, Mapping
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session, subqueryload

from psgflask.members import payments
from psgflask.members.consents import in_effect
from psgflask.members.models import DIED, EMAIL, POST, Application, Payment, Person
from psgflask.members.people import details, is_newest_application
from psgflask.members.subject_access import local_time
from psgflask.members.tiers import Tier

COLUMNS = (
    *("number", "name", "organisation", "household", "email", "phone", "address", "postcode"),
    *("country", "language", "membership", "amount", "payment", "source", "sent", "confirmed"),
    *("state", "left on", "paid", "paid for", "last payment", "last amount", "last method"),
    *("may be sent post", "may be sent e-mail", "e-mail bounced"),
)

# Characters that begin a formula in spreadsheets (OWASP, "CSV Injection"), and those that become
# one of them in a program that normalises to NFKC.
FORMULA = r"=⁼₌⩵⩶﹦＝+⁺₊﬩﹢＋\-﹣－−@﹫＠\t\r"
# Some programs interpret these as one too, at the very beginning.
AT_FIRST = r"\n|\x25"
# Where a program with other settings ends a cell: another separator, or a line break.
ENDS = r",;\t|:，﹐︐；﹔︔\u037e｜：﹕︓\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
# Characters that programs strip first: quotes, spaces and invisible ones.
DROPPED = (
    r"'\"＇＂ \x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\xa0\xad\u034f\u061c\u115f\u1160\u1680"
    r"\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0"
)
ESCAPE = "'"
_FORMULAS = re.compile(
    rf"(?:\A|(?<=[{ENDS}]))(?=[{DROPPED}]*[{FORMULA}])|\A(?=[{DROPPED}]*[{AT_FIRST}])"
)


def rows(
    session: Session,
    tiers: Mapping[str, Tier],
    *,
    year: int,
    agreed: str | None = None,
    paid: bool = False,
) -> list[dict[str, str]]:
    """Return a row by COLUMNS for everybody who is not erased and has not died, by member number.

    `tiers` are all memberships by key, `year` is the one whose payment matters. Only those who may
    be sent something through the channel `agreed`, and only those who have paid for the year, if
    so requested.
    """
    state, paid_through = payments.state(year), payments.paid_through()
    columns = (Application, Payment, state, paid_through, in_effect(POST), in_effect(EMAIL))
    query = (
        select(Person, *columns)
        .select_from(Person)
        .outerjoin(Application, is_newest_application())
        .outerjoin(Payment, Payment.id == payments.newest_payment())
        .where(Person.erased_at.is_(None), Person.left_reason != DIED)
        .where(Person.joined_id.is_(None))
        .order_by(Person.number)
        .options(subqueryload(Person.household))
    )
    if agreed is not None:
        query = query.where(in_effect(agreed))
    if paid:
        query = query.where(payments.has_paid(year))
    return [_row(*row, tiers=tiers) for row in session.execute(query)]


def write(rows: Iterable[Mapping[str, str]], columns: Iterable[str], file: IO[str]) -> int:
    """Write rows as CSV (RFC 4180), every cell quoted and escaped; return how many there were.

    The file must be opened with newline="".
    """
    names = list(columns)
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    count = 0
    for row in rows:
        writer.writerow([escape_cell(row[name]) for name in names])
        count += 1
    return count


def escape_cell(cell: str) -> str:
    """Return a cell with an apostrophe before whatever could be interpreted as a formula.

    Also within the cell, where a program with other settings begins a new one. Apostrophes before
    such a character are escaped by one more, so that the original can be restored.
    """
    return _FORMULAS.sub(ESCAPE, cell)


def _row(
    person: Person,
    newest: Application | None,
    last_payment: Payment | None,
    state: str | None,
    paid_through: str | None,
    post: bool,
    email: bool,
    *,
    tiers: Mapping[str, Tier],
) -> dict[str, str]:
    tier = tiers.get(newest.tier) if newest else None
    amount = newest.amount if newest else None
    return {
        **details(person),
        "number": person.number,
        "household": "; ".join(member.name for member in person.household),
        "membership": tier.name["en"] if tier else newest.tier if newest else "",
        "amount": "" if amount is None else str(amount),
        "payment": newest.payment if newest else "",
        "source": newest.source if newest else "",
        "sent": local_time(newest.sent_at) if newest else "",
        "confirmed": local_time(newest.verified_at) if newest else "",
        "state": state or "",
        "left on": person.left_on.isoformat() if person.left_on else "",
        "paid": local_time(newest.paid_at) if newest else "",
        "paid for": paid_through or "",
        "last payment": last_payment.received_on.isoformat() if last_payment else "",
        "last amount": str(last_payment.amount) if last_payment else "",
        "last method": last_payment.method if last_payment else "",
        "may be sent post": "yes" if post else "no",
        "may be sent e-mail": "yes" if email else "no",
        "e-mail bounced": local_time(person.bounced_at),
    }
