import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.members import audit, consents, erasure, payments, people
from psgflask.members.consents import CHANNELS, WORDINGS, ConsentRefused
from psgflask.members.models import Person, PersonErased
from tests.members.people import NOW, applied, verified

BOTH = frozenset(CHANNELS)
# The hash of the wordings of each version: a changed wording needs a new version.
PUBLISHED = {"2026-1": "645afed5"}


def effective(session: Session, person: Person) -> frozenset[str]:
    session.expire_all()
    return consents.effective(session, person)


def test_every_channel_has_a_wording_in_each_language() -> None:
    assert set(WORDINGS) == {(what, language) for what in CHANNELS for language in LANGUAGES}


def test_a_changed_wording_has_a_new_version() -> None:
    wordings: dict[str, list[list[str]]] = {}
    for (what, language), wording in sorted(WORDINGS.items()):
        wordings.setdefault(wording.version, []).append([what, language, wording.text])
    hashes = {
        version: hashlib.sha256(json.dumps(words).encode()).hexdigest()[:8]
        for version, words in wordings.items()
    }
    assert hashes == PUBLISHED


def test_s3_consent_to_email_takes_effect_once_the_address_is_confirmed(session: Session) -> None:
    application = applied(session, consents=BOTH)
    assert consents.given(application.person) == BOTH
    assert effective(session, application.person) == {"post"}
    verified(session, application)
    assert effective(session, application.person) == BOTH


def test_a_confirmed_address_is_no_consent(session: Session) -> None:
    application = verified(session, applied(session))
    assert effective(session, application.person) == frozenset()


def test_confirming_an_address_confirms_no_other_person_with_it(session: Session) -> None:
    other = applied(session, name="Somebody", consents=BOTH)
    verified(session, applied(session, consents=BOTH))
    assert effective(session, other.person) == {"post"}


def test_a_corrected_address_must_be_confirmed_again(session: Session) -> None:
    person = verified(session, applied(session, consents=BOTH)).person
    people.correct(session, person, {"email": "new@example.org"}, by="ann", now=NOW)
    assert effective(session, person) == {"post"}


def test_a_withdrawn_consent_is_retained_as_evidence(session: Session) -> None:
    person = verified(session, applied(session, consents=BOTH)).person
    later = NOW + timedelta(days=1)
    consents.change(session, person, "email", False, by="ann", now=later)
    assert effective(session, person) == {"post"}
    assert [(one.what, one.withdrawn_at) for one in person.consents] == [
        ("email", later),
        ("post", None),
    ]
    entry = audit.entries(session, person.number)[-1]
    assert (entry.what, entry.who) == ("withdrew", "ann")
    assert (entry.before, entry.after) == (
        {"consents": ["email", "post"]},
        {"consents": ["post"]},
    )


def test_a_consent_can_be_given_again(session: Session) -> None:
    person = applied(session, consents=BOTH).person
    consents.change(session, person, "post", False, by="ann", now=NOW)
    consents.change(session, person, "post", True, by="ann", now=NOW)
    assert "post" in effective(session, person)
    assert len(person.consents) == 3


def test_a_consent_is_neither_given_twice_nor_withdrawn_when_not_given(session: Session) -> None:
    person = applied(session, consents=frozenset({"post"})).person
    with pytest.raises(ConsentRefused, match="already"):
        consents.change(session, person, "post", True, by="ann", now=NOW)
    with pytest.raises(ConsentRefused, match="has not agreed"):
        consents.change(session, person, "email", False, by="ann", now=NOW)


def test_an_erased_person_cannot_be_given_a_consent(session: Session) -> None:
    person = applied(session).person
    payments.confirm(
        session,
        person,
        amount=payments.parse_amount("24"),
        method="cheque",
        received_on=NOW.date(),
        by="ann",
        now=NOW,
    )
    erasure.erase(session, [person], by="ann", now=NOW)
    with pytest.raises(PersonErased):
        consents.change(session, person, "post", True, by="ann", now=NOW)
    assert session.scalars(select(Person).where(consents.in_effect("post"))).all() == []
