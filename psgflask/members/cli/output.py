"""What commands tell of people: a line in a list, a sheet of one, rows of a table."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psgflask.core.clock import london_minute
from psgflask.members import applications
from psgflask.members.models import EMAIL, ONLINE, POST, Application, AuditEntry, Person
from psgflask.members.tiers import Tier

PAID, CONFIRMED, UNCONFIRMED, ON_PAPER = "paid", "unpaid", "address not confirmed", "unpaid, paper"
STATES = (PAID, CONFIRMED, UNCONFIRMED, ON_PAPER)
ERASED = "erased"
EXPORTED = (
    *("number", "name", "organisation", "household", "email", "phone", "address", "postcode"),
    *("country", "language", "membership", "amount", "payment", "source", "sent", "confirmed"),
    *("paid", "last payment", "may be sent post", "may be sent e-mail"),
)


def state(application: Application) -> str:
    """Return how far an application has come."""
    if application.paid_at is not None:
        return PAID
    if application.source != ONLINE:
        return ON_PAPER
    return UNCONFIRMED if application.verified_at is None else CONFIRMED


def summary(person: Person) -> dict[str, Any]:
    """Return a person as a line in a list: how the newest application stands."""
    newest = person.applications[-1] if person.applications else None
    perhaps = newest.perhaps if newest else None
    return {
        "number": person.number,
        "name": person.name,
        "organisation": person.organisation,
        "postcode": person.postcode,
        "membership": newest.tier if newest else "",
        "state": ERASED if person.erased_at else state(newest) if newest else "",
        "sent": moment(newest.sent_at) if newest else "",
        "perhaps": perhaps.number if perhaps else "",
        "because": newest.perhaps_because if newest else "",
    }


def sheet(person: Person, trail: Iterable[AuditEntry], reached: frozenset[str]) -> dict[str, Any]:
    """Return what the secretary sees of a person (JSON); `reached` is what may be sent."""
    return {
        "number": person.number,
        "version": person.version,
        **applications.of_person(person),
        "since": moment(person.created_at),
        "erased": moment(person.erased_at),
        "address confirmed": person.account_id is not None,
        "applications": [_application(one) for one in person.applications],
        "agreed to": [
            {
                "what": one.what,
                "words": one.wording,
                "version": one.wording_version,
                "basis": one.basis,
                "given": moment(one.given_at),
                "withdrawn": moment(one.withdrawn_at),
                "in effect": one.withdrawn_at is None and one.what in reached,
            }
            for one in person.consents
        ],
        "payments": [
            {
                "amount": str(one.amount),
                "method": one.method,
                "received": one.received_on.isoformat(),
                "noted": moment(one.noted_at),
                "by": one.noted_by,
            }
            for one in person.payments
        ],
        "notes": [{"at": moment(n.at), "by": n.by, "text": n.text} for n in person.notes],
        "changes": [
            {
                "at": moment(entry.at),
                "who": entry.who,
                "what": entry.what,
                "before": entry.before,
                "after": entry.after,
            }
            for entry in trail
        ],
    }


def exported(person: Person, reached: frozenset[str], tiers: Mapping[str, Tier]) -> dict[str, str]:
    """Return a person as a row of the exported table, by EXPORTED."""
    newest = person.applications[-1] if person.applications else None
    tier = tiers.get(newest.tier) if newest else None
    last = person.payments[-1] if person.payments else None
    return {
        "number": person.number,
        "name": person.name,
        "organisation": person.organisation,
        "household": "; ".join(member.name for member in person.household),
        "email": person.email,
        "phone": person.phone,
        "address": person.address,
        "postcode": person.postcode,
        "country": person.country,
        "language": person.language,
        "membership": tier.name["en"] if tier else newest.tier if newest else "",
        "amount": _pounds(newest.amount) if newest else "",
        "payment": newest.payment if newest else "",
        "source": newest.source if newest else "",
        "sent": moment(newest.sent_at) if newest else "",
        "confirmed": moment(newest.verified_at) if newest else "",
        "paid": moment(newest.paid_at) if newest else "",
        "last payment": last.received_on.isoformat() if last else "",
        "may be sent post": "yes" if POST in reached else "no",
        "may be sent e-mail": "yes" if EMAIL in reached else "no",
    }


def moment(at: datetime | None) -> str:
    """Return a moment as the secretary's clock showed it; empty for none."""
    return london_minute(at) if at else ""


def lines(told: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    """Yield a sheet as lines for a terminal; what is empty is left out."""
    for name, value in told.items():
        if value in ("", None, [], {}):
            continue
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
            yield f"{indent}{name}:"
            for one in value:
                first, *rest = lines(one, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        elif isinstance(value, list):
            yield f"{indent}{name}: {'; '.join(map(str, value))}"
        elif isinstance(value, bool):
            yield f"{indent}{name}: {'yes' if value else 'no'}"
        else:
            first, *rest = str(value).splitlines() or [""]
            yield f"{indent}{name}: {first}"
            yield from (f"{indent}{' ' * (len(name) + 2)}{line}" for line in rest)


def _application(one: Application) -> dict[str, Any]:
    return {
        "membership": one.tier,
        "amount": _pounds(one.amount),
        "payment": one.payment,
        "source": one.source,
        "language": one.language,
        "state": state(one),
        "sent": moment(one.sent_at),
        "confirmed": moment(one.verified_at),
        "paid": moment(one.paid_at),
        "perhaps": one.perhaps.number if one.perhaps else "",
        "because": one.perhaps_because,
    }


def _pounds(amount: object) -> str:
    return "" if amount is None else str(amount)
