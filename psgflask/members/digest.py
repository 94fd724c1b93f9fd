"""What the secretary is mailed: of each application, or, when many come, how many there were."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.clock import london_minute
from psgflask.mail import outbox
from psgflask.mail.models import WAITING, Message
from psgflask.members.models import ONLINE, Application, Person

ONE, MANY = "application_received", "applications_received"
# Applications within an hour of which each has a mail of its own; the rest are counted in one.
SINGLY = 10
HOUR = timedelta(hours=1)
# A mail that is due this soon may be on its way already, with what it said before.
ON_ITS_WAY = timedelta(minutes=1)


def tell(session: Session, person: Person, *, about: str, now: datetime) -> None:
    """Post the secretary's mail of an application that was kept, or count it in one that waits.

    Such a mail holds a number alone, for mails are read by many.
    """
    recent = select(func.count()).where(
        Application.source == ONLINE,
        Application.sent_at > now - HOUR,
        Application.sent_at <= now + ON_ITS_WAY,  # later ones a clock that was ahead has dated
    )
    if (session.scalar(recent) or 0) > SINGLY:
        _count(session, now)
        return
    outbox.enqueue(
        session,
        kind=ONE,
        to=outbox.SECRETARY,
        language="en",
        values={"reference": person.number},
        about=about,
        now=now,
    )


def _count(session: Session, now: datetime) -> None:
    """Count an application in the mail that leaves within the hour, begun if there is none."""
    waiting = session.scalar(
        select(Message)
        .where(Message.kind == MANY, Message.state == WAITING, Message.due_at > now + ON_ITS_WAY)
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
