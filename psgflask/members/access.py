"""Everything that is held about a person, for whoever asks for it (UK GDPR, article 15)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts import limits
from psgflask.accounts.models import Account, Proof
from psgflask.mail.models import Message
from psgflask.members import applications, audit, consents
from psgflask.members.cli import output
from psgflask.members.cli.output import moment
from psgflask.members.models import Person


def everything(session: Session, person: Person) -> dict[str, Any]:
    """Return all that is held about a person, from every table that can hold something (JSON).

    Secrets are left out: of a link, what it was for and when, not what would open it.
    """
    reached = consents.effective(session, [person])[person.id]
    account = session.get(Account, person.account_id) if person.account_id else None
    return {
        **output.sheet(person, audit.of(session, person.number), reached),
        "account": account
        and {
            "address": account.email,
            "language": account.language,
            "opened": moment(account.created_at),
            "confirmed": moment(account.verified_at),
            "closed": moment(account.closed_at),
        },
        "links mailed": [
            {
                "for": proof.purpose,
                "to": proof.email,
                "mailed": moment(proof.created_at),
                "good until": moment(proof.expires_at),
                "used": moment(proof.used_at),
            }
            for proof in _proofs(session, person)
        ],
        "mails": [
            {
                "kind": mail.kind,
                "state": mail.state,
                "to": mail.recipient,
                "posted": moment(mail.created_at),
                "sent": moment(mail.sent_at),
            }
            for mail in session.scalars(
                select(Message)
                .where(Message.about == applications.about(person))
                .order_by(Message.id)
            )
        ],
        "attempts of the last day": [
            {"what": one.what, "from network": one.network, "at": moment(one.at)}
            for one in (limits.of(session, person.email) if person.email else ())
        ],
    }


def _proofs(session: Session, person: Person) -> list[Proof]:
    about = session.scalars(select(Proof).order_by(Proof.id))
    return [proof for proof in about if proof.data.get("member") == person.number]
