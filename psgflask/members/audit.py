"""The audit trail: who changed what about a person, before and after; and the secretary's notes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from psgflask.core.clock import london_iso
from psgflask.members.models import (
    USER_NAME_LENGTH,
    AuditEntry,
    MembershipRefused,
    Note,
    Person,
    check_writable,
)

ERASED = "erased"


class NoteEmpty(MembershipRefused):
    """A note without text."""

    field = "text"


def record(
    session: Session,
    person: Person,
    what: str,
    *,
    by: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Flush a change with an entry about it. `before` and `after` (JSON) contain what has changed.

    The entry names the person by member number: unlike the id of a row it is never reused.
    """
    entry = AuditEntry(
        at=now,
        who=by[:USER_NAME_LENGTH],
        what=what,
        subject=person.number,
        before=dict(before or {}),
        after=dict(after or {}),
    )
    session.add(entry)
    session.flush()


def record_erasures(
    session: Session, payments: Mapping[str, int], *, by: str, now: datetime
) -> None:
    """Add an entry for each erased member number, with how many payments are kept."""
    common = {"at": now, "who": by[:USER_NAME_LENGTH], "what": ERASED, "before": {}}
    rows = [
        {**common, "subject": number, "after": {"payments kept": count}}
        for number, count in payments.items()
    ]
    if rows:
        session.execute(insert(AuditEntry), rows)


def record_confirmation(session: Session, *, since: datetime, by: str, now: datetime) -> None:
    """Add an entry: somebody confirmed that the list of the erased has no gap after a restore."""
    entry = AuditEntry(
        at=now,
        who=by[:USER_NAME_LENGTH],
        what="confirmed the list of the erased",
        subject="",
        before={"unknown since": london_iso(since)},
        after={},
    )
    session.add(entry)
    session.flush()


def entries(session: Session, number: str) -> list[AuditEntry]:
    """Return the entries about a member number, the oldest first."""
    query = select(AuditEntry).where(AuditEntry.subject == number).order_by(AuditEntry.id)
    return list(session.scalars(query))


def redact(session: Session, numbers: Collection[str]) -> None:
    """Remove what the entries about people contain; who changed something and when stays."""
    session.execute(
        update(AuditEntry).where(AuditEntry.subject.in_(numbers)).values(before={}, after={})
    )


def add_note(session: Session, person: Person, text: str, *, by: str, now: datetime) -> Note:
    """Add a note about a person. Raises NoteEmpty and PersonErased."""
    check_writable(person)
    if not text.strip():
        raise NoteEmpty("A note cannot be empty")
    note = Note(text=text.strip(), by=by[:USER_NAME_LENGTH], at=now)
    person.notes.append(note)
    record(session, person, "noted", by=by, now=now, after={"note": note.text})
    return note
