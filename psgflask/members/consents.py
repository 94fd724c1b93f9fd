"""Consents: the exact wording that people agree to, stored with each, and when one is in effect."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from psgflask.accounts.models import Account
from psgflask.members import audit
from psgflask.members.models import (
    DIED,
    EMAIL,
    POST,
    Consent,
    MembershipRefused,
    Person,
    PersonDied,
    check_writable,
)

CHANNELS = (POST, EMAIL)
BASIS = "consent (UK GDPR, article 6(1)(a))"


@dataclass(frozen=True)
class Wording:
    """The text that people agree to; another text has another version."""

    version: str
    text: str


# By channel and language. Give a changed text a new version: everybody who agreed to the old one
# still has its text.
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
    """Return the channels that somebody has agreed to and not withdrawn, then or later.

    A person who was joined to them may have withdrawn later than they agreed.
    """
    withdrawn: dict[str, datetime] = {}
    for one in person.consents:
        if one.withdrawn_at is not None:
            latest = withdrawn.get(one.what, one.withdrawn_at)
            withdrawn[one.what] = max(latest, one.withdrawn_at)
    return frozenset(
        one.what
        for one in person.consents
        if one.withdrawn_at is None and one.given_at >= withdrawn.get(one.what, one.given_at)
    )


def give(session: Session, person: Person, channel: str, *, language: str, now: datetime) -> None:
    """Store a consent, with the wording in a language. Raises ConsentRefused."""
    wording = WORDINGS.get((channel, language))
    if wording is None:
        raise ConsentRefused(f"Nobody is asked for {channel!r}; there are {', '.join(CHANNELS)}")
    if channel in given(person):
        raise ConsentRefused(f"{person.number} has agreed to {channel} already")
    consent = Consent(
        what=channel,
        wording=wording.text,
        wording_version=wording.version,
        language=language,
        basis=BASIS,
        given_at=now,
    )
    person.consents.append(consent)
    session.flush()


def change(
    session: Session, person: Person, channel: str, agreed: bool, *, by: str, now: datetime
) -> None:
    """Give or withdraw a consent for somebody who wrote to us, with an audit entry.

    A withdrawn one is retained as evidence. Raises ConsentRefused, PersonErased and PersonDied.
    """
    check_writable(person)
    if agreed and person.left_reason == DIED:
        raise PersonDied(person.number)
    before = sorted(given(person))
    if agreed:
        give(session, person, channel, language=person.language, now=now)
    elif channel in before:
        for consent in person.consents:
            if consent.what == channel and consent.withdrawn_at is None:
                consent.withdrawn_at = now
    else:
        raise ConsentRefused(f"{person.number} has not agreed to {channel}")
    audit.record(
        session,
        person,
        "agreed" if agreed else "withdrew",
        by=by,
        now=now,
        before={"consents": before},
        after={"consents": sorted(given(person))},
    )


def in_effect(channel: str) -> ColumnElement[bool]:
    """Return the condition that a person may be sent something through a channel.

    Nothing may be sent to the dead. For e-mail the address must be confirmed, and not have changed
    since.
    """
    withdrawal = aliased(Consent)
    withdrawn_later = exists().where(
        withdrawal.person_id == Consent.person_id,
        withdrawal.what == channel,
        withdrawal.withdrawn_at > Consent.given_at,
    )
    agreed = (Person.left_reason != DIED) & exists().where(
        Consent.person_id == Person.id,
        Consent.what == channel,
        Consent.withdrawn_at.is_(None),
        ~withdrawn_later,
    )
    if channel != EMAIL:
        return agreed
    confirmed = exists().where(
        Account.id == Person.account_id,
        Account.email == Person.email_folded,
        Account.closed_at.is_(None),
    )
    return agreed & confirmed


def effective(session: Session, person: Person) -> frozenset[str]:
    """Return the channels through which a person may be sent something."""
    query = select(*map(in_effect, CHANNELS)).select_from(Person).where(Person.id == person.id)
    row = session.execute(query).one()
    return frozenset(channel for channel, effective in zip(CHANNELS, row, strict=True) if effective)
