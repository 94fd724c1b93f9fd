"""Retention: what nobody has a reason to keep any longer goes by itself."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from psgflask.accounts import limits, proofs
from psgflask.members import erasing
from psgflask.members.erasing import Erased
from psgflask.members.models import ONLINE, Application, Note, Payment, Person

# CHECKS S3: whoever wanted to join has been able to say so for three months.
UNVERIFIED_FOR = timedelta(days=90)
BY = "retention"


def overdue(session: Session, *, now: datetime) -> list[Person]:
    """Return whom nothing speaks for any longer.

    All that there is of them is applications online, sent long ago, whose address was never
    proved; no payment and no note.
    """
    of_them = Application.person_id == Person.id
    speaks = (
        exists().where(of_them, Application.source != ONLINE)
        | exists().where(of_them, Application.verified_at.is_not(None))
        | exists().where(of_them, Application.sent_at > now - UNVERIFIED_FOR)
        | exists().where(Payment.person_id == Person.id)
        | exists().where(Note.person_id == Person.id)
    )
    applied = exists().where(of_them)
    gone = select(Person).where(applied, ~speaks, Person.erased_at.is_(None))
    return list(session.scalars(gone.order_by(Person.id)))


def tidy(session: Session, *, now: datetime) -> list[Erased]:
    """Erase whom nothing speaks for; drop attempts and links that nobody asks for any more."""
    gone = [erasing.erase(session, person, by=BY, now=now) for person in overdue(session, now=now)]
    limits.trim(session, now=now)
    proofs.trim(session, now=now)
    return gone
