"""S20 in rules: a token is valid once, for its purpose, until it expires or is revoked."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import ConfirmationToken
from psgflask.core.database import db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JANE = "jane@example.org"


def refusal(rule: Callable[..., object], session: Session, purpose: str, token: str) -> str:
    """Return why a link was refused, "" when it was not."""
    try:
        rule(session, purpose, token, now=NOW)
    except TokenRejected as refused:
        return refused.reason
    return ""


def test_s20_a_token_is_valid_once(session: Session) -> None:
    token = confirmation_tokens.issue(session, "join", email=JANE, now=NOW).secret
    assert confirmation_tokens.redeem(session, "join", token, now=NOW).email == JANE
    assert refusal(confirmation_tokens.redeem, session, "join", token) == "used"
    assert refusal(confirmation_tokens.get_valid, session, "join", token) == "used"


def test_s20_looking_up_a_token_does_not_use_it(session: Session) -> None:
    token = confirmation_tokens.issue(session, "join", email=JANE, now=NOW).secret
    for _scanner in range(20):
        assert confirmation_tokens.get_valid(session, "join", token, now=NOW).used_at is None
    assert confirmation_tokens.redeem(session, "join", token, now=NOW).used_at == NOW


@pytest.mark.parametrize("rule", [confirmation_tokens.get_valid, confirmation_tokens.redeem])
def test_s20_a_token_is_valid_for_72_hours(session: Session, rule: Callable[..., object]) -> None:
    life = timedelta(hours=72)
    fresh = confirmation_tokens.issue(
        session, "join", email=JANE, now=NOW - life + timedelta(seconds=1)
    )
    old = confirmation_tokens.issue(session, "join", email=JANE, now=NOW - life)
    assert refusal(rule, session, "join", fresh.secret) == ""
    assert refusal(rule, session, "join", old.secret) == "expired"


@pytest.mark.parametrize("rule", [confirmation_tokens.get_valid, confirmation_tokens.redeem])
def test_s20_an_altered_secret_opens_nothing(session: Session, rule: Callable[..., object]) -> None:
    sent = confirmation_tokens.issue(session, "join", email=JANE, now=NOW)
    token = sent.secret
    altered = [
        *(token[:-1], token + "A", token[1:], token.swapcase(), token[::-1], token + "="),
        *(f" {token}", f"{token}\n", f"{token}/", token[:20], "", "again", "\ud800", "ñ" * 43),
        *(sent.token.token_hash, "' OR 1=1 --", "%", "x" * 100_000),
    ]
    for other in altered:
        assert refusal(rule, session, "join", other) == "unknown", other
    assert refusal(confirmation_tokens.redeem, session, "join", token) == ""


@pytest.mark.parametrize("rule", [confirmation_tokens.get_valid, confirmation_tokens.redeem])
def test_s20_a_token_for_another_purpose_is_refused(
    session: Session, rule: Callable[..., object]
) -> None:
    token = confirmation_tokens.issue(session, confirmation_tokens.VOID, email=JANE, now=NOW).secret
    assert refusal(rule, session, "join", token) == "unknown"
    token = confirmation_tokens.issue(session, "join", email=JANE, now=NOW).secret
    assert refusal(rule, session, "void", token) == "unknown"
    assert refusal(rule, session, "join", token) == ""


@pytest.mark.parametrize("rule", [confirmation_tokens.get_valid, confirmation_tokens.redeem])
def test_s20_once_the_address_has_changed_links_to_the_old_one_open_nothing(
    session: Session, rule: Callable[..., object]
) -> None:
    old = confirmation_tokens.issue(
        session, "join", email=JANE, now=NOW, data={"person": "1"}
    ).secret
    housemate = confirmation_tokens.issue(
        session, "join", email=JANE, now=NOW, data={"person": "2"}
    ).secret
    assert confirmation_tokens.revoke(session, data={"person": ["1"]}) == 1
    assert refusal(rule, session, "join", old) == "unknown"
    assert refusal(rule, session, "join", housemate) == ""


def test_revoking_needs_a_criterion(session: Session) -> None:
    confirmation_tokens.issue(session, "join", email=JANE, now=NOW, data={"person": "1"})
    with pytest.raises(ValueError, match="whose"):
        confirmation_tokens.revoke(session, data={})
    assert confirmation_tokens.revoke(session, data={"person": ["2"]}) == 0
    assert confirmation_tokens.revoke(session, data={"person": ["1"]}) == 1


def test_s20_twenty_of_twenty_links_that_are_no_longer_good_are_refused(session: Session) -> None:
    tokens: list[str] = []
    for number in range(20):
        made = NOW - timedelta(hours=72) if number % 4 == 0 else NOW
        email, data = f"{number}@example.org", {"person": str(number)}
        sent = confirmation_tokens.issue(session, "join", email=email, now=made, data=data)
        if number % 4 == 1:
            confirmation_tokens.redeem(session, "join", sent.secret, now=NOW)
        if number % 4 == 2:
            confirmation_tokens.revoke(session, data={"person": [str(number)]})
        tokens.append(sent.secret + "x" if number % 4 == 3 else sent.secret)
    refused = [refusal(confirmation_tokens.redeem, session, "join", token) for token in tokens]
    assert refused == ["expired", "used", "unknown", "unknown"] * 5


def test_s20_of_eight_who_press_at_once_one_wins(app: Flask) -> None:
    with app.app_context():
        token = confirmation_tokens.issue(db.session(), "join", email=JANE, now=NOW).secret
        db.session.commit()
    barrier, outcomes = threading.Barrier(8), list[str]()

    def press() -> None:
        with app.app_context():
            session = db.session()
            barrier.wait()
            outcomes.append(refusal(confirmation_tokens.redeem, session, "join", token) or "won")
            session.commit()

    threads = [threading.Thread(target=press) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["used"] * 7 + ["won"]


def test_s20_the_database_holds_no_secret(session: Session) -> None:
    token = confirmation_tokens.issue(
        session, "join", email=JANE, now=NOW, data={"person": "1"}
    ).secret
    assert len(token) == 43  # 32 bytes: 256 bits
    dump = str(session.execute(text("SELECT * FROM proofs")).all())
    assert token not in dump
    assert token[:20] not in dump
    assert JANE in dump  # so the dump was of the right row


def test_no_two_secrets_are_alike(session: Session) -> None:
    made = {
        confirmation_tokens.issue(session, "join", email=JANE, now=NOW).secret
        for _number in range(100)
    }
    assert len(made) == 100


def test_tokens_are_stored_while_a_new_link_can_be_requested(session: Session) -> None:
    waiting = confirmation_tokens.issue(session, "join", email="waiting@example.org", now=NOW)
    used = confirmation_tokens.issue(session, "join", email="used@example.org", now=NOW)
    confirmation_tokens.redeem(session, "join", used.secret, now=NOW)
    confirmation_tokens.issue(session, confirmation_tokens.VOID, email="", now=NOW)

    def left(days: float) -> list[str]:
        confirmation_tokens.delete_expired(session, now=NOW + timedelta(days=days))
        return sorted(session.scalars(select(ConfirmationToken.email)))

    assert left(2.9) == ["", "used@example.org", "waiting@example.org"]
    assert left(3) == ["used@example.org", "waiting@example.org"]
    assert left(30) == ["waiting@example.org"]
    assert left(89.9) == ["waiting@example.org"]
    assert left(90) == []
    assert waiting.secret
