"""Finding people as the secretary knows them: by number, name, organisation, e-mail or postcode."""

from contextlib import suppress

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from psgflask.accounts import email_addresses
from psgflask.members import likeness, numbers
from psgflask.members.models import HouseholdMember, Person
from psgflask.members.numbers import NumberUnreadable
from psgflask.members.refusals import MembershipRefused


class NobodyThere(MembershipRefused):
    """There is no such member number."""

    field = "number"


def by_number(session: Session, text: str) -> Person:
    """Return the person with a number, however typed. Raises NumberUnreadable, NobodyThere."""
    number = numbers.parse(text)
    person = session.scalar(select(Person).where(Person.number == number))
    if person is None:
        raise NobodyThere(f"There is nobody with the number {number}")
    return person


def find(session: Session, text: str) -> list[Person]:
    """Return the people that a text may mean, by name; the erased by their number alone."""
    meant = [_named(text), _at_postcode(text)]
    with suppress(NumberUnreadable):
        meant.append(Person.number == numbers.parse(text))
    if "@" in text:
        meant.append(_mailed_at(text))
    wanted = select(Person).where(or_(*meant)).order_by(Person.name_folded, Person.id)
    return list(session.scalars(wanted))


def _named(text: str) -> ColumnElement[bool]:
    """Every word must begin a word of the name, of the organisation or of one in the household."""
    words = likeness.name(text).split()
    if not words:
        return Person.id.is_(None)
    in_household = exists().where(
        HouseholdMember.person_id == Person.id,
        *(_begins(HouseholdMember.name_folded, word) for word in words),
    )
    return or_(
        and_(*(_begins(Person.name_folded, word) for word in words)),
        and_(*(_begins(Person.organisation_folded, word) for word in words)),
        in_household,
    )


def _begins(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    # Folded words hold letters and digits alone: nothing in them means anything to LIKE.
    return (literal(" ") + column).like(f"% {word}%")


def _at_postcode(text: str) -> ColumnElement[bool]:
    folded = likeness.postcode(text)
    if not any(map(str.isdigit, folded)):
        return Person.id.is_(None)
    return Person.postcode_folded == folded


def _mailed_at(text: str) -> ColumnElement[bool]:
    try:
        return Person.email_folded == email_addresses.normalise(text)
    except email_addresses.InvalidEmailAddress:
        return Person.email_folded.contains(text.strip().lower(), autoescape=True)
