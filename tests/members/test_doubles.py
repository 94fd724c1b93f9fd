from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.members import erasure
from psgflask.members.doubles import IN_HOUSEHOLD, SAME_EMAIL, SAME_NAME, SAME_ORGANISATION
from psgflask.members.models import PAPER, Person
from tests.members.people import NOW, applied, tier


def test_a_first_application_is_nobodys_double(session: Session) -> None:
    application = applied(session)
    assert (application.perhaps, application.perhaps_because) == (None, "")


@pytest.mark.parametrize(
    "typed", ["MARIA@EXAMPLE.ORG", " maria@example.org", "<maria@Example.Org>"]
)
def test_the_same_address_is_noticed_however_it_is_typed(session: Session, typed: str) -> None:
    first = applied(session)
    second = applied(session, email=typed, name="M. C.", postcode="M1 1AA")
    assert (second.perhaps, second.perhaps_because) == (first.person, SAME_EMAIL)


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
    assert (second.perhaps, second.perhaps_because) == (first.person, SAME_NAME)


def test_it_stays_a_person_apart_with_a_number_of_its_own(session: Session) -> None:
    first, second = applied(session), applied(session)
    assert second.perhaps is first.person
    assert second.perhaps_because == f"{SAME_EMAIL}, {SAME_NAME}"
    assert first.person.number != second.person.number
    assert session.scalar(select(func.count(Person.id))) == 2


def test_the_likeliest_is_named_and_of_equals_the_earliest(session: Session) -> None:
    shares_address = applied(session, name="Luis", postcode="M1 1AA")
    all_alike = applied(session)
    third = applied(session)
    assert third.perhaps is all_alike.person
    fourth = applied(session, name="Pedro", postcode="M1 1AB")
    assert fourth.perhaps is shares_address.person


def test_a_member_of_a_household_who_applies_alone_is_noticed(session: Session) -> None:
    home = applied(session, tier=tier("household", "household"), household=("Ana Núñez",), email="")
    alone = applied(session, name="ana nunez", email="")
    assert (alone.perhaps, alone.perhaps_because) == (home.person, IN_HOUSEHOLD)


def test_an_organisation_with_another_contact_is_noticed(session: Session) -> None:
    group = tier("organisation", "organisation")
    first = applied(session, tier=group, organisation="Café Perú", email="")
    second = applied(session, tier=group, organisation="CAFE PERU", name="Other", email="")
    assert (second.perhaps, second.perhaps_because) == (first.person, SAME_ORGANISATION)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "María Castañeda Ruiz", "email": "other@example.org"},
        {"postcode": "LS1 4DZ", "email": "other@example.org"},
        {"name": "Luis", "postcode": "M1 1AA", "email": "maria@example.net"},
    ],
)
def test_who_is_merely_alike_is_not_named(session: Session, other: dict[str, Any]) -> None:
    applied(session)
    assert applied(session, **other).perhaps is None


def test_nothing_is_not_the_same_as_nothing(session: Session) -> None:
    applied(session, email="", postcode="", source=PAPER)
    assert applied(session, email="", postcode="", source=PAPER).perhaps is None


def test_the_erased_are_nobodys_double(session: Session) -> None:
    first = applied(session)
    second = applied(session)
    erasure.erase(session, first.person, by="ann", now=NOW)
    session.expire_all()
    assert (second.perhaps, second.perhaps_because) == (None, "")
    third = applied(session)
    assert third.perhaps is second.person
