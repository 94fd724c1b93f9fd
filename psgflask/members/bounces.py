"""Bounces on people: mail to somebody's address comes back, until they have another one."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_addresses
from psgflask.accounts.email_addresses import InvalidEmailAddress
from psgflask.accounts.email_confirmation import KNOWN, NEW
from psgflask.mail.bounces import Bounce
from psgflask.mail.models import Message
from psgflask.mail.outbox import on_undeliverable
from psgflask.members import audit
from psgflask.members.models import (
    BOUNCE_REASON_LENGTH,
    DIED,
    MembershipRefused,
    Person,
    check_writable,
)

BY_MAIL_SERVER = "mail server"


class NobodyBounced(MembershipRefused):
    """A bounce is about nobody in the list, or it is unclear about whom."""


class NothingToClear(MembershipRefused):
    """No bounce is recorded."""


def with_address(session: Session, text: str) -> list[Person]:
    """Return the people with an e-mail address, by number. Raises InvalidEmailAddress."""
    email = email_addresses.normalise(text)
    query = select(Person).where(Person.email_folded == email, Person.joined_id.is_(None))
    return list(session.scalars(query.order_by(Person.id)))


def people_of(session: Session, bounce: Bounce) -> list[Person]:
    """Return the people whom a bounce is about: by our mail that came back, else by address.

    Raises NobodyBounced.
    """
    # Mails about somebody go to the secretary too.
    ours = select(Message).where(
        Message.message_id == bounce.message_id, Message.kind.in_((NEW, KNOWN))
    )
    message = session.scalar(ours) if bounce.message_id else None
    about = message.about if message and not _has_other_address(session, message) else None
    folded = []
    for address in bounce.addresses:
        try:
            folded.append(email_addresses.normalise(address))
        except InvalidEmailAddress:
            continue
    known = or_(Person.email_folded.in_(folded), Person.number == (about or None))
    found = list(session.scalars(select(Person).where(known, Person.joined_id.is_(None))))
    by_mail = [person for person in found if about and person.number == about]
    if by_mail:
        return by_mail
    if len({person.email_folded for person in found}) == 1 or (found and bounce.certain):
        return found
    if found:
        names = ", ".join(person.email for person in found)
        raise NobodyBounced(f"It names {names}: write the address that failed in its place")
    names = ", ".join(bounce.addresses) or "no address"
    raise NobodyBounced(f"It names {names}: nobody has that")


def _has_other_address(session: Session, message: Message) -> bool:
    """Say whether somebody's e-mail address was corrected after a mail about them was enqueued.

    The mail does not say to which it went: it is emptied once it is sent.
    """
    corrections = (
        entry
        for entry in audit.entries(session, message.about)
        if entry.what == "corrected" and entry.at >= message.created_at
    )
    return any("email" in entry.after for entry in corrections)


def count(session: Session) -> int:
    """Count the people whose mail comes back, and to whom there is still something to send."""
    bounced = Person.bounced_at.is_not(None), Person.joined_id.is_(None)
    query = select(func.count(Person.id)).where(*bounced, Person.left_reason != DIED)
    return session.scalar(query) or 0


def record(session: Session, person: Person, reason: str, *, by: str, now: datetime) -> None:
    """Record that mail to a person comes back. Raises PersonErased and PersonJoined."""
    check_writable(person)
    before = {"bounce": person.bounce_reason} if person.bounced_at else {}
    person.bounced_at, person.bounce_reason = now, reason[:BOUNCE_REASON_LENGTH]
    after = {"email": person.email, "bounce": person.bounce_reason}
    audit.record(session, person, "bounced", by=by, now=now, before=before, after=after)


def clear(session: Session, person: Person, *, by: str, now: datetime) -> None:
    """Remove what `record` recorded: mail arrives. Raises NothingToClear, PersonJoined."""
    check_writable(person)
    if person.bounced_at is None:
        raise NothingToClear(f"No bounce is recorded for {person.number}")
    before = {"bounce": person.bounce_reason}
    person.bounced_at, person.bounce_reason = None, ""
    audit.record(session, person, "bounce cleared", by=by, now=now, before=before)


@on_undeliverable
def record_undeliverable(session: Session, message: Message, reason: str, now: datetime) -> None:
    """Record a bounce when the mail server refuses a mail to somebody's present address."""
    person = session.scalar(select(Person).where(Person.number == message.about))
    person = person and (person.joined_to or person)
    if person is None or person.erased_at is not None or not message.recipient:
        return
    with suppress(InvalidEmailAddress):
        # Not when the address was corrected since the mail was enqueued.
        if email_addresses.normalise(message.recipient) == person.email_folded:
            record(session, person, reason, by=BY_MAIL_SERVER, now=now)
