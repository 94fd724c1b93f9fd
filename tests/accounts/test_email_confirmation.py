"""Joining: what an applicant, a stranger and a member get, and what cannot be told from outside."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.email_addresses import InvalidEmailAddress
from psgflask.accounts.models import Account, Attempt, ConfirmationToken
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core.database import Model, db
from psgflask.mail.models import VOID, WAITING, Message
from tests.statements import statements

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JANE = "jane@example.org"


def link(token: str) -> str:
    return f"https://psg.example/accounts/join/{token}"


def ask(session: Session, email: str = JANE, *, now: datetime = NOW, **said: Any) -> None:
    given: dict[str, Any] = {
        "language": "en",
        "network": "203.0.113.7",
        "secret": "only-in-tests",
        "values": {"name": "Jane", "reference": "PSG 1042-7"},
        "data": {"application": 12},
        "about": "person 12",
        **said,
    }
    email_confirmation.request_confirmation(session, email=email, link=link, now=now, **given)


def again(session: Session, email: str = JANE, *, now: datetime = NOW, **said: Any) -> None:
    given: dict[str, Any] = {
        "language": "en",
        "network": "203.0.113.7",
        "secret": "only-in-tests",
        **said,
    }
    email_confirmation.resend(session, email=email, link=link, now=now, **given)


def mails(session: Session) -> list[Message]:
    return list(session.scalars(select(Message).order_by(Message.id)))


def token_of(mail: Message) -> str:
    return str(mail.values["link"]).rpartition("/")[2]


def counts(session: Session) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in Model.metadata.tables.items()
    }


@pytest.fixture
def heard() -> Iterator[list[tuple[ConfirmationToken, Account, datetime]]]:
    """What a package that listens for confirmations receives."""
    told: list[tuple[ConfirmationToken, Account, datetime]] = []

    def listen(session: Session, token: ConfirmationToken, account: Account, now: datetime) -> None:
        told.append((token, account, now))

    before = list(email_confirmation._listeners)
    email_confirmation._listeners[:] = []
    email_confirmation.on_confirmed(listen)
    email_confirmation.on_confirmed(listen)
    yield told
    email_confirmation._listeners[:] = before


def test_an_applicant_is_mailed_a_link_that_opens_an_account(
    session: Session, heard: list[tuple[ConfirmationToken, Account, datetime]]
) -> None:
    ask(session, "Jane@Example.ORG", language="es")
    [mail] = mails(session)
    assert (mail.kind, mail.recipient, mail.language) == ("verify", "Jane@example.org", "es")
    assert (mail.state, mail.about, mail.due_at) == (WAITING, "person 12", NOW)
    token = token_of(mail)
    assert mail.values == {
        "name": "Jane",
        "reference": "PSG 1042-7",
        "hours": 72,
        "link": link(token),
    }
    account = email_confirmation.confirm(session, token, now=NOW + HOUR)
    assert (account.email, account.language) == (JANE, "es")
    assert account.verified_at == account.created_at == NOW + HOUR
    [(redeemed, told, when)] = heard
    assert (redeemed.data["application"], told, when) == (12, account, NOW + HOUR)


def test_nobody_has_an_account_before_the_link_is_followed(session: Session) -> None:
    ask(session)
    assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_somebody_known_gets_a_mail_that_says_so_and_keeps_the_account(
    session: Session, heard: list[tuple[ConfirmationToken, Account, datetime]]
) -> None:
    ask(session)
    first = email_confirmation.confirm(session, token_of(mails(session)[0]), now=NOW)
    ask(session, data={"application": 13}, now=NOW + DAY)
    mail = mails(session)[1]
    assert mail.kind == "verify_known"
    assert email_confirmation.confirm(session, token_of(mail), now=NOW + DAY) is first
    assert [token.data["application"] for token, _account, _now in heard] == [12, 13]
    assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_a_listener_may_refuse_and_then_nothing_has_happened(session: Session) -> None:
    ask(session)
    session.commit()
    token = token_of(mails(session)[0])
    before = list(email_confirmation._listeners)

    @email_confirmation.on_confirmed
    def refuse(session: Session, token: ConfirmationToken, account: Account, now: datetime) -> None:
        raise TokenRejected(confirmation_tokens.UNKNOWN)

    try:
        with pytest.raises(TokenRejected):
            email_confirmation.confirm(session, token, now=NOW)
        session.rollback()
    finally:
        email_confirmation._listeners[:] = before
    assert session.scalar(select(func.count()).select_from(Account)) == 0
    assert email_confirmation.confirm(session, token, now=NOW).email == JANE


def test_an_account_that_was_closed_opens_again(session: Session) -> None:
    session.add(Account(email=JANE, language="en", created_at=NOW, verified_at=NOW, closed_at=NOW))
    ask(session)
    assert (
        email_confirmation.confirm(session, token_of(mails(session)[0]), now=NOW).closed_at is None
    )


def test_a_new_link_has_the_words_of_the_application_and_both_links_are_good(
    session: Session,
) -> None:
    ask(session, language="es")
    again(session, "JANE@example.org", now=NOW + HOUR)
    first, second = mails(session)
    assert (second.kind, second.language, second.about) == ("verify", "es", "person 12")
    assert {**second.values, "link": ""} == {**first.values, "link": ""}
    assert token_of(first) != token_of(second)
    for mail in (first, second):
        assert (
            confirmation_tokens.get_valid(session, "join", token_of(mail), now=NOW + HOUR).email
            == JANE
        )


def test_once_one_link_is_followed_the_others_of_it_say_that_it_is_done(session: Session) -> None:
    ask(session)
    again(session)
    again(session)
    tokens = [token_of(mail) for mail in mails(session)]
    assert len(set(tokens)) == 3
    email_confirmation.confirm(session, tokens[1], now=NOW)
    for token in tokens:
        with pytest.raises(TokenRejected) as refused:
            email_confirmation.confirm(session, token, now=NOW)
        assert refused.value.reason == "used"


def test_a_link_of_another_application_is_left_alone(session: Session) -> None:
    """A stranger may have typed this address: to confirm one's own must not confirm theirs."""
    ask(session, data={"application": 12})
    ask(session, data={"application": 13}, values={"name": "Mallory", "reference": "PSG 1043-1"})
    mine, theirs = (token_of(mail) for mail in mails(session))
    email_confirmation.confirm(session, mine, now=NOW)
    assert confirmation_tokens.get_valid(session, "join", theirs, now=NOW).used_at is None


def test_a_new_link_can_be_asked_for_long_after_the_old_one_ended(session: Session) -> None:
    ask(session)
    late = NOW + 80 * DAY
    confirmation_tokens.delete_expired(session, now=late)
    again(session, now=late)
    assert email_confirmation.confirm(session, token_of(mails(session)[1]), now=late).email == JANE


def test_a_confirmed_applicant_who_requests_a_new_link_gets_a_mail_that_says_so(
    session: Session,
) -> None:
    ask(session)
    email_confirmation.confirm(session, token_of(mails(session)[0]), now=NOW)
    again(session)
    assert mails(session)[1].kind == "verify_known"


def test_for_an_unknown_address_nothing_is_mailed_or_stored(session: Session) -> None:
    again(session, "stranger@example.org")
    again(session, "stranger@example.org")
    sent = [(mail.state, mail.recipient, mail.values) for mail in mails(session)]
    assert sent == [(VOID, "", {})] * 2
    tokens = session.scalars(select(ConfirmationToken))
    assert [(token.purpose, token.email) for token in tokens] == [("void", "")] * 2


def test_after_an_erasure_a_new_link_leads_nowhere(session: Session) -> None:
    ask(session, data={"member": "PSG 1042-9"})
    assert confirmation_tokens.revoke(session, data={"member": ["PSG 1042-9"]}) == 1
    again(session)
    assert mails(session)[1].state == VOID


def test_what_is_beyond_a_limit_is_neither_stored_nor_mailed(session: Session) -> None:
    for number in range(40):
        ask(session, f"somebody-{number}@example.org")
    before = counts(session)
    with pytest.raises(RateLimitExceeded):
        ask(session)
    assert counts(session) == before
    for _number in range(5):
        again(session)
    before = counts(session)
    with pytest.raises(RateLimitExceeded):
        again(session)
    assert counts(session) == before


def test_what_is_held_is_not_mailed_and_a_link_can_be_asked_for_later(session: Session) -> None:
    for _number in range(3):
        ask(session)
    before = len(mails(session))
    ask(session, data={"application": 15})
    assert len(mails(session)) == before
    again(session, now=NOW + DAY)
    [token] = session.scalars(
        select(ConfirmationToken).order_by(ConfirmationToken.id.desc()).limit(1)
    )
    assert token.data["application"] == 15
    assert mails(session)[-1].recipient == JANE
    email_confirmation.confirm(session, token_of(mails(session)[-1]), now=NOW + DAY)


@pytest.mark.parametrize("rule", [ask, again])
def test_an_invalid_address_uses_up_no_limit(
    session: Session, rule: Callable[[Session, str], None]
) -> None:
    before = counts(session)
    with pytest.raises(InvalidEmailAddress):
        rule(session, "jane@example.org\nBcc: all@example.org")
    assert counts(session) == before


@pytest.mark.parametrize("rule", [ask, again])
def test_s4_known_and_unknown_cost_the_same_statements_and_rows(
    session: Session, rule: Callable[[Session, str], None]
) -> None:
    ask(session, "known@example.org", network="198.51.100.1")
    email_confirmation.confirm(session, token_of(mails(session)[0]), now=NOW)
    ask(session, "waiting@example.org", network="198.51.100.2")
    session.commit()
    costs, grown = {}, {}
    for who in ("known", "waiting", "stranger"):
        before = counts(session)
        session.rollback()
        with statements() as said:
            rule(session, f"{who}@example.org")
            session.commit()
        after = counts(session)
        session.rollback()
        costs[who] = said
        grown[who] = {name: after[name] - before[name] for name in after}
    assert costs["known"] == costs["waiting"] == costs["stranger"]
    assert grown["known"] == grown["waiting"] == grown["stranger"]
    assert grown["known"] | {"attempts": 1, "proofs": 1, "outbox": 1} == grown["known"]


def test_s4_how_often_one_may_ask_is_the_same_for_known_and_unknown(session: Session) -> None:
    ask(session, "known@example.org", network="198.51.100.1", now=NOW - 2 * DAY)
    through = {}
    for number, who in enumerate(("known", "stranger")):
        network = f"203.0.113.{number}"
        through[who] = 0
        for _number in range(20):
            try:
                again(session, f"{who}@example.org", network=network)
            except RateLimitExceeded:
                break
            through[who] += 1
    assert through == {"known": 5, "stranger": 5}


def test_s20_of_eight_who_press_at_once_one_opens_the_account(
    app: Flask, heard: list[tuple[ConfirmationToken, Account, datetime]]
) -> None:
    with app.app_context():
        ask(db.session())
        db.session.commit()
        token = token_of(mails(db.session())[0])
    barrier, outcomes = threading.Barrier(8), list[str]()

    def press() -> None:
        with app.app_context():
            barrier.wait()
            try:
                email_confirmation.confirm(db.session(), token, now=NOW)
                outcomes.append("won")
            except TokenRejected as refused:
                outcomes.append(refused.reason)
            db.session.commit()

    threads = [threading.Thread(target=press) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["used"] * 7 + ["won"]
    assert len(heard) == 1
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Account)) == 1
        assert db.session.scalar(select(func.count()).select_from(Attempt)) == 1


def test_a_token_for_another_purpose_confirms_no_application(session: Session) -> None:
    confirmation_tokens.issue(session, confirmation_tokens.VOID, email=JANE, now=NOW)
    again(session)
    assert mails(session)[0].state == VOID
