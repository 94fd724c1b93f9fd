"""Notes: what the secretary writes down about a person."""

from datetime import datetime

from sqlalchemy.orm import Session

from psgflask.members import audit
from psgflask.members.models import Note, Person
from psgflask.members.refusals import MembershipRefused, PersonErased


class NoteEmpty(MembershipRefused):
    """A note says something."""

    field = "text"


def add(session: Session, person: Person, text: str, *, by: str, now: datetime) -> Note:
    """Write a note down. Raises NoteEmpty and PersonErased."""
    if person.erased_at is not None:
        raise PersonErased(person.number)
    if not text.strip():
        raise NoteEmpty("A note cannot be empty")
    note = Note(text=text.strip(), by=by[:100], at=now)
    person.notes.append(note)
    session.flush()
    audit.note(session, person, "noted", by=by, now=now, after={"note": note.text})
    return note
