"""Applications: storing one with a new person, and confirming the applicant's e-mail address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens
from psgflask.accounts.email_confirmation import KNOWN, NEW, on_confirmed
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.core.clock import london_day
from psgflask.mail import outbox
from psgflask.members import audit, consents, digest, duplicates, numbers, people
from psgflask.members.models import ONLINE, Application, MembershipRefused, Person
from psgflask.members.person_fields import (
    parse_address,
    parse_email,
    parse_household,
    parse_name,
    parse_phone,
    parse_postcode,
)
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION, Tier, amount_on


@dataclass(frozen=True)
class Answers:
    """The parsed answers of an applicant; `consents` are of `consents.CHANNELS`.

    `household` are the others in it; `email` may be empty on paper; `country` is an ISO 3166 code,
    `payment` STANDING_ORDER or CHEQUE, `language` that of the form.
    """

    tier: Tier
    name: str
    language: str
    payment: str
    organisation: str = ""
    household: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""
    address: str = ""
    postcode: str = ""
    country: str = "GB"
    consents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SubmittedForm:
    """Hashes of the form that was sent, and of its answers."""

    form_hash: str
    answers_hash: str = ""


class AlreadyApplied(MembershipRefused):
    """This form was sent before with the same answers; `application` is the one stored then."""

    def __init__(self, application: Application) -> None:
        super().__init__("This application has been sent already")
        self.application = application


class FormUsed(MembershipRefused):
    """This form was sent before with other answers: another application needs another form."""

    def __init__(self) -> None:
        super().__init__("An application was sent with this form already")


def parse_answers(
    tier: Tier, typed: Mapping[str, str], *, language: str, payment: str, channels: Iterable[str]
) -> Answers:
    """Return the answers in what was typed, by field; `country` is a code by now.

    Address and household are several lines; organisation and household are parsed only where the
    membership has one. Raises FieldRefused and InvalidEmailAddress.
    """
    country = typed["country"]
    answers = Answers(
        tier=tier,
        name=parse_name(typed["name"]),
        language=language,
        payment=payment,
        email=parse_email(typed["email"]),
        phone=parse_phone(typed["phone"], country),
        address=parse_address(typed["address"]),
        postcode=parse_postcode(typed["postcode"], country),
        country=country,
        consents=frozenset(channels),
    )
    if tier.kind == ORGANISATION:
        return replace(answers, organisation=parse_name(typed["organisation"], "organisation"))
    if tier.kind == HOUSEHOLD:
        return replace(answers, household=parse_household(typed["household"]))
    return answers


def apply(
    session: Session,
    answers: Answers,
    *,
    source: str,
    form: SubmittedForm | None,
    by: str,
    now: datetime,
) -> Application:
    """Store an application: a person with a new number, their consents, and an audit entry.

    `source` is ONLINE or PAPER, `form` is None on paper, `by` is who enters it. Somebody who may
    be known already is marked with the reason and stays a separate person. The secretary is mailed
    about applications online. Raises AlreadyApplied and FormUsed (then nothing is written),
    ConsentRefused and InvalidEmailAddress.
    """
    _check_unused(session, form)
    try:
        with session.begin_nested():
            application = _store(session, answers, source=source, form=form, now=now)
    except IntegrityError:
        # The same form came twice at once, and the other transaction was first.
        _check_unused(session, form)
        raise
    person = application.person
    for channel in sorted(answers.consents):
        consents.give(session, person, channel, language=answers.language, now=now)
    audit.record(session, person, "applied", by=by, now=now, after=_audited(application))
    if source == ONLINE:
        digest.mail_secretary(session, person, now=now)
    session.flush()
    return application


def was_mailed(session: Session, application: Application) -> bool:
    """Return whether a mail with a link was posted to the applicant."""
    return outbox.has_message(session, application.person.number, (NEW, KNOWN))


def token_data(application: Application) -> dict[str, Any]:
    """Return what the confirmation of the applicant's address refers to."""
    return {"member": application.person.number, "application": application.id}


def mail_values(application: Application) -> dict[str, Any]:
    """Return the values of the application in the mail with the link."""
    return {"name": application.person.name, "reference": application.person.number}


@on_confirmed
def confirm_email(
    session: Session, token: ConfirmationToken, account: Account, now: datetime
) -> None:
    """Record that the applicant's address is confirmed, and give the person its account.

    Raises TokenRejected when the application is gone or the person has another address by now.
    """
    if "member" not in token.data:
        return
    member = token.data["member"]
    joined_to = select(Person.joined_id).where(Person.number == member).scalar_subquery()
    application = session.scalar(
        select(Application)
        .join(Application.person)
        .where(
            Application.id == token.data.get("application"),
            or_(Person.number == member, Person.id == joined_to),
            Person.email_folded == token.email,
        )
    )
    if application is None:
        raise confirmation_tokens.TokenRejected(confirmation_tokens.UNKNOWN)
    person = application.person
    before = {"verified": application.verified_at is not None}
    person.account_id = account.id
    person.bounced_at, person.bounce_reason = None, ""  # its mail has arrived
    application.verified_at = application.verified_at or now
    audit.record(
        session,
        person,
        "verified",
        by="applicant",
        now=now,
        before=before,
        after={"verified": True},
    )


def _audited(application: Application) -> dict[str, Any]:
    duplicate = application.duplicate
    return {
        **people.details(application.person),
        "tier": application.tier,
        "amount": None if application.amount is None else str(application.amount),
        "payment": application.payment,
        "source": application.source,
        "consents": sorted(consents.given(application.person)),
        "perhaps": duplicate.number if duplicate else None,
        "perhaps because": application.duplicate_reason,
    }


def _check_unused(session: Session, form: SubmittedForm | None) -> None:
    """Raise AlreadyApplied or FormUsed for a form that was sent before."""
    if form is None:
        return
    earlier = session.scalar(select(Application).where(Application.form_hash == form.form_hash))
    if earlier is None:
        return
    if earlier.answers_hash == form.answers_hash:
        raise AlreadyApplied(earlier)
    raise FormUsed


def _store(
    session: Session, answers: Answers, *, source: str, form: SubmittedForm | None, now: datetime
) -> Application:
    tier = answers.tier
    person = Person(number=numbers.next_number(session), created_at=now)
    fields = {
        "name": answers.name,
        "organisation": answers.organisation if tier.kind == ORGANISATION else "",
        "household": answers.household if tier.kind == HOUSEHOLD else (),
        "email": answers.email,
        "postcode": answers.postcode,
        "phone": answers.phone,
        "address": answers.address,
        "country": answers.country,
        "language": answers.language,
    }
    for field, value in fields.items():
        people.set_field(person, field, value)
    application = Application(
        tier=tier.key,
        amount=amount_on(tier, london_day(now)),
        payment=answers.payment,
        source=source,
        language=answers.language,
        form_hash=form.form_hash if form else None,
        answers_hash=form.answers_hash if form else "",
        sent_at=now,
    )
    # Before it is stored, so that an application of somebody known costs no extra statement.
    if duplicate := duplicates.find_duplicate(session, person):
        application.duplicate, application.duplicate_reason = duplicate
    person.applications.append(application)
    session.add(person)
    session.flush()
    return application
