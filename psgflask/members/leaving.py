"""Leaving: who resigned or died, and that nothing is sent to the dead."""

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens
from psgflask.core.clock import london_day
from psgflask.mail import outbox
from psgflask.members import audit
from psgflask.members.models import (
    DIED,
    MembershipRefused,
    Person,
    PersonDied,
    check_writable,
)
from psgflask.members.people import NothingToChange, joined_people


class LeavingRefused(MembershipRefused):
    """Somebody cannot leave then, or has not left."""


class LinkRefused(MembershipRefused):
    """A link that confirms the address is of no use to somebody."""

    field = "email"


def leave(
    session: Session, person: Person, reason: str, *, on: date, by: str, now: datetime
) -> None:
    """Record that somebody resigned or died, with an audit entry.

    To the dead nothing is sent: their unsent mails and their links are deleted, and `mail_link`
    and `consents.in_effect` know of them. Raises PersonErased, PersonJoined, NothingToChange and
    LeavingRefused.
    """
    check_writable(person)
    if on > london_day(now):
        raise LeavingRefused(f"{on} is still to come: record it on the day")
    before = _leaving(person)
    person.left_reason, person.left_on = reason, on
    if before == _leaving(person):
        raise NothingToChange(person.number)
    if reason == DIED:
        numbers = [one.number for one in (person, *joined_people(session, [person]))]
        outbox.delete_unsent(session, numbers)
        confirmation_tokens.revoke(session, data={"member": numbers})
    audit.record(session, person, reason, by=by, now=now, before=before, after=_leaving(person))


def reinstate(session: Session, person: Person, *, by: str, now: datetime) -> None:
    """Record that somebody is a member again, or never left.

    Raises PersonErased, PersonJoined and LeavingRefused.
    """
    check_writable(person)
    if not person.left_reason:
        raise LeavingRefused(f"{person.number} has not left: there is nothing to take back")
    before = _leaving(person)
    person.left_reason, person.left_on = "", None
    audit.record(
        session, person, "reinstated", by=by, now=now, before=before, after=_leaving(person)
    )


def count_died(session: Session) -> int:
    """Return how many people have died, of those who are not erased."""
    died = select(func.count(Person.id)).where(Person.left_reason == DIED)
    return session.scalar(died) or 0


def check_needs_link(person: Person) -> None:
    """Check that a link can confirm a person's address.

    Raises PersonErased, PersonJoined, PersonDied and LinkRefused.
    """
    check_writable(person)
    if person.left_reason == DIED:
        raise PersonDied(person.number)
    if not person.email:
        raise LinkRefused(f"{person.number} has no e-mail address to mail a link to")
    if person.account_id is not None:
        raise LinkRefused(f"{person.number} has confirmed {person.email} already")
    if not person.applications:
        raise LinkRefused(f"{person.number} has no application to confirm")


def _leaving(person: Person) -> dict[str, str]:
    return {
        "left": person.left_reason,
        "left on": person.left_on.isoformat() if person.left_on else "",
    }
