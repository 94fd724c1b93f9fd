"""Retention: what nobody has a reason to keep any longer goes by itself."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, rate_limits
from psgflask.members import erasure
from psgflask.members.erasure import Erased
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
    """Erase whom nothing speaks for; drop attempts and links that nobody asks for any more.

    `now` is the earliest moment that it can be (`clock.agreed`): none of this can be undone.
    """
    gone = [erasure.erase(session, person, by=BY, now=now) for person in overdue(session, now=now)]
    rate_limits.delete_expired(session, now=now)
    confirmation_tokens.delete_expired(session, now=now)
    return gone


def put_right(session: Session, *, now: datetime, latest: datetime) -> None:
    """Date as of now what was made while the clock was ahead, or it would be kept for longer.

    `latest` is the latest moment that it can be (`clock.agreed`).
    """
    session.execute(
        update(Application)
        .where(Application.source == ONLINE, Application.sent_at > latest)
        .values(sent_at=now)
        .execution_options(synchronize_session=False)
    )
    rate_limits.delete_future(session, latest=latest)
    confirmation_tokens.correct_future_dates(session, now=now, latest=latest)
