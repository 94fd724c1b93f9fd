"""Tables of members: people, what they applied for, agreed to and paid, and who changed what."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from psgflask.core.database import Model

ONLINE, PAPER = "online", "paper"
STANDING_ORDER, CHEQUE = "standing order", "cheque"
POST, EMAIL = "post", "email"


class Person(Model):
    """Somebody who has applied: the one home of name, address and how to be reached.

    An erased one holds its number alone, because payments refer to it.
    """

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("language IN ('en', 'es')", name="language"),
        Index("ix_people_name_folded_postcode_folded", "name_folded", "postcode_folded"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_folded: Mapped[str] = mapped_column(String(400))
    organisation: Mapped[str] = mapped_column(String(200), default="")
    organisation_folded: Mapped[str] = mapped_column(String(400), default="")
    address: Mapped[str] = mapped_column(Text, default="")  # lines, without postcode and country
    postcode: Mapped[str] = mapped_column(String(20), default="")
    postcode_folded: Mapped[str] = mapped_column(String(20), default="")
    country: Mapped[str] = mapped_column(String(2), default="GB")
    phone: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    email_folded: Mapped[str] = mapped_column(String(254), default="", index=True)
    language: Mapped[str] = mapped_column(String(2))
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    applications: Mapped[list["Application"]] = relationship(
        back_populates="person",
        order_by="Application.id",
        cascade="all, delete-orphan",
        foreign_keys="Application.person_id",
    )
    household: Mapped[list["HouseholdMember"]] = relationship(
        order_by="HouseholdMember.position", cascade="all, delete-orphan"
    )
    consents: Mapped[list["Consent"]] = relationship(
        order_by="Consent.id", cascade="all, delete-orphan"
    )
    notes: Mapped[list["Note"]] = relationship(order_by="Note.id", cascade="all, delete-orphan")
    payments: Mapped[list["Payment"]] = relationship(
        order_by="Payment.received_on, Payment.id", passive_deletes="all"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own way


class LastNumber(Model):
    """One row: the last member number given, so that none is given twice, whoever is deleted."""

    __tablename__ = "last_member_number"

    id: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Application(Model):
    """What a person applied for, how they said they would pay, and what became of it."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint("source IN ('online', 'paper')", name="source"),
        CheckConstraint("payment IN ('standing order', 'cheque')", name="payment"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    tier: Mapped[str] = mapped_column(String(40))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))  # pounds, as it was that day
    payment: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    # Of the form that was sent, and of its answers: it is good for one application, and sent twice
    # with the same answers it is still that one.
    stamp: Mapped[str | None] = mapped_column(String(64), unique=True)
    answers: Mapped[str] = mapped_column(String(64), default="")
    sent_at: Mapped[datetime] = mapped_column(index=True)
    verified_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    # Somebody whom we may know already, and what speaks for it; for the secretary to judge.
    perhaps_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    perhaps_because: Mapped[str] = mapped_column(String(200), default="")

    person: Mapped[Person] = relationship(back_populates="applications", foreign_keys=[person_id])
    perhaps: Mapped[Person | None] = relationship(foreign_keys=[perhaps_id])


class HouseholdMember(Model):
    """One more person of a household membership, beside the one who applied."""

    __tablename__ = "household_members"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    name_folded: Mapped[str] = mapped_column(String(400))


class Consent(Model):
    """What somebody agreed to, in the very words that they saw."""

    __tablename__ = "consents"
    __table_args__ = (CheckConstraint("what IN ('post', 'email')", name="what"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(10))
    wording: Mapped[str] = mapped_column(Text)
    wording_version: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(2))
    basis: Mapped[str] = mapped_column(String(40))  # lawful basis, UK GDPR article 6
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Note(Model):
    """What the secretary wrote down about a person."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class Payment(Model):
    """Money that arrived; kept for the accounts, also after the person is erased."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(
        ForeignKey("applications.id", ondelete="SET NULL")
    )
    amount: Mapped[Decimal] = mapped_column(Numeric(8, 2))  # pounds
    method: Mapped[str] = mapped_column(String(20))
    received_on: Mapped[date]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str] = mapped_column(String(100))


class AuditEntry(Model):
    """Who changed what about a person, before and after."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(100))
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60), index=True)
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
