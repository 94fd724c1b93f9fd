from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import Account
from psgflask.members import audit, correcting, notes, people
from psgflask.members.notes import NoteEmpty
from psgflask.members.refusals import ChangedMeanwhile, NothingToChange
from tests.members.people import NOW, applied, link_of, tier, verified


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "María Ruiz"},
        {"organisation": "Café Perú"},
        {"address": "2 Alpaca Road\nYork"},
        {"postcode": "YO1 7HH", "phone": ""},
        {"email": ""},
        {"language": "es", "country": "PE"},
        {"household": ("Ana", "Tom")},
    ],
)
def test_a_correction_leaves_what_was_before_in_the_audit_alone(
    session: Session, changes: dict[str, Any]
) -> None:
    person = applied(session).person
    version = person.version
    correcting.correct(session, person, changes, by="ann", now=NOW)
    entry = audit.of(session, person.number)[-1]
    assert (entry.what, entry.who) == ("corrected", "ann")
    assert set(entry.before) == set(entry.after) == set(changes)
    assert entry.before != entry.after
    assert person.version > version


def test_who_is_corrected_is_found_by_what_holds_now(session: Session) -> None:
    person = applied(session).person
    changes = {"name": "Luz Ñahui", "postcode": "YO1 7HH", "email": "luz@example.org"}
    correcting.correct(session, person, changes, by="ann", now=NOW)
    for text in ("nahui", "yo17hh", "LUZ@example.org"):
        assert people.find(session, text) == [person]
    for text in ("castaneda", "ls14dy", "maria@example.org"):
        assert people.find(session, text) == []


def test_a_household_of_other_names_keeps_their_order(session: Session) -> None:
    person = applied(session, tier=tier("household", "household"), household=("Ana", "Tom")).person
    correcting.correct(session, person, {"household": ("Zoe", "Ana")}, by="ann", now=NOW)
    session.expire_all()
    assert [(one.position, one.name) for one in person.household] == [(1, "Zoe"), (2, "Ana")]


def test_nothing_changed_is_said_and_leaves_no_trace(session: Session) -> None:
    person = applied(session).person
    with pytest.raises(NothingToChange):
        correcting.correct(session, person, {"name": person.name}, by="ann", now=NOW)
    assert [entry.what for entry in audit.of(session, person.number)] == ["applied"]


def test_r7_who_looked_before_another_changed_it_changes_nothing(session: Session) -> None:
    person = applied(session).person
    seen = person.version
    correcting.correct(session, person, {"phone": "1"}, by="ann", now=NOW, version=seen)
    with pytest.raises(ChangedMeanwhile) as refused:
        correcting.correct(session, person, {"phone": "2"}, by="ben", now=NOW, version=seen)
    assert person.phone == "1"
    assert refused.value.version == person.version


def test_a_new_address_ends_the_links_and_the_account_of_the_old(session: Session) -> None:
    application = verified(session, applied(session))
    token = link_of(session, application)
    person = application.person
    correcting.correct(session, person, {"email": "new@example.org"}, by="ann", now=NOW)
    assert person.account_id is None
    assert session.scalar(select(func.count(Account.id))) == 0
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)


def test_an_account_that_others_share_outlives_a_correction(session: Session) -> None:
    one, two = verified(session, applied(session)), verified(session, applied(session))
    correcting.correct(session, one.person, {"email": ""}, by="ann", now=NOW)
    assert one.person.account_id is None
    assert two.person.account_id is not None


def test_the_same_address_typed_otherwise_stays_proved(session: Session) -> None:
    person = verified(session, applied(session)).person
    correcting.correct(session, person, {"email": "Maria@Example.org"}, by="ann", now=NOW)
    assert person.account_id is not None


def test_a_note_says_something_and_leaves_a_trace(session: Session) -> None:
    person = applied(session).person
    note = notes.add(session, person, " Rang on Monday. ", by="ann", now=NOW)
    assert (note.text, note.by, note.at) == ("Rang on Monday.", "ann", NOW)
    assert audit.of(session, person.number)[-1].after == {"note": "Rang on Monday."}
    with pytest.raises(NoteEmpty):
        notes.add(session, person, " \n", by="ann", now=NOW)
