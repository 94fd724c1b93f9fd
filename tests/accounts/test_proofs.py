"""S20 in rules: a proof is good once, for what it was made for, until it is too old or recalled."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psgflask.accounts import proofs
from psgflask.accounts.models import Proof
from psgflask.accounts.proofs import ProofRefused
from psgflask.core.database import db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JANE = "jane@example.org"


def refusal(rule: Callable[..., object], session: Session, purpose: str, token: str) -> str:
    """Return why a link was refused, "" when it was not."""
    try:
        rule(session, purpose, token, now=NOW)
    except ProofRefused as refused:
        return refused.reason
    return ""


def test_s20_a_proof_is_good_once(session: Session) -> None:
    token = proofs.send(session, "join", email=JANE, now=NOW).token
    assert proofs.use(session, "join", token, now=NOW).email == JANE
    assert refusal(proofs.use, session, "join", token) == "used"
    assert refusal(proofs.look, session, "join", token) == "used"


def test_s20_to_look_spends_nothing(session: Session) -> None:
    token = proofs.send(session, "join", email=JANE, now=NOW).token
    for _scanner in range(20):
        assert proofs.look(session, "join", token, now=NOW).used_at is None
    assert proofs.use(session, "join", token, now=NOW).used_at == NOW


@pytest.mark.parametrize("rule", [proofs.look, proofs.use])
def test_s20_a_proof_lives_for_72_hours(session: Session, rule: Callable[..., object]) -> None:
    life = timedelta(hours=72)
    fresh = proofs.send(session, "join", email=JANE, now=NOW - life + timedelta(seconds=1))
    old = proofs.send(session, "join", email=JANE, now=NOW - life)
    assert refusal(rule, session, "join", fresh.token) == ""
    assert refusal(rule, session, "join", old.token) == "expired"


@pytest.mark.parametrize("rule", [proofs.look, proofs.use])
def test_s20_an_altered_secret_opens_nothing(session: Session, rule: Callable[..., object]) -> None:
    sent = proofs.send(session, "join", email=JANE, now=NOW)
    token = sent.token
    altered = [
        *(token[:-1], token + "A", token[1:], token.swapcase(), token[::-1], token + "="),
        *(f" {token}", f"{token}\n", f"{token}/", token[:20], "", "again", "\ud800", "ñ" * 43),
        *(sent.proof.token_hash, "' OR 1=1 --", "%", "x" * 100_000),
    ]
    for other in altered:
        assert refusal(rule, session, "join", other) == "unknown", other
    assert refusal(proofs.use, session, "join", token) == ""


@pytest.mark.parametrize("rule", [proofs.look, proofs.use])
def test_s20_a_proof_for_another_purpose_opens_nothing(
    session: Session, rule: Callable[..., object]
) -> None:
    token = proofs.send(session, proofs.VOID, email=JANE, now=NOW).token
    assert refusal(rule, session, "join", token) == "unknown"
    token = proofs.send(session, "join", email=JANE, now=NOW).token
    assert refusal(rule, session, "void", token) == "unknown"
    assert refusal(rule, session, "join", token) == ""


@pytest.mark.parametrize("rule", [proofs.look, proofs.use])
def test_s20_once_the_address_has_changed_links_to_the_old_one_open_nothing(
    session: Session, rule: Callable[..., object]
) -> None:
    old = proofs.send(session, "join", email=JANE, now=NOW, data={"person": 1}).token
    housemate = proofs.send(session, "join", email=JANE, now=NOW, data={"person": 2}).token
    assert proofs.cancel(session, email=JANE, data={"person": 1}) == 1
    assert refusal(rule, session, "join", old) == "unknown"
    assert refusal(rule, session, "join", housemate) == ""


def test_what_is_recalled_must_be_named(session: Session) -> None:
    proofs.send(session, "join", email=JANE, now=NOW, data={"person": 1})
    nobodies: tuple[dict[str, Any], ...] = ({}, {"data": {}}, {"purpose": "join"})
    for nobody in nobodies:
        with pytest.raises(ValueError, match="whose"):
            proofs.cancel(session, **nobody)
    assert proofs.cancel(session, email="other@example.org") == 0
    assert proofs.cancel(session, data={"person": 2}) == 0
    assert proofs.cancel(session, purpose="void", data={"person": 1}) == 0
    assert proofs.cancel(session, data={"person": 1}) == 1


def test_s20_twenty_of_twenty_links_that_are_no_longer_good_are_refused(session: Session) -> None:
    tokens: list[str] = []
    for number in range(20):
        made = NOW - timedelta(hours=72) if number % 4 == 0 else NOW
        sent = proofs.send(session, "join", email=f"{number}@example.org", now=made)
        if number % 4 == 1:
            proofs.use(session, "join", sent.token, now=NOW)
        if number % 4 == 2:
            proofs.cancel(session, email=sent.proof.email)
        tokens.append(sent.token + "x" if number % 4 == 3 else sent.token)
    refused = [refusal(proofs.use, session, "join", token) for token in tokens]
    assert refused == ["expired", "used", "unknown", "unknown"] * 5


def test_s20_of_eight_who_press_at_once_one_wins(app: Flask) -> None:
    with app.app_context():
        token = proofs.send(db.session(), "join", email=JANE, now=NOW).token
        db.session.commit()
    barrier, outcomes = threading.Barrier(8), list[str]()

    def press() -> None:
        with app.app_context():
            session = db.session()
            barrier.wait()
            outcomes.append(refusal(proofs.use, session, "join", token) or "won")
            session.commit()

    threads = [threading.Thread(target=press) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["used"] * 7 + ["won"]


def test_s20_the_database_holds_no_secret(session: Session) -> None:
    token = proofs.send(session, "join", email=JANE, now=NOW, data={"person": 1}).token
    assert len(token) == 43  # 32 bytes: 256 bits
    dump = str(session.execute(text("SELECT * FROM proofs")).all())
    assert token not in dump
    assert token[:20] not in dump
    assert JANE in dump  # so the dump was of the right row


def test_no_two_secrets_are_alike(session: Session) -> None:
    made = {proofs.send(session, "join", email=JANE, now=NOW).token for _number in range(100)}
    assert len(made) == 100


def test_proofs_are_kept_while_a_new_link_can_be_asked_for(session: Session) -> None:
    waiting = proofs.send(session, "join", email="waiting@example.org", now=NOW)
    used = proofs.send(session, "join", email="used@example.org", now=NOW)
    proofs.use(session, "join", used.token, now=NOW)
    proofs.send(session, proofs.VOID, email="", now=NOW)

    def left(days: float) -> list[str]:
        proofs.trim(session, now=NOW + timedelta(days=days))
        return sorted(session.scalars(select(Proof.email)))

    assert left(2.9) == ["", "used@example.org", "waiting@example.org"]
    assert left(3) == ["used@example.org", "waiting@example.org"]
    assert left(30) == ["waiting@example.org"]
    assert left(89.9) == ["waiting@example.org"]
    assert left(90) == []
    assert waiting.token
