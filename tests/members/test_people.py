import pytest
from sqlalchemy.orm import Session

from psgflask.members import people
from psgflask.members.models import Person
from psgflask.members.numbers import NumberUnreadable
from psgflask.members.people import NobodyThere
from tests.members.people import applied, tier


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
def test_people_are_found_as_the_secretary_knows_them(
    session: Session, five: dict[str, Person], text: str, who: set[str]
) -> None:
    found = people.find(session, text)
    assert {name for name, person in five.items() if person in found} == who
    assert len(found) == len(who)


def test_people_are_found_by_number_however_it_is_typed(
    session: Session, five: dict[str, Person]
) -> None:
    number = five["jose"].number
    for typed in (number, number.lower(), number[4:], number[4:].replace("-", "")):
        assert people.find(session, typed) == [five["jose"]]
        assert people.by_number(session, typed) is five["jose"]


def test_a_number_that_nobody_has_and_one_that_is_none_are_told_apart(session: Session) -> None:
    with pytest.raises(NobodyThere, match="PSG 1042-9"):
        people.by_number(session, "1042-9")
    with pytest.raises(NumberUnreadable):
        people.by_number(session, "1042-8")


def test_found_people_stand_in_the_order_of_their_names(
    session: Session, five: dict[str, Person]
) -> None:
    found = people.find(session, "@")
    assert [person.name for person in found] == ["José Núñez", "Luis Díaz", "María Castañeda"]
