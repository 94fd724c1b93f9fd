"""What people agree to: the exact words, kept with each consent, and when it holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from psgflask.accounts.models import Account
from psgflask.members import audit
from psgflask.members.models import EMAIL, POST, Consent, Person
from psgflask.members.refusals import MembershipRefused, PersonErased

WHAT = (POST, EMAIL)
BASIS = "consent (UK GDPR, article 6(1)(a))"


@dataclass(frozen=True)
class Wording:
    """Words that somebody was asked with; other words have another version."""

    version: str
    text: str


# By what is agreed to, and the language. Who changes a word writes a new version; the words of
# the old one stay with everybody who agreed to them.
WORDINGS: dict[tuple[str, str], Wording] = {
    (POST, "en"): Wording(
        "2026-1",
        "You may send me news of the PSG and of Peru by post. I can change my mind at any time.",
    ),
    (POST, "es"): Wording(
        "2026-1",
        "Pueden enviarme noticias del PSG y del Perú por correo postal. Puedo cambiar de opinión"
        " en cualquier momento.",
    ),
    (EMAIL, "en"): Wording(
        "2026-1",
        "You may send me news of the PSG and of Peru by e-mail. I can change my mind at any time.",
    ),
    (EMAIL, "es"): Wording(
        "2026-1",
        "Pueden enviarme noticias del PSG y del Perú por correo electrónico. Puedo cambiar de"
        " opinión en cualquier momento.",
    ),
}


class ConsentRefused(MembershipRefused):
    """A consent that cannot be given or withdrawn; the message says why."""

    field = "consents"


def given(person: Person) -> frozenset[str]:
    """Return what somebody has agreed to and not withdrawn."""
    return frozenset(one.what for one in person.consents if one.withdrawn_at is None)


def give(session: Session, person: Person, what: str, *, language: str, now: datetime) -> Consent:
    """Keep that somebody agreed, with the words in which they were asked. Raises ConsentRefused."""
    wording = WORDINGS.get((what, language))
    if wording is None:
        raise ConsentRefused(f"Nobody is asked for {what!r}; there are {', '.join(WHAT)}")
    if what in given(person):
        raise ConsentRefused(f"{person.number} has agreed to {what} already")
    consent = Consent(
        what=what,
        wording=wording.text,
        wording_version=wording.version,
        language=language,
        basis=BASIS,
        given_at=now,
    )
    person.consents.append(consent)
    session.flush()
    return consent


def withdraw(session: Session, person: Person, what: str, *, now: datetime) -> None:
    """Keep that somebody agrees no more; what they had agreed to, and when, stays to be proved.

    Raises ConsentRefused.
    """
    standing = [one for one in person.consents if one.what == what and one.withdrawn_at is None]
    if not standing:
        raise ConsentRefused(f"{person.number} has not agreed to {what}")
    for one in standing:
        one.withdrawn_at = now
    session.flush()


def change(
    session: Session, person: Person, what: str, agreed: bool, *, by: str, now: datetime
) -> None:
    """Give or withdraw one consent for somebody who wrote to us, and leave a trace of who did.

    Raises ConsentRefused and PersonErased.
    """
    if person.erased_at is not None:
        raise PersonErased(person.number)
    before = sorted(given(person))
    if agreed:
        give(session, person, what, language=person.language, now=now)
    else:
        withdraw(session, person, what, now=now)
    audit.note(
        session,
        person,
        "agreed" if agreed else "withdrew",
        by=by,
        now=now,
        before={"consents": before},
        after={"consents": sorted(given(person))},
    )


def in_effect(what: str) -> ColumnElement[bool]:
    """Return the condition that something may be sent to a person by what they agreed to.

    Nobody is mailed news at an address that has not been proved, or has changed since.
    """
    agreed = exists().where(
        Consent.person_id == Person.id, Consent.what == what, Consent.withdrawn_at.is_(None)
    )
    if what != EMAIL:
        return agreed
    proved = exists().where(
        Account.id == Person.account_id,
        Account.email == Person.email_folded,
        Account.closed_at.is_(None),
    )
    return agreed & proved


def effective(session: Session, people: Iterable[Person]) -> dict[int, frozenset[str]]:
    """Return what may be sent to each of some people, by their ids."""
    ids = [person.id for person in people]
    found: dict[int, set[str]] = {known: set() for known in ids}
    for what in WHAT:
        reached = select(Person.id).where(in_effect(what))
        for known in session.scalars(reached):
            if known in found:
                found[known].add(what)
    return {known: frozenset(whats) for known, whats in found.items()}
