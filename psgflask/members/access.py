"""Everything that is held about a person, for whoever asks for it (UK GDPR, article 15)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts import rate_limits
from psgflask.accounts.models import Account, ConfirmationToken
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
                "for": token.purpose,
                "to": token.email,
                "mailed": moment(token.created_at),
                "good until": moment(token.expires_at),
                "used": moment(token.used_at),
            }
            for token in _tokens(session, person)
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
            for one in (rate_limits.attempts_of(session, person.email) if person.email else ())
        ],
    }


def _tokens(session: Session, person: Person) -> list[ConfirmationToken]:
    about = session.scalars(select(ConfirmationToken).order_by(ConfirmationToken.id))
    return [token for token in about if token.data.get("member") == person.number]
