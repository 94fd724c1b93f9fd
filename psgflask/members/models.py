"""Tables of members: people, applications, consents, payments, the audit trail; common errors."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    case,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from psgflask.core.database import Model
from psgflask.mail.models import MAX_ADDRESS_LENGTH

ONLINE, PAPER = "online", "paper"
STANDING_ORDER, CHEQUE = "standing order", "cheque"
METHODS = (STANDING_ORDER, CHEQUE, "bank transfer", "cash")
POST, EMAIL = "post", "email"
# What somebody can ask for by law, and what came of it.
ACCESS, CORRECTION, ERASURE, COMPLAINT = "access", "correction", "erasure", "complaint"
RIGHTS = (COMPLAINT, ACCESS, CORRECTION, ERASURE)
DONE, PARTLY, REFUSED = "done", "partly", "refused"
OUTCOMES = (DONE, PARTLY, REFUSED)
REFERENCE_PREFIX = "R-"  # of requests
# The states of an application; a person's renewal is due when only earlier years are paid for.
PAID, CONFIRMED, UNCONFIRMED, ON_PAPER = "paid", "unpaid", "address not confirmed", "unpaid, paper"
RENEWAL_DUE = "renewal due"
RESIGNED, DIED = "resigned", "died"  # why somebody is no longer a member
JOINED, NOT_THE_SAME = "joined", "not the same"  # what a possible duplicate turned out to be
STATES = (PAID, RENEWAL_DUE, CONFIRMED, UNCONFIRMED, ON_PAPER, RESIGNED, DIED, JOINED)

# Characters; names and postcodes are stored a second time, folded, which can lengthen a name.
NAME_LENGTH, POSTCODE_LENGTH, PHONE_LENGTH = 200, 20, 40
FOLDED_NAME_LENGTH = 2 * NAME_LENGTH
BOUNCE_REASON_LENGTH = 300
USER_NAME_LENGTH = 100  # of who runs a command


class MembershipRefused(Exception):
    """The base of what the rules refuse: a message for people, and the field that it is about."""

    field = ""


class PersonErased(MembershipRefused):
    """Nothing can be added to somebody who was erased."""

    field = "number"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} was erased: only the payments are kept")


class PersonJoined(MembershipRefused):
    """What somebody has is that of the person whom they were joined to."""

    field = "number"

    def __init__(self, number: str, into: str) -> None:
        super().__init__(f"{number} was joined to {into}: use that number, or separate them first")


class PersonDied(MembershipRefused):
    """Nobody writes to somebody who has died."""

    field = "number"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} has died: nothing is sent to them")


class Person(Model):
    """Somebody who has applied: name, address, telephone and e-mail address are stored here alone.

    Of an erased person only the number is left, because payments refer to it.
    """

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("language IN ('en', 'es')", name="language"),
        CheckConstraint(f"left_reason IN {('', RESIGNED, DIED)}", name="left_reason"),
        Index("ix_people_name_folded_postcode_folded", "name_folded", "postcode_folded"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    name_folded: Mapped[str] = mapped_column(String(FOLDED_NAME_LENGTH))
    organisation: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    organisation_folded: Mapped[str] = mapped_column(String(FOLDED_NAME_LENGTH), default="")
    address: Mapped[str] = mapped_column(Text, default="")  # lines, without postcode and country
    postcode: Mapped[str] = mapped_column(String(POSTCODE_LENGTH), default="")
    postcode_folded: Mapped[str] = mapped_column(String(POSTCODE_LENGTH), default="")
    country: Mapped[str] = mapped_column(String(2), default="GB")
    phone: Mapped[str] = mapped_column(String(PHONE_LENGTH), default="")
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), default="")
    email_folded: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), default="", index=True)
    # When mail to this address last came back, and why; nothing since the address was confirmed.
    bounced_at: Mapped[datetime | None]
    bounce_reason: Mapped[str] = mapped_column(String(BOUNCE_REASON_LENGTH), default="")
    language: Mapped[str] = mapped_column(String(2))
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    left_reason: Mapped[str] = mapped_column(String(10), default="")  # RESIGNED, DIED or ""
    left_on: Mapped[date | None]
    # The same person under another number, and the ids of the rows that were moved there, by table
    # (of "people": who had been joined to this one; of "accounts": that of this one, if the other
    # one had none). Nobody is joined to somebody who is joined.
    joined_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    joined_rows: Mapped[dict[str, list[int]]] = mapped_column(JSON, default=dict)
    version: Mapped[int] = mapped_column(default=1)

    joined_to: Mapped["Person | None"] = relationship(remote_side=[id])
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

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # as SQLAlchemy declares it


def check_writable(person: Person) -> None:
    """Check that something can be recorded about a person. Raises PersonErased and PersonJoined."""
    if person.erased_at is not None:
        raise PersonErased(person.number)
    if person.joined_to is not None:
        raise PersonJoined(person.number, person.joined_to.number)


class LastNumber(Model):
    """One row: the last member number issued, so that none is issued twice after a deletion."""

    __tablename__ = "last_member_number"

    id: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Application(Model):
    """What a person applied for, how they will pay, and how far the application has come."""

    __tablename__ = "applications"
    __table_args__ = (
        CheckConstraint("source IN ('online', 'paper')", name="source"),
        CheckConstraint(
            f"duplicate_decision IN {('', NOT_THE_SAME, JOINED)}", name="duplicate_decision"
        ),
        CheckConstraint(f"payment IN {METHODS}", name="payment"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    tier: Mapped[str] = mapped_column(String(40))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))  # pounds, as it was that day
    payment: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    # A form is valid for one application: sent again with the same answers it is still that one.
    form_hash: Mapped[str | None] = mapped_column("stamp", String(64), unique=True)
    answers_hash: Mapped[str] = mapped_column("answers", String(64), default="")
    sent_at: Mapped[datetime] = mapped_column(index=True)
    verified_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    # An earlier person who may be the same, and why; the secretary decides.
    duplicate_id: Mapped[int | None] = mapped_column(
        "perhaps_id", ForeignKey("people.id", ondelete="SET NULL")
    )
    duplicate_reason: Mapped[str] = mapped_column("perhaps_because", String(200), default="")
    duplicate_decision: Mapped[str] = mapped_column(String(12), default="")

    person: Mapped[Person] = relationship(back_populates="applications", foreign_keys=[person_id])
    duplicate: Mapped[Person | None] = relationship(foreign_keys=[duplicate_id])

    @hybrid_property
    def state(self) -> str:
        """How far the application has come: one of STATES."""
        if self.paid_at is not None:
            return PAID
        if self.source != ONLINE:
            return ON_PAPER
        return UNCONFIRMED if self.verified_at is None else CONFIRMED

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> ColumnElement[str]:
        return case(
            (cls.paid_at.is_not(None), PAID),
            (cls.source != ONLINE, ON_PAPER),
            (cls.verified_at.is_(None), UNCONFIRMED),
            else_=CONFIRMED,
        )


class HouseholdMember(Model):
    """Another person of a household membership, besides the one who applied."""

    __tablename__ = "household_members"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    name_folded: Mapped[str] = mapped_column(String(FOLDED_NAME_LENGTH))


class Consent(Model):
    """What somebody agreed to, in the exact words that they saw."""

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
    """A note of the secretary about a person."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(USER_NAME_LENGTH))
    at: Mapped[datetime]


class Payment(Model):
    """Money that arrived, or the reversal of an earlier row, whose amount is negative.

    Retained for the accounts after the person is erased, and never deleted.
    """

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(
        ForeignKey("applications.id", ondelete="SET NULL")
    )
    amount: Mapped[Decimal] = mapped_column(Numeric(8, 2))  # pounds
    method: Mapped[str] = mapped_column(String(20))
    received_on: Mapped[date]
    year: Mapped[int | None]  # that it pays for; none if it pays for life
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    noted_at: Mapped[datetime]
    noted_by: Mapped[str] = mapped_column(String(USER_NAME_LENGTH))


class AuditEntry(Model):
    """Who changed what about a person, before and after."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(USER_NAME_LENGTH))
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60), index=True)
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class RightsRequest(Model):
    """A complaint, or a request for access, correction or erasure, and what came of it.

    From whoever filled in the form: it refers to no person, who may be unknown.
    """

    __tablename__ = "rights_requests"
    __table_args__ = (
        CheckConstraint("right IN ('complaint', 'access', 'correction', 'erasure')", name="right"),
        CheckConstraint("outcome IN ('', 'done', 'partly', 'refused')", name="outcome"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    right: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH))
    email_folded: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), index=True)
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2))
    form_hash: Mapped[str] = mapped_column(String(64), unique=True)
    answers_hash: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime] = mapped_column(index=True)
    due_on: Mapped[date]
    acknowledged_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(String(USER_NAME_LENGTH), default="")
    outcome: Mapped[str] = mapped_column(String(10), default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    # Its person was erased before it was answered: what it holds of them goes with the answer.
    empty_when_answered: Mapped[bool] = mapped_column(default=False)

    @property
    def reference(self) -> str:
        """What it is called in mails and by the secretary: "R-17"."""
        return f"{REFERENCE_PREFIX}{self.id}"
