"""Joining: an application becomes a person with a number; an address that is proved is noted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, email_addresses
from psgflask.accounts.email_confirmation import KNOWN, NEW, on_confirmed
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.core.clock import london_day
from psgflask.mail import outbox
from psgflask.members import audit, consents, digest, doubles, likeness, numbers
from psgflask.members.models import ONLINE, Application, HouseholdMember, Person
from psgflask.members.refusals import MembershipRefused
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION, Tier, amount_on


@dataclass(frozen=True)
class Answers:
    """What an applicant answered, read and checked; `consents` are of `consents.WHAT`.

    `household` are the others in it; `email` may be empty on paper; `country` is an ISO 3166 code,
    `payment` one of the models' ways to pay, `language` that in which the questions were put.
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


class ApplicationSentAlready(MembershipRefused):
    """This very form was sent before; `application` is what became of it."""

    def __init__(self, application: Application) -> None:
        super().__init__("This application has been sent already")
        self.application = application


class FormUsed(MembershipRefused):
    """This form was sent before, with other answers: another application wants another form."""

    def __init__(self) -> None:
        super().__init__("An application was sent with this form already")


@dataclass(frozen=True)
class Form:
    """Which form was sent, and with which answers: a hash of each."""

    stamp: str
    answers: str = ""


def apply(
    session: Session,
    answers: Answers,
    *,
    source: str,
    form: Form | None,
    by: str,
    now: datetime,
) -> Application:
    """Keep an application: a person with a new number, what they agreed to, and a trace of it.

    `source` is ONLINE or PAPER, `form` says which was sent (None on paper), `by` who wrote it in.
    A person who may be known already is noted with the reason, and stays a person apart. Of an
    application online the secretary is told by mail. Raises ApplicationSentAlready and FormUsed
    (then nothing is written), ConsentRefused and InvalidEmailAddress.
    """
    _refuse_used(session, form)
    try:
        with session.begin_nested():
            application = _stored(session, answers, source=source, form=form, now=now)
    except IntegrityError:
        # The same form came twice at one moment, and the other was the first.
        _refuse_used(session, form)
        raise
    person = application.person
    for what in sorted(answers.consents):
        consents.give(session, person, what, language=answers.language, now=now)
    audit.note(session, person, "applied", by=by, now=now, after=facts(application))
    if source == ONLINE:
        digest.tell(session, person, about=about(person), now=now)
    session.flush()
    return application


def about(person: Person) -> str:
    """Return what a mail to or of somebody is known by in the outbox, so that it can be erased."""
    return person.number


def was_mailed(session: Session, application: Application) -> bool:
    """Say whether a mail with a link was posted to the applicant."""
    return outbox.has_message(session, about(application.person), (NEW, KNOWN))


def token_data(application: Application) -> dict[str, Any]:
    """Return what a token of the applicant's address must hold for us to know what it proves."""
    return {"member": application.person.number, "application": application.id}


def mail_values(application: Application) -> dict[str, Any]:
    """Return what the mail with the link says of the application."""
    return {"name": application.person.name, "reference": application.person.number}


@on_confirmed
def verified(session: Session, token: ConfirmationToken, account: Account, now: datetime) -> None:
    """Note that the applicant reads the address, and join account and person.

    Raises TokenRejected when the application is gone, or the person has another address by now.
    """
    if "member" not in token.data:
        return
    application = session.scalar(
        select(Application)
        .join(Application.person)
        .where(
            Application.id == token.data.get("application"),
            Person.number == token.data["member"],
            Person.email_folded == token.email,
        )
    )
    if application is None:
        raise confirmation_tokens.TokenRejected(confirmation_tokens.UNKNOWN)
    person = application.person
    before = {"verified": application.verified_at is not None}
    person.account_id = account.id
    application.verified_at = application.verified_at or now
    audit.note(
        session,
        person,
        "verified",
        by="applicant",
        now=now,
        before=before,
        after={"verified": True},
    )


def facts(application: Application) -> dict[str, Any]:
    """Return an application and its person as the audit keeps them (JSON)."""
    person = application.person
    return {
        **of_person(person),
        "tier": application.tier,
        "amount": None if application.amount is None else str(application.amount),
        "payment": application.payment,
        "source": application.source,
        "consents": sorted(consents.given(person)),
        "perhaps": application.perhaps.number if application.perhaps else None,
        "perhaps because": application.perhaps_because,
    }


def of_person(person: Person) -> dict[str, Any]:
    """Return what is kept of who somebody is and how to reach them (JSON)."""
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


def set_name(person: Person, name: str) -> None:
    """Set a person's name, and the form in which it is compared."""
    person.name, person.name_folded = name, likeness.name(name)


def set_organisation(person: Person, name: str) -> None:
    """Set the organisation that a person stands for."""
    person.organisation, person.organisation_folded = name, likeness.name(name)


def set_postcode(person: Person, postcode: str) -> None:
    """Set a postcode, and the form in which it is compared."""
    person.postcode, person.postcode_folded = postcode, likeness.postcode(postcode)


def set_email(person: Person, email: str) -> None:
    """Set an address, or none, and its one spelling. Raises InvalidEmailAddress."""
    read = email_addresses.parse(email) if email else email_addresses.EmailAddress("", "")
    person.email, person.email_folded = read.as_typed, read.normalised


def set_household(person: Person, names: tuple[str, ...]) -> None:
    """Set the others of a household membership, in their order."""
    person.household = [
        HouseholdMember(position=position, name=name, name_folded=likeness.name(name))
        for position, name in enumerate(names, 1)
    ]


def _refuse_used(session: Session, form: Form | None) -> None:
    """Raise ApplicationSentAlready or FormUsed for a form that was sent before."""
    if form is None:
        return
    sent = session.scalar(select(Application).where(Application.stamp == form.stamp))
    if sent is None:
        return
    if sent.answers == form.answers:
        raise ApplicationSentAlready(sent)
    raise FormUsed


def _stored(
    session: Session, answers: Answers, *, source: str, form: Form | None, now: datetime
) -> Application:
    tier = answers.tier
    person = Person(
        number=numbers.next_number(session),
        address=answers.address,
        country=answers.country,
        phone=answers.phone,
        language=answers.language,
        created_at=now,
    )
    set_name(person, answers.name)
    set_organisation(person, answers.organisation if tier.kind == ORGANISATION else "")
    set_postcode(person, answers.postcode)
    set_email(person, answers.email)
    set_household(person, answers.household if tier.kind == HOUSEHOLD else ())
    application = Application(
        tier=tier.key,
        amount=amount_on(tier, london_day(now)),
        payment=answers.payment,
        source=source,
        language=answers.language,
        stamp=form.stamp if form else None,
        answers=form.answers if form else "",
        sent_at=now,
    )
    # Before it is stored, so that an application of somebody known costs no statement more.
    if known := doubles.find(session, person):
        application.perhaps, application.perhaps_because = known
    person.applications.append(application)
    session.add(person)
    session.flush()
    return application
