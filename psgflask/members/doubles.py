"""Do we know this applicant already? It is noted for the secretary, never said aloud."""

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import Session, joinedload

from psgflask.members.models import HouseholdMember, Person

SAME_EMAIL = "same e-mail address"
SAME_NAME = "same name and postcode"
SAME_ORGANISATION = "same organisation and postcode"
IN_HOUSEHOLD = "same name in a household at the same postcode"
# However often somebody applies, no more of those before are looked at.
MOST = 50


def find(session: Session, applicant: Person) -> tuple[Person, str] | None:
    """Return somebody who may be the applicant, and what speaks for it; None if nobody is.

    Of several the one for whom most speaks, then the one whom we have known for longest. Asked in
    one statement, whoever is found, so that how long it takes tells a visitor nothing.
    """
    others = session.scalars(
        select(Person)
        .where(_alike(applicant), Person.id != applicant.id)
        .order_by(Person.id)
        .limit(MOST)
        .options(joinedload(Person.household))
    )
    judged = [(other, because(applicant, other)) for other in others.unique()]
    if not judged:
        return None
    likeliest, reasons = max(judged, key=lambda one: (len(one[1]), -one[0].id))
    return likeliest, ", ".join(reasons)


def because(applicant: Person, other: Person) -> list[str]:
    """Return what speaks for two people being one, in the secretary's words."""
    near = bool(applicant.postcode_folded) and applicant.postcode_folded == other.postcode_folded
    others = {member.name_folded for member in other.household}
    said = {
        SAME_EMAIL: bool(applicant.email_folded) and applicant.email_folded == other.email_folded,
        SAME_NAME: near and applicant.name_folded == other.name_folded,
        SAME_ORGANISATION: near
        and bool(applicant.organisation_folded)
        and applicant.organisation_folded == other.organisation_folded,
        IN_HOUSEHOLD: near and applicant.name_folded in others,
    }
    return [words for words, true in said.items() if true]


def _alike(applicant: Person) -> ColumnElement[bool]:
    """Return the condition under which `because` finds something; each part has its index."""
    alike: list[ColumnElement[bool]] = []
    if applicant.email_folded:
        alike.append(Person.email_folded == applicant.email_folded)
    if applicant.postcode_folded:
        named = Person.name_folded == applicant.name_folded
        named |= exists().where(
            HouseholdMember.person_id == Person.id,
            HouseholdMember.name_folded == applicant.name_folded,
        )
        if applicant.organisation_folded:
            named |= Person.organisation_folded == applicant.organisation_folded
        alike.append((Person.postcode_folded == applicant.postcode_folded) & named)
    return or_(false(), *alike)
