"""People are found as the secretary knows them, noticed when they apply again, and corrected."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import Account
from psgflask.members import audit, erasure, people
from psgflask.members.duplicates import (
    IN_HOUSEHOLD,
    SAME_EMAIL,
    SAME_NAME,
    SAME_ORGANISATION,
)
from psgflask.members.models import PAPER, Person
from psgflask.members.numbers import NumberUnreadable
from psgflask.members.people import ChangedMeanwhile, NothingToChange, PersonNotFound
from tests.members.people import NOW, applied, link_of, tier, verified


def found(session: Session, text: str) -> list[Person]:
    return [summary.person for summary in people.find(session, text, year=NOW.year)]


@pytest.fixture
def five(session: Session) -> dict[str, Person]:
    """Five people, by a word for each."""
    home, group = tier("household", "household"), tier("organisation", "organisation")
    return {
        "maria": applied(session).person,
        "jose": applied(
            session, name="José Núñez", email="jose@example.net", postcode="SW1A 1AA"
        ).person,
        "obrien": applied(
            session,
            name="Anne-Marie O’Brien",
            tier=home,
            household=("Tomás Ñahui",),
            email="",
            postcode="M1 1AA",
        ).person,
        "cafe": applied(
            session,
            name="Luis Díaz",
            tier=group,
            organisation="Café Perú 100%",
            email="luis@cafe.example",
            postcode="",
        ).person,
        "sukarno": applied(
            session, name="Sukarno", email="", postcode="15001", country="PE"
        ).person,
    }


@pytest.mark.parametrize(
    ("text", "who"),
    [
        *(("castañeda", {"maria"}), ("CASTANEDA", {"maria"}), ("casta", {"maria"})),
        *(("nunez jose", {"jose"}), ("Núñez, José", {"jose"}), ("j n", {"jose"})),
        *(("OBrien", {"obrien"}), ("o'brien", {"obrien"}), ("anne marie", {"obrien"})),
        *(("nahui", {"obrien"}), ("tomas", {"obrien"}), ("cafe peru", {"cafe"})),
        *(("100%", {"cafe"}), ("diaz", {"cafe"}), ("sukarno", {"sukarno"})),
        *(("ls14dy", {"maria"}), ("LS1 4DY", {"maria"}), ("sw1a1aa", {"jose"})),
        *(("15001", {"sukarno"}), ("JOSE@example.net", {"jose"}), ("@cafe.example", {"cafe"})),
        *(("maria@", {"maria"}), ("eda", set()), ("maria nunez", set()), ("%", set())),
        *(("_", set()), ("", set()), ("@", {"maria", "jose", "cafe"})),
    ],
)
def test_people_are_found_by_name_organisation_email_or_postcode(
    session: Session, five: dict[str, Person], text: str, who: set[str]
) -> None:
    matches = found(session, text)
    assert {name for name, person in five.items() if person in matches} == who
    assert len(matches) == len(who)


def test_people_are_found_by_number_however_it_is_typed(
    session: Session, five: dict[str, Person]
) -> None:
    number = five["jose"].number
    for typed in (number, number.lower(), number[4:], number[4:].replace("-", "")):
        assert found(session, typed) == [five["jose"]]
        assert people.by_number(session, typed) is five["jose"]


def test_an_unused_number_and_an_invalid_one_are_refused_differently(session: Session) -> None:
    with pytest.raises(PersonNotFound, match="PSG 1042-9"):
        people.by_number(session, "1042-9")
    with pytest.raises(NumberUnreadable):
        people.by_number(session, "1042-8")


def test_matches_are_in_order_of_their_names(session: Session, five: dict[str, Person]) -> None:
    assert [person.name for person in found(session, "@")] == [
        "José Núñez",
        "Luis Díaz",
        "María Castañeda",
    ]


def test_a_first_application_is_no_duplicate(session: Session) -> None:
    application = applied(session)
    assert (application.duplicate, application.duplicate_reason) == (None, "")


@pytest.mark.parametrize(
    "typed", ["MARIA@EXAMPLE.ORG", " maria@example.org", "<maria@Example.Org>"]
)
def test_the_same_address_is_noticed_however_it_is_typed(session: Session, typed: str) -> None:
    first = applied(session)
    second = applied(session, email=typed, name="M. C.", postcode="M1 1AA")
    assert (second.duplicate, second.duplicate_reason) == (first.person, SAME_EMAIL)


@pytest.mark.parametrize(
    ("name", "postcode"),
    [
        ("maria castaneda", "ls14dy"),
        ("MARÍA  CASTAÑEDA", "LS1 4DY"),
        ("Mari\u0301a Castan\u0303eda", "Ls1  4dY"),
        ("María-Castañeda", "LS1-4DY"),
    ],
)
def test_the_same_name_at_the_same_postcode_is_noticed(
    session: Session, name: str, postcode: str
) -> None:
    first = applied(session)
    second = applied(session, name=name, postcode=postcode, email="other@example.org")
    assert (second.duplicate, second.duplicate_reason) == (first.person, SAME_NAME)


def test_a_possible_duplicate_stays_a_separate_person(session: Session) -> None:
    first, second = applied(session), applied(session)
    assert second.duplicate is first.person
    assert second.duplicate_reason == f"{SAME_EMAIL}, {SAME_NAME}"
    assert first.person.number != second.person.number
    assert session.scalar(select(func.count(Person.id))) == 2


def test_the_likeliest_duplicate_is_named_and_of_equals_the_earliest(session: Session) -> None:
    shares_address = applied(session, name="Luis", postcode="M1 1AA")
    all_alike = applied(session)
    third = applied(session)
    assert third.duplicate is all_alike.person
    fourth = applied(session, name="Pedro", postcode="M1 1AB")
    assert fourth.duplicate is shares_address.person


def test_a_member_of_a_household_who_applies_alone_is_noticed(session: Session) -> None:
    home = applied(session, tier=tier("household", "household"), household=("Ana Núñez",), email="")
    alone = applied(session, name="ana nunez", email="")
    assert (alone.duplicate, alone.duplicate_reason) == (home.person, IN_HOUSEHOLD)


def test_an_organisation_with_another_contact_is_noticed(session: Session) -> None:
    group = tier("organisation", "organisation")
    first = applied(session, tier=group, organisation="Café Perú", email="")
    second = applied(session, tier=group, organisation="CAFE PERU", name="Other", email="")
    assert (second.duplicate, second.duplicate_reason) == (first.person, SAME_ORGANISATION)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "María Castañeda Ruiz", "email": "other@example.org"},
        {"postcode": "LS1 4DZ", "email": "other@example.org"},
        {"name": "Luis", "postcode": "M1 1AA", "email": "maria@example.net"},
    ],
)
def test_a_merely_similar_person_is_no_duplicate(session: Session, other: dict[str, Any]) -> None:
    applied(session)
    assert applied(session, **other).duplicate is None


def test_two_empty_values_are_not_the_same(session: Session) -> None:
    applied(session, email="", postcode="", source=PAPER)
    assert applied(session, email="", postcode="", source=PAPER).duplicate is None


def test_an_erased_person_is_nobodys_duplicate(session: Session) -> None:
    first = applied(session)
    second = applied(session)
    erasure.erase(session, [first.person], by="ann", now=NOW)
    session.expire_all()
    assert (second.duplicate, second.duplicate_reason) == (None, "")
    third = applied(session)
    assert third.duplicate is second.person


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
def test_a_correction_leaves_the_previous_value_in_the_audit_trail_alone(
    session: Session, changes: dict[str, Any]
) -> None:
    person = applied(session).person
    version = person.version
    people.correct(session, person, changes, by="ann", now=NOW)
    entry = audit.entries(session, person.number)[-1]
    assert (entry.what, entry.who) == ("corrected", "ann")
    assert set(entry.before) == set(entry.after) == set(changes)
    assert entry.before != entry.after
    assert person.version > version


def test_a_corrected_person_is_found_by_the_new_values(session: Session) -> None:
    person = applied(session).person
    changes = {"name": "Luz Ñahui", "postcode": "YO1 7HH", "email": "luz@example.org"}
    people.correct(session, person, changes, by="ann", now=NOW)
    for text in ("nahui", "yo17hh", "LUZ@example.org"):
        assert found(session, text) == [person]
    for text in ("castaneda", "ls14dy", "maria@example.org"):
        assert found(session, text) == []


def test_a_corrected_household_stays_in_order(session: Session) -> None:
    person = applied(session, tier=tier("household", "household"), household=("Ana", "Tom")).person
    people.correct(session, person, {"household": ("Zoe", "Ana")}, by="ann", now=NOW)
    session.expire_all()
    assert [(one.position, one.name) for one in person.household] == [(1, "Zoe"), (2, "Ana")]


def test_a_correction_that_changes_nothing_is_refused(session: Session) -> None:
    person = applied(session).person
    with pytest.raises(NothingToChange):
        people.correct(session, person, {"name": person.name}, by="ann", now=NOW)
    assert [entry.what for entry in audit.entries(session, person.number)] == ["applied"]


def test_r7_a_correction_of_an_outdated_version_is_refused(session: Session) -> None:
    person = applied(session).person
    seen = person.version
    people.correct(session, person, {"phone": "1"}, by="ann", now=NOW, version=seen)
    with pytest.raises(ChangedMeanwhile) as refused:
        people.correct(session, person, {"phone": "2"}, by="ben", now=NOW, version=seen)
    assert person.phone == "1"
    assert refused.value.version == person.version


def test_a_new_address_revokes_the_links_and_the_account_of_the_old(session: Session) -> None:
    application = verified(session, applied(session))
    token = link_of(session, application)
    person = application.person
    people.correct(session, person, {"email": "new@example.org"}, by="ann", now=NOW)
    assert person.account_id is None
    assert session.scalar(select(func.count(Account.id))) == 0
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)


def test_a_shared_account_survives_a_correction(session: Session) -> None:
    one, two = verified(session, applied(session)), verified(session, applied(session))
    people.correct(session, one.person, {"email": ""}, by="ann", now=NOW)
    assert one.person.account_id is None
    assert two.person.account_id is not None


def test_the_same_address_in_another_spelling_stays_confirmed(session: Session) -> None:
    person = verified(session, applied(session)).person
    people.correct(session, person, {"email": "Maria@Example.org"}, by="ann", now=NOW)
    assert person.account_id is not None
