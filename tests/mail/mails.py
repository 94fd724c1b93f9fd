"""Mails as packages enqueue them."""

from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.database import db
from psgflask.mail import outbox
from psgflask.mail.models import Message

TOKEN = "Zm9yLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LWF0LWFsbA"
LINK = f"https://psg.example/accounts/join/{TOKEN}"
VALUES = {
    **{"name": "Ana Quispe", "reference": "PSG 1042-7", "hours": 72, "link": LINK},
    **{"right": "complaint", "sent": "1 July 2026", "due": "31 July 2026", "outcome": "done"},
    "paragraphs": ["Here is our answer.", "It has two paragraphs."],
    **{"count": 17, "since": "2026-07-01 10:05"},
}
KINDS = (
    *("application_received", "applications_received", "test", "verify", "verify_known"),
    *("rights_received", "rights_answered", "rights_to_secretary"),
)


def post(session: Session, now: datetime, to: str = "ana@example.org", **given: Any) -> Message:
    """Post a mail that asks for an address to be confirmed, and commit."""
    values = {**VALUES, **given.pop("values", {})}
    message = outbox.enqueue(
        session,
        kind=given.pop("kind", "verify"),
        to=to,
        language=given.pop("language", "en"),
        values=values,
        now=now,
        **given,
    )
    session.commit()
    return message


def rows(app: Flask) -> dict[int, Message]:
    """Return the outbox as the database has it now, by id."""
    with app.app_context(), Session(db.engine) as session:
        found = {message.id: message for message in session.scalars(select(Message))}
        session.expunge_all()
        return found


def only(app: Flask) -> Message:
    """Return the one mail of the outbox."""
    (message,) = rows(app).values()
    return message
