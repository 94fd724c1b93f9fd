"""Who changed what about a person, before and after: every write leaves a row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from psgflask.members.models import AuditEntry, Person

LONGEST_WHO = 100


def note(
    session: Session,
    person: Person,
    what: str,
    *,
    by: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down one change. `before` and `after` are JSON: what is not in them did not change.

    A person is named by the member number: the number of a row can come again, this one cannot.
    """
    entry = AuditEntry(
        at=now,
        who=by[:LONGEST_WHO],
        what=what,
        subject=person.number,
        before=dict(before or {}),
        after=dict(after or {}),
    )
    session.add(entry)
    session.flush()
    return entry


def of(session: Session, number: str) -> list[AuditEntry]:
    """Return what was written down about somebody, the oldest first."""
    about = select(AuditEntry).where(AuditEntry.subject == number).order_by(AuditEntry.id)
    return list(session.scalars(about))


def blank(session: Session, number: str) -> None:
    """Take out what the changes of somebody said; that there were some, by whom and when, stays."""
    session.execute(
        update(AuditEntry).where(AuditEntry.subject == number).values(before={}, after={})
    )
