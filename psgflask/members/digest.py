"""Mails to the secretary: one about each application, or a count when many come."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.clock import london_minute
from psgflask.mail import outbox
from psgflask.mail.models import WAITING, Message
from psgflask.members.models import ONLINE, Application, Person

ONE, MANY = "application_received", "applications_received"
# Applications within an hour that have a mail each; the rest are counted in one.
MAX_SINGLE_MAILS = 10
HOUR = timedelta(hours=1)
# A mail that is due this soon may be being sent, with its count so far.
LEAVING_SOON = timedelta(minutes=1)


def mail_secretary(session: Session, person: Person, *, now: datetime) -> None:
    """Post a mail about a new application, or count it in one that waits.

    It contains the member number alone: a mailbox may have many readers.
    """
    recent = select(func.count()).where(
        Application.source == ONLINE,
        Application.sent_at > now - HOUR,
        Application.sent_at <= now + LEAVING_SOON,  # later ones are from a clock that was ahead
    )
    if (session.scalar(recent) or 0) > MAX_SINGLE_MAILS:
        _count(session, now)
        return
    outbox.enqueue(
        session,
        kind=ONE,
        to=outbox.SECRETARY,
        language="en",
        values={"reference": person.number},
        about=person.number,
        now=now,
    )


def _count(session: Session, now: datetime) -> None:
    """Count an application in the mail that leaves within the hour; post one if there is none."""
    waiting = session.scalar(
        select(Message)
        .where(Message.kind == MANY, Message.state == WAITING, Message.due_at > now + LEAVING_SOON)
        .order_by(Message.id.desc())
        .limit(1)
    )
    if waiting is None:
        outbox.enqueue(
            session,
            kind=MANY,
            to=outbox.SECRETARY,
            language="en",
            values={"count": 1, "since": london_minute(now)},
            now=now,
            due=now + outbox.MAX_PLANNED_DELAY,
        )
    else:
        waiting.values = {**waiting.values, "count": waiting.values["count"] + 1}
        session.flush()
