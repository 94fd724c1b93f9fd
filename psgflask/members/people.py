"""People: finding them, noticing that an applicant may be known, and correcting their details."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.orm.attributes import flag_modified

from psgflask.accounts import confirmation_tokens, email_addresses
from psgflask.accounts.models import Account
from psgflask.core.clock import london_day
from psgflask.mail import outbox
from psgflask.members import audit, numbers, payments
from psgflask.members.models import (
    JOINED,
    Application,
    HouseholdMember,
    MembershipRefused,
    Person,
    check_writable,
)
from psgflask.members.person_fields import (
    INVALID,
    UNITED_KINGDOM,
    FieldRefused,
    fold_name,
    fold_postcode,
    parse_postcode,
)
from psgflask.members.tiers import ORGANISATION, Tier, amount_on

UNFOLDED_FIELDS = ("phone", "address", "country", "language")
FIELDS = ("name", "organisation", "household", "email", "postcode", *UNFOLDED_FIELDS)
# What can be corrected of the newest application; the amount follows from the membership.
APPLICATION_FIELDS = ("membership", "payment")


class PersonNotFound(MembershipRefused):
    """Nobody has this member number."""

    field = "number"


class NothingToChange(MembershipRefused):
    """A correction that changes nothing."""

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is like that already: there is nothing to change")


class ChangedMeanwhile(MembershipRefused):
    """Somebody else has changed this person since the version that was looked at."""

    field = "version"

    def __init__(self, number: str, version: int) -> None:
        super().__init__(
            f"{number} was changed meanwhile (it is version {version} now): look at it again first"
        )
        self.version = version


class PersonSummary(NamedTuple):
    """A person in a list, with the newest application and the number of a possible duplicate.

    `state` is one of STATES, `paid_through` the last year that is paid for, or "life", `joined_to`
    the number of whom they were joined to.
    """

    person: Person
    application: Application | None
    duplicate: str | None
    state: str | None
    paid_through: str | None
    joined_to: str | None


def by_number(session: Session, text: str) -> Person:
    """Return the person with a number, however typed. Raises NumberUnreadable, PersonNotFound."""
    number = numbers.parse(text)
    person = session.scalar(select(Person).where(Person.number == number))
    if person is None:
        raise PersonNotFound(f"There is nobody with the number {number}")
    return person


def find(session: Session, text: str, *, year: int) -> list[PersonSummary]:
    """Return the people that a text may mean, by name; erased ones by their number alone.

    A number may lack its check digit. `year` is the one whose payment `state` is about.
    """
    meanings = [_has_name(text), _has_postcode(text), Person.number.in_(numbers.candidates(text))]
    if "@" in text:
        meanings.append(_has_email(text))
    by_name = (Person.name_folded, Person.id)
    return _summaries(session, or_(*meanings), order_by=by_name, year=year)


def newest(
    session: Session,
    *,
    year: int,
    state: str | None = None,
    duplicates: bool = False,
    bounced: bool = False,
    limit: int = 0,
) -> tuple[list[PersonSummary], int]:
    """Return people who are not erased, the newest first, and how many there are without `limit`.

    Only those in a `state` in a year, whose newest application may be a duplicate, or from whom
    mail comes back; 0 is no limit.
    """
    conditions: list[ColumnElement[bool]] = [Person.erased_at.is_(None)]
    if state != JOINED:
        conditions.append(Person.joined_id.is_(None))
    if state is not None:
        conditions.append(payments.state(year) == state)
    if duplicates:
        conditions += [Application.duplicate_id.is_not(None), Application.duplicate_decision == ""]
    if bounced:
        conditions.append(Person.bounced_at.is_not(None))
    newest_first = (Person.id.desc(),)
    summaries = _summaries(session, *conditions, order_by=newest_first, year=year, limit=limit)
    if not limit:
        return summaries, len(summaries)
    count = select(func.count()).select_from(Person).outerjoin(Application, is_newest_application())
    return summaries, session.scalar(count.where(*conditions)) or 0


def is_newest_application() -> ColumnElement[bool]:
    """Return the condition of a join of Application to Person that their newest one fulfils."""
    other = aliased(Application)
    newest = select(func.max(other.id)).where(other.person_id == Person.id).scalar_subquery()
    return Application.id == newest


def joined_people(session: Session, persons: Collection[Person]) -> list[Person]:
    """Return the people who were joined to some people, by number."""
    ids = {person.id for person in persons}
    query = select(Person).where(Person.joined_id.in_(ids)).order_by(Person.id)
    return list(session.scalars(query))


def details(person: Person) -> dict[str, Any]:
    """Return a person's name and contact details by FIELDS (JSON)."""
    return {
        "name": person.name,
        "organisation": person.organisation,
        "household": [member.name for member in person.household],
        "email": person.email,
        "phone": person.phone,
        "address": person.address,
        "postcode": person.postcode,
        "country": person.country,
        "language": person.language,
    }


def set_field(person: Person, field: str, value: Any) -> None:
    """Set one of FIELDS, and the form in which it is compared; a household is a tuple of names.

    Raises InvalidEmailAddress.
    """
    if field in ("name", "organisation"):
        setattr(person, field, value)
        setattr(person, f"{field}_folded", fold_name(value))
    elif field == "postcode":
        person.postcode, person.postcode_folded = value, fold_postcode(value)
    elif field == "email":
        address = email_addresses.parse(value) if value else email_addresses.EmailAddress("", "")
        person.email, person.email_folded = address.as_typed, address.normalised
    elif field == "household":
        person.household = [
            HouseholdMember(position=position, name=name, name_folded=fold_name(name))
            for position, name in enumerate(value, 1)
        ]
    elif field in UNFOLDED_FIELDS:
        setattr(person, field, value)
    else:
        raise ValueError(f"Nobody has a {field!r}")


def correct(
    session: Session,
    person: Person,
    changes: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    version: int | None = None,
    tier: Tier | None = None,
) -> dict[str, Any]:
    """Change some of FIELDS and APPLICATION_FIELDS; return the new values that have changed.

    What was there before is left in the audit trail alone. `version` is that of the person who
    was looked at, `tier` the membership after the correction, None if it is unknown. Raises
    PersonErased, NothingToChange, InvalidEmailAddress, ChangedMeanwhile and FieldRefused.
    """
    check_writable(person)
    if version is not None and version != person.version:
        raise ChangedMeanwhile(person.number, person.version)
    before, old_email = _correctable(person), person.email_folded
    for field, value in changes.items():
        if field in APPLICATION_FIELDS:
            _correct_application(person, field, value, tier, now)
        else:
            set_field(person, field, value)
    if tier is not None and {"membership", "organisation", "household"} & set(changes):
        _check_membership(person, tier)
    if person.email_folded != old_email:
        _unconfirm_email(session, person, now)
    after = _correctable(person)
    changed = [field for field in after if before[field] != after[field]]
    if not changed:
        raise NothingToChange(person.number)
    # Names of a household are rows of their own: the person's version counts them too.
    flag_modified(person, "name")
    corrected = {field: after[field] for field in changed}
    previous = {field: before[field] for field in changed}
    audit.record(session, person, "corrected", by=by, now=now, before=previous, after=corrected)
    return corrected


def delete_unused_accounts(session: Session, ids: Collection[int]) -> None:
    """Delete those of some accounts that belong to nobody; the people of a household share one."""
    in_use = exists().where(Person.account_id == Account.id)
    session.execute(delete(Account).where(Account.id.in_(ids), ~in_use))


def _correctable(person: Person) -> dict[str, Any]:
    """Return what can be corrected about a person (JSON)."""
    newest = person.applications[-1] if person.applications else None
    amount = newest.amount if newest else None
    return {
        **details(person),
        "membership": newest.tier if newest else "",
        "amount": None if amount is None else str(amount),
        "payment": newest.payment if newest else "",
    }


def _correct_application(
    person: Person, field: str, value: str, tier: Tier | None, now: datetime
) -> None:
    if not person.applications:
        raise FieldRefused(field, INVALID, f"{person.number} has no application")
    newest = person.applications[-1]
    if field == "payment":
        newest.payment = value
    elif newest.tier != value:
        newest.tier = value
        newest.amount = amount_on(tier, london_day(now)) if tier else None


def _check_membership(person: Person, tier: Tier) -> None:
    """Check that a person has what their membership needs. Raises FieldRefused."""
    if tier.kind == ORGANISATION and not person.organisation:
        message = f"{tier.key} is for an organisation: name it with --organisation"
        raise FieldRefused("organisation", INVALID, message)
    others = {"organisation": bool(person.organisation), "household": bool(person.household)}
    others.pop(tier.kind, None)
    for field, is_there in others.items():
        if is_there:
            message = f'{tier.key} has no {field}: leave it empty with --{field} ""'
            raise FieldRefused(field, INVALID, message)


def _unconfirm_email(session: Session, person: Person, now: datetime) -> None:
    """Revoke what confirmed a person's previous e-mail address, and dismiss its dead mails."""
    person.bounced_at, person.bounce_reason = None, ""
    confirmation_tokens.revoke(session, data={"member": [person.number]})
    outbox.dismiss_about(session, person.number, now=now)
    account = session.get(Account, person.account_id) if person.account_id else None
    if account is not None and account.email != person.email_folded:
        person.account_id = None
        session.flush()
        delete_unused_accounts(session, [account.id])


def _summaries(
    session: Session,
    *conditions: ColumnElement[bool],
    order_by: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...],
    year: int,
    limit: int = 0,
) -> list[PersonSummary]:
    duplicate, joined_to = aliased(Person), aliased(Person)
    marks = Application.duplicate_decision == ""
    state, paid_through = payments.state(year), payments.paid_through()
    query = (
        select(Person, Application, duplicate.number, state, paid_through, joined_to.number)
        .select_from(Person)
        .outerjoin(Application, is_newest_application())
        .outerjoin(duplicate, (duplicate.id == Application.duplicate_id) & marks)
        .outerjoin(joined_to, joined_to.id == Person.joined_id)
        .where(*conditions)
        .order_by(*order_by)
        .limit(limit or None)
    )
    return [PersonSummary(*row) for row in session.execute(query)]


def _has_name(text: str) -> ColumnElement[bool]:
    """Every word must begin a word of the name, of the organisation or of one in the household."""
    words = fold_name(text).split()
    if not words:
        return false()
    in_household = exists().where(
        HouseholdMember.person_id == Person.id,
        *(_has_word(HouseholdMember.name_folded, word) for word in words),
    )
    return or_(
        and_(*(_has_word(Person.name_folded, word) for word in words)),
        and_(*(_has_word(Person.organisation_folded, word) for word in words)),
        in_household,
    )


def _has_word(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    # Folded words consist of letters and digits: they contain no wildcard of LIKE.
    return (literal(" ") + column).like(f"% {prefix}%")


def _has_postcode(text: str) -> ColumnElement[bool]:
    folded = fold_postcode(text)
    if not any(map(str.isdigit, folded)):
        return false()
    spellings = [folded]
    with suppress(FieldRefused):
        spellings.append(fold_postcode(parse_postcode(text, UNITED_KINGDOM)))
    return Person.postcode_folded.in_(spellings)


def _has_email(text: str) -> ColumnElement[bool]:
    try:
        return Person.email_folded == email_addresses.normalise(text)
    except email_addresses.InvalidEmailAddress:
        return Person.email_folded.contains(text.strip().lower(), autoescape=True)
