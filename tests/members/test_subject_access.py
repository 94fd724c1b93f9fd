import json
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts.models import ConfirmationToken
from psgflask.members import audit, payments, subject_access
from tests.members.people import NOW, SECRET, applied, link_of, tier, verified


def test_access_returns_everything_that_any_table_contains_about_a_person(session: Session) -> None:
    home = tier("household", "household")
    application = verified(
        session,
        applied(session, tier=home, household=("Ana Quispe",), consents=frozenset({"post"})),
    )
    person = application.person
    token = link_of(session, application)
    audit.add_note(session, person, "Rang on Monday", by="ann", now=NOW)
    payments.confirm(
        session,
        person,
        amount=Decimal("24.00"),
        method="cheque",
        received_on=NOW.date(),
        by="ann",
        now=NOW,
    )
    record = subject_access.everything(session, person, secret=SECRET)
    text = json.dumps(record, ensure_ascii=False, default=str)
    for word in (
        *("María Castañeda", "Ana Quispe", "maria@example.org", "+44 113 496 0000", "LS1 4DY"),
        *("1 Llama Street", "by post", "Rang on Monday", "24.00"),
    ):
        assert word in text
    assert [row["email"] for row in record["accounts"]] == ["maria@example.org"]
    assert [row["kind"] for row in record["outbox"]] == [
        "application_received",
        "verify",
        "verify_known",
    ]
    assert len(record["proofs"]) == len(record["attempts"]) == 2
    hashes = session.scalars(select(ConfirmationToken.token_hash)).all()
    assert not any(secret in text for secret in (token, *hashes))


def test_access_returns_nothing_about_other_people(session: Session) -> None:
    person = applied(session).person
    other = verified(session, applied(session, name="Luis Díaz", postcode="M1 1AA")).person
    record = subject_access.everything(session, person, secret=SECRET)
    text = json.dumps(record, ensure_ascii=False, default=str)
    assert "Luis" not in text
    assert other.number not in text
