"""Everything that is stored about a person, for the right of access (UK GDPR, article 15)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.orm import Session

from psgflask.accounts import rate_limits
from psgflask.accounts.models import ConfirmationToken
from psgflask.core import personal_data
from psgflask.core.clock import london_minute
from psgflask.core.database import Model
from psgflask.members import audit, consents, payments, people, rights
from psgflask.members.models import Application, Person

Row = dict[str, Any]
# What entries of a change say of somebody else begins so.
ABOUT_OTHERS = ("perhaps", "separated")
# And so the number of whom somebody is joined to, who is the same, or was until a separation.
ABOUT_JOINED = "joined"


def record(session: Session, person: Person) -> dict[str, Any]:
    """Return what the members' tables contain about a person (JSON)."""
    channels = consents.effective(session, person)
    return {
        "number": person.number,
        "version": person.version,
        **people.details(person),
        "since": local_time(person.created_at),
        "erased": local_time(person.erased_at),
        "joined to": person.joined_to.number if person.joined_to else "",
        "joined": [one.number for one in people.joined_people(session, [person])],
        "left": person.left_reason,
        "left on": person.left_on.isoformat() if person.left_on else "",
        "address confirmed": person.account_id is not None,
        "bounced": local_time(person.bounced_at),
        "bounce": person.bounce_reason,
        "applications": [_application(one) for one in person.applications],
        "agreed to": [
            {
                "what": one.what,
                "words": one.wording,
                "version": one.wording_version,
                "basis": one.basis,
                "given": local_time(one.given_at),
                "withdrawn": local_time(one.withdrawn_at),
                "in effect": one.withdrawn_at is None and one.what in channels,
            }
            for one in person.consents
        ],
        "payments": [
            {
                "payment": one.id,
                "amount": str(one.amount),
                "method": one.method,
                "received": one.received_on.isoformat(),
                "for": payments.year_name(one),
                "reverses": one.reverses_id,
                "noted": local_time(one.noted_at),
                "by": one.noted_by,
            }
            for one in person.payments
        ],
        "notes": [
            {"at": local_time(one.at), "by": one.by, "text": one.text} for one in person.notes
        ],
        "changes": [
            {
                "at": local_time(entry.at),
                "who": entry.who,
                "what": entry.what,
                "before": entry.before,
                "after": entry.after,
            }
            for entry in audit.entries(session, person.number)
        ],
    }


def everything(session: Session, person: Person, *, secret: str) -> dict[str, list[Row]]:
    """Return what each table of `core.personal_data` contains about a person, by table and column.

    Also about those who were joined to them, and of somebody who was joined to another one about
    both. Without what is not named there: what repeats a value in another form, and secrets.
    """
    person = person.joined_to or person
    same = (person, *people.joined_people(session, [person]))
    numbers = {one.number for one in same}
    records = [_everything(session, one, secret, numbers) for one in same]
    joined: dict[str, list[Row]] = {}
    for record in records:
        for name, rows in record.items():  # some are found by an address that both have
            known = joined.setdefault(name, [])
            known += [row for row in rows if row not in known]
    return joined


def _everything(
    session: Session, person: Person, secret: str, numbers: Collection[str]
) -> dict[str, list[Row]]:
    record: dict[str, list[Row]] = {}
    for _data, name, columns in personal_data.tables():
        table = Model.metadata.tables[name]
        named = [table.columns[column] for column, label in columns.items() if label is not None]
        if (own := _own(session, table, person, secret)) is not None:
            query = select(*named).where(own).order_by(table.columns["id"])
            record[name] = [dict(row) for row in session.execute(query).mappings()]
    for entry in record["audit"]:
        for part in ("before", "after"):
            entry[part] = {
                name: value
                for name, value in entry[part].items()
                if not name.startswith(ABOUT_OTHERS)
                and (not name.startswith(ABOUT_JOINED) or value in numbers)
            }
    return record


def _own(session: Session, table: Table, person: Person, secret: str) -> ColumnElement[bool] | None:
    """Return the condition for the rows of a table that are about a person; None if none can be."""
    column = table.columns
    match table.name:
        case "people":
            return column["id"] == person.id
        case "accounts":
            return column["id"] == person.account_id
        case "audit":
            return column["subject"] == person.number
        case "outbox":
            requests = rights.requests_from(session, [person.email_folded])
            return column["about"].in_([person.number, *(one.reference for one in requests)])
        case "rights_requests":
            requests = rights.requests_from(session, [person.email_folded])
            return column["id"].in_([one.id for one in requests])
        case "proofs":
            member: ColumnElement[str] = ConfirmationToken.data["member"].as_string()
            return member == person.number
        case "attempts":
            return column["address"] == rate_limits.hash_of(person.email_folded, secret)
        case _ if "person_id" in column:
            return column["person_id"] == person.id
    return None


def local_time(at: datetime | None) -> str:
    """Return a time in London, for the secretary; empty for none."""
    return london_minute(at) if at else ""


def _application(application: Application) -> dict[str, Any]:
    duplicate = application.duplicate
    return {
        "membership": application.tier,
        "amount": "" if application.amount is None else str(application.amount),
        "payment": application.payment,
        "source": application.source,
        "language": application.language,
        "state": application.state,
        "sent": local_time(application.sent_at),
        "confirmed": local_time(application.verified_at),
        "paid": local_time(application.paid_at),
        "perhaps": duplicate.number if duplicate else "",
        "because": application.duplicate_reason,
    }
