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
# The words of each version, by their hash: whoever changes words gives them a new version.
PUBLISHED = {"2026-1": "645afed5"}


def reached(session: Session, person: Person) -> frozenset[str]:
    session.expire_all()
    return consents.effective(session, person)


def test_everybody_is_asked_in_their_own_language() -> None:
    assert set(WORDINGS) == {(what, language) for what in CHANNELS for language in LANGUAGES}


def test_other_words_have_another_version() -> None:
    said: dict[str, list[list[str]]] = {}
    for (what, language), wording in sorted(WORDINGS.items()):
        said.setdefault(wording.version, []).append([what, language, wording.text])
    hashes = {
        version: hashlib.sha256(json.dumps(words).encode()).hexdigest()[:8]
        for version, words in said.items()
    }
    assert hashes == PUBLISHED


def test_s3_no_mail_consent_takes_effect_before_the_address_is_proved(session: Session) -> None:
    application = applied(session, consents=BOTH)
    assert consents.given(application.person) == BOTH
    assert reached(session, application.person) == {"post"}
    verified(session, application)
    assert reached(session, application.person) == BOTH


def test_a_proved_address_gives_nobody_consent(session: Session) -> None:
    application = verified(session, applied(session))
    assert reached(session, application.person) == frozenset()


def test_another_of_the_same_address_is_not_proved_with_it(session: Session) -> None:
    stranger = applied(session, name="Somebody", consents=BOTH)
    verified(session, applied(session, consents=BOTH))
    assert reached(session, stranger.person) == {"post"}


def test_a_corrected_address_has_to_be_proved_anew(session: Session) -> None:
    person = verified(session, applied(session, consents=BOTH)).person
    people.correct(session, person, {"email": "new@example.org"}, by="ann", now=NOW)
    assert reached(session, person) == {"post"}


def test_a_withdrawn_consent_ends_and_is_kept_to_be_proved(session: Session) -> None:
    person = verified(session, applied(session, consents=BOTH)).person
    later = NOW + timedelta(days=1)
    consents.change(session, person, "email", False, by="ann", now=later)
    assert reached(session, person) == {"post"}
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
    assert "post" in reached(session, person)
    assert len(person.consents) == 3


def test_a_consent_is_neither_given_twice_nor_withdrawn_ungiven(session: Session) -> None:
    person = applied(session, consents=frozenset({"post"})).person
    with pytest.raises(ConsentRefused, match="already"):
        consents.change(session, person, "post", True, by="ann", now=NOW)
    with pytest.raises(ConsentRefused, match="has not agreed"):
        consents.change(session, person, "email", False, by="ann", now=NOW)


def test_nobody_agrees_for_the_erased(session: Session) -> None:
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
