"""Everything that is stored about a person, for the right of access (UK GDPR, article 15)."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts import rate_limits
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.core.clock import london_minute
from psgflask.mail.models import Message
from psgflask.members import audit, consents, payments, people
from psgflask.members.models import Application, Person


def record(session: Session, person: Person) -> dict[str, Any]:
    """Return what the members' tables contain about a person (JSON)."""
    channels = consents.effective(session, person)
    return {
        "number": person.number,
        "version": person.version,
        **people.details(person),
        "since": local_time(person.created_at),
        "erased": local_time(person.erased_at),
        "address confirmed": person.account_id is not None,
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


def everything(session: Session, person: Person, *, secret: str) -> dict[str, Any]:
    """Return what any table contains about a person (JSON).

    Secrets are left out: of a link, only what it is for and when it was mailed.
    """
    account = session.get(Account, person.account_id) if person.account_id else None
    member = ConfirmationToken.data["member"].as_string()
    links = select(ConfirmationToken).where(member == person.number).order_by(ConfirmationToken.id)
    mails = select(Message).where(Message.about == person.number).order_by(Message.id)
    return {
        **record(session, person),
        "account": account
        and {
            "address": account.email,
            "language": account.language,
            "opened": local_time(account.created_at),
            "confirmed": local_time(account.verified_at),
            "closed": local_time(account.closed_at),
        },
        "links mailed": [
            {
                "for": token.purpose,
                "to": token.email,
                "mailed": local_time(token.created_at),
                "good until": local_time(token.expires_at),
                "used": local_time(token.used_at),
            }
            for token in session.scalars(links)
        ],
        "mails": [
            {
                "kind": mail.kind,
                "state": mail.state,
                "to": mail.recipient,
                "posted": local_time(mail.created_at),
                "sent": local_time(mail.sent_at),
            }
            for mail in session.scalars(mails)
        ],
        "attempts of the last day": [
            {"what": one.what, "at": local_time(one.at)}
            for one in (
                rate_limits.attempts_of(session, person.email, secret=secret)
                if person.email
                else ()
            )
        ],
    }


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
