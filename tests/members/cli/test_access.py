"""What the letter about personal data calls things: every word of the program has plain ones."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy.orm import Session

from psgflask import members
from psgflask.members import duplicates, subject_access
from psgflask.members.bounces import BY_MAIL_SERVER
from psgflask.members.cli import access
from psgflask.members.erasure import BY_RETENTION
from psgflask.members.models import DIED, JOINED, METHODS, NOT_THE_SAME, OUTCOMES, RESIGNED, RIGHTS
from tests.mail.mails import KINDS
from tests.members.people import NOW, SECRET, applied

CODE = Path(members.__file__).parent
SITE = CODE.parent
# Changes as the audit trail names them: the first text among the arguments of `record`.
RECORDED = re.compile(r'audit\.record\(\s*session,\s*[\w.]+,\s*("[^"]+"(?: if \w+ else "[^"]+")?)')


def changes() -> set[str]:
    found = {
        word
        for file in CODE.rglob("*.py")
        for argument in RECORDED.findall(file.read_text("utf-8"))
        for word in re.findall(r'"([^"]+)"', argument)
    }
    assert {"applied", "paid", "corrected", "agreed", "withdrew", "link mailed again"} <= found
    return found | {RESIGNED, DIED, JOINED, NOT_THE_SAME}


def programs() -> set[str]:
    """Return who makes changes besides people: texts for `by`, and constants named BY_..."""
    found = {
        word
        for file in SITE.rglob("*.py")
        for word in re.findall(r'\b(?:by=|BY_\w+ = )"([^"]+)"', file.read_text("utf-8"))
    }
    assert {"applicant", BY_MAIL_SERVER, BY_RETENTION, "restore"} <= found
    return found


@pytest.mark.parametrize(
    "words",
    [changes(), programs(), KINDS, METHODS, OUTCOMES, RIGHTS],
    ids=lambda words: sorted(words)[0],
)
def test_every_word_of_the_program_is_said_in_plain_ones(app: Flask, words: set[str]) -> None:
    assert sorted(set(words) - set(access.VALUES)) == []
    for language in ("en", "es"):
        with app.app_context(), force_locale(language):
            assert "_" not in "".join(str(access.VALUES[word]) for word in words)


def test_the_letter_is_about_those_who_were_joined_too(app: Flask, session: Session) -> None:
    first = applied(session).person
    second = applied(session, name="Marie Castaneda", postcode="M1 1AA").person
    duplicates.join(session, second, first, by="ann", now=NOW)
    record = subject_access.everything(session, first, secret=SECRET)
    letter = access.letter(record, now=NOW)
    for text in ("María Castañeda", "Marie Castaneda", "Two entries", second.number):
        assert text in letter
    duplicates.separate(session, second, by="ann", now=NOW)
    record = subject_access.everything(session, first, secret=SECRET)
    letter = access.letter(record, now=NOW)
    assert "Two entries of yours were joined" in letter
    assert second.number not in letter
