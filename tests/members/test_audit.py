import pytest
from sqlalchemy.orm import Session

from psgflask.members import audit
from psgflask.members.audit import NoteEmpty
from tests.members.people import NOW, applied


def test_a_note_has_text_and_an_audit_entry(session: Session) -> None:
    person = applied(session).person
    note = audit.add_note(session, person, " Rang on Monday. ", by="ann", now=NOW)
    assert (note.text, note.by, note.at) == ("Rang on Monday.", "ann", NOW)
    assert audit.entries(session, person.number)[-1].after == {"note": "Rang on Monday."}
    with pytest.raises(NoteEmpty):
        audit.add_note(session, person, " \n", by="ann", now=NOW)
