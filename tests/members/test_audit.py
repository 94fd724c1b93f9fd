from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.members import audit
from psgflask.members.audit import NoteEmpty
from psgflask.members.models import AuditEntry
from tests.members.people import NOW, applied


def test_a_note_has_text_and_an_audit_entry(session: Session) -> None:
    person = applied(session).person
    note = audit.add_note(session, person, " Rang on Monday. ", by="ann", now=NOW)
    assert (note.text, note.by, note.at) == ("Rang on Monday.", "ann", NOW)
    assert audit.entries(session, person.number)[-1].after == {"note": "Rang on Monday."}
    with pytest.raises(NoteEmpty):
        audit.add_note(session, person, " \n", by="ann", now=NOW)


def test_the_confirmation_of_a_restore_has_london_time(session: Session) -> None:
    since = datetime(2026, 7, 1, 12, tzinfo=UTC)
    audit.record_confirmation(session, since=since, by="ann", now=NOW)
    entry = session.scalars(select(AuditEntry)).one()
    assert entry.before == {"unknown since": "2026-07-01T13:00:00+01:00"}
