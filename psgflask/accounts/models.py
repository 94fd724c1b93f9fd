"""Tables: accounts, confirmation tokens of addresses, and attempts counted by rate limits."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.database import Model
from psgflask.mail.models import MAX_ADDRESS_LENGTH

HASH_LENGTH = 32  # hexadecimal digits


class Account(Model):
    """A confirmed e-mail address; a household may share one."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("language IN ('en', 'es')", name="language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), unique=True)  # normalised
    language: Mapped[str] = mapped_column(String(2))
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ConfirmationToken(Model):
    """The token of a mailed link that confirms an address; valid once."""

    __tablename__ = "proofs"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Attempt(Model):
    """One attempt that rate limits count: networks, address and mailbox, all as keyed hashes."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_what_mailbox_at", "what", "mailbox", "at"),
        Index("ix_attempts_what_network_at", "what", "network", "at"),
        Index("ix_attempts_what_wide_at", "what", "wide", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(HASH_LENGTH))
    mailbox: Mapped[str] = mapped_column(String(HASH_LENGTH))
    network: Mapped[str] = mapped_column(String(HASH_LENGTH))
    wide: Mapped[str] = mapped_column(String(HASH_LENGTH))
    at: Mapped[datetime] = mapped_column(index=True)
