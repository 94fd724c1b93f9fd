"""The table of the outbox: every mail that is to be sent, and for a while those that were."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.database import Model

WAITING, SENT, DEAD, VOID = "waiting", "sent", "dead", "void"

MAX_ADDRESS_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the two angle brackets


class Message(Model):
    """One mail to one recipient; once sent it contains neither address nor contents.

    A void one is never sent: it costs the same work, so that timing reveals nothing.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'dead', 'void')", name="state"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
        Index("ix_outbox_state_due_at", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # The left half of its Message-ID: the same at every try, so that duplicates can be recognised.
    message_id: Mapped[str] = mapped_column(String(120), unique=True)
    # Unique for a mail that must be sent only once.
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH))
    language: Mapped[str] = mapped_column(String(2))
    values: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Whom or what it concerns, in the terms of the package that enqueued it: "person 12".
    about: Mapped[str] = mapped_column(String(60), default="", index=True)
    state: Mapped[str] = mapped_column(String(10), default=WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    # It is given up five days after this; `flask mail retry` resets it.
    waiting_since: Mapped[datetime]
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    # Since when nobody need look at a dead one: a person dismissed it, or a later mail replaced it.
    dismissed_at: Mapped[datetime | None]
