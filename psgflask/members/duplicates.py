"""People who may be the same: noticing it, and deciding that they are (joined) or are not.

Joining moves what belongs to one person to the other and notes which rows; separating moves them
back. Whoever was joined stays with name and address, and is in no list, export or mailing. Nobody
is joined to somebody who was joined: those who were joined to a person move along with them.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, false, or_, select, update
from sqlalchemy.orm import Session, joinedload

from psgflask.accounts import confirmation_tokens
from psgflask.mail import outbox
from psgflask.members import audit, payments, people
from psgflask.members.models import (
    JOINED,
    NOT_THE_SAME,
    Application,
    Consent,
    HouseholdMember,
    MembershipRefused,
    Note,
    Payment,
    Person,
    check_writable,
)

SAME_EMAIL = "same e-mail address"
SAME_NAME = "same name and postcode"
SAME_ORGANISATION = "same organisation and postcode"
IN_HOUSEHOLD = "same name in a household at the same postcode"
# However often somebody applies, no more earlier people are compared.
MAX_CANDIDATES = 50
# What is moved from one person to the other.
MOVED: dict[str, type[Application | Consent | Note | Payment]] = {
    "applications": Application,
    "consents": Consent,
    "notes": Note,
    "payments": Payment,
}


class JoinRefused(MembershipRefused):
    """Two people who cannot be joined, separated or told apart; the message says why."""

    field = "number"


def find_duplicate(session: Session, applicant: Person) -> tuple[Person, str] | None:
    """Return an earlier person who may be the applicant, and why; None if there is nobody.

    Of several the one with most reasons, then the earliest; for one who was joined, the person
    whom they were joined to. One statement in any case, so that the response time tells a visitor
    nothing.
    """
    candidates = session.scalars(
        select(Person)
        .where(_may_be(applicant), Person.id != applicant.id)
        .order_by(Person.id)
        .limit(MAX_CANDIDATES)
        .options(joinedload(Person.household), joinedload(Person.joined_to))
    ).unique()
    ranked = [(other, _reasons(applicant, other)) for other in candidates]
    if not ranked:
        return None
    likeliest, reasons = max(ranked, key=lambda one: (len(one[1]), -one[0].id))
    return likeliest.joined_to or likeliest, ", ".join(reasons)


def tell_apart(
    session: Session, person: Person, *, by: str, now: datetime, undo: bool = False
) -> None:
    """Record that a person is not whom they perhaps are; `undo` makes it an open question again.

    Raises PersonErased, PersonJoined and JoinRefused.
    """
    check_writable(person)
    before, after = (NOT_THE_SAME, "") if undo else ("", NOT_THE_SAME)
    decided = [
        one
        for one in person.applications
        if one.duplicate_id is not None and one.duplicate_decision == before
    ]
    if not decided:
        raise JoinRefused(f"{person.number} is not marked as perhaps being somebody else")
    for application in decided:
        application.duplicate_decision = after
    numbers = ", ".join(sorted({one.duplicate.number for one in decided if one.duplicate}))
    audit.record(
        session,
        person,
        "perhaps the same" if undo else NOT_THE_SAME,
        by=by,
        now=now,
        after={"perhaps": numbers},
    )


def join(session: Session, person: Person, into: Person, *, by: str, now: datetime) -> None:
    """Join a person to another one, who is the same: what belongs to them is theirs from now on.

    Of consents the newest word on each channel counts. Name, address and household of `into` stay
    as they are. Raises PersonErased, PersonJoined and JoinRefused.
    """
    check_writable(person)
    check_writable(into)
    if person is into:
        raise JoinRefused(f"{person.number} cannot be joined to itself")
    if person.left_reason != into.left_reason:
        raise JoinRefused("One of them has resigned or died: record it for the other one first")
    along = people.joined_people(session, [person])
    same_email = person.email_folded == into.email_folded
    given = person.account_id if same_email and into.account_id is None else None
    person.joined_rows = {
        "people": [one.id for one in along],
        "accounts": [given] if given is not None else [],
        **{
            name: list(session.scalars(select(model.id).where(model.person_id == person.id)))
            for name, model in MOVED.items()
        },
    }
    for one in (person, *along):
        one.joined_id = into.id
    _move(session, person.joined_rows, person, into)
    _decide(session, person, into, JOINED)
    if same_email:
        into.account_id = into.account_id or given
    else:  # a link confirms one address
        outbox.delete_unsent(session, [person.number])
        confirmation_tokens.revoke(session, data={"member": [person.number]})
    audit.record(session, person, JOINED, by=by, now=now, after={"joined to": into.number})
    audit.record(session, into, JOINED, by=by, now=now, after={"joined": person.number})
    session.expire_all()


def separate(session: Session, person: Person, *, by: str, now: datetime) -> Person:
    """Undo a join; return whom the person was joined to, who keeps what came after it.

    Those who were joined to the person before are so again, and applications are paid by the
    payments of each. Raises JoinRefused.
    """
    into = person.joined_to
    if into is None:
        raise JoinRefused(f"{person.number} is not joined to anybody")
    rows = dict(person.joined_rows)
    reversals = select(Payment.id).where(Payment.reverses_id.in_(rows["payments"]))
    rows["payments"] = [*rows["payments"], *session.scalars(reversals)]
    leaving = {**rows, "people": [person.id, *rows["people"]]}
    for other in people.joined_people(session, [into]):
        if other.id in rows["people"]:
            other.joined_id = person.id
        else:  # what leaves is no longer part of what came along with others
            other.joined_rows = {
                name: [id_ for id_ in ids if id_ not in leaving[name]]
                for name, ids in other.joined_rows.items()
            }
    person.joined_id, person.joined_rows = None, {}
    _move(session, rows, into, person)
    _decide(session, person, into, "")
    session.expire_all()
    for one in (person, into):
        payments.update_applications(one)
    has_confirmed = any(one.verified_at for one in into.applications)
    if into.account_id in rows["accounts"] and not has_confirmed:
        into.account_id = None
    after = {"separated from": into.number}
    audit.record(session, person, "separated", by=by, now=now, after=after)
    audit.record(session, into, "separated", by=by, now=now, after={"separated": person.number})
    session.expire_all()
    return into


def _move(session: Session, rows: dict[str, list[int]], person: Person, to: Person) -> None:
    session.flush()
    for name, model in MOVED.items():
        session.execute(
            update(model)
            .where(model.id.in_(rows[name]), model.person_id == person.id)
            .values(person_id=to.id)
        )


def _decide(session: Session, person: Person, other: Person, decision: str) -> None:
    """Set the decision on the marks by which two people may be each other."""
    both = (person.id, other.id)
    session.execute(
        update(Application)
        .where(Application.person_id.in_(both), Application.duplicate_id.in_(both))
        .values(duplicate_decision=decision)
    )


def _reasons(applicant: Person, other: Person) -> list[str]:
    """Return why two people may be the same, in words for the secretary."""
    near = bool(applicant.postcode_folded) and applicant.postcode_folded == other.postcode_folded
    household = {member.name_folded for member in other.household}
    reasons = {
        SAME_EMAIL: bool(applicant.email_folded) and applicant.email_folded == other.email_folded,
        SAME_NAME: near and applicant.name_folded == other.name_folded,
        SAME_ORGANISATION: near
        and bool(applicant.organisation_folded)
        and applicant.organisation_folded == other.organisation_folded,
        IN_HOUSEHOLD: near and applicant.name_folded in household,
    }
    return [reason for reason, applies in reasons.items() if applies]


def _may_be(applicant: Person) -> ColumnElement[bool]:
    """Return the condition for `_reasons` to find any; each part has an index."""
    conditions: list[ColumnElement[bool]] = []
    if applicant.email_folded:
        conditions.append(Person.email_folded == applicant.email_folded)
    if applicant.postcode_folded:
        same_name = Person.name_folded == applicant.name_folded
        same_name |= exists().where(
            HouseholdMember.person_id == Person.id,
            HouseholdMember.name_folded == applicant.name_folded,
        )
        if applicant.organisation_folded:
            same_name |= Person.organisation_folded == applicant.organisation_folded
        conditions.append((Person.postcode_folded == applicant.postcode_folded) & same_name)
    return or_(false(), *conditions)
