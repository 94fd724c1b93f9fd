"""`flask mail`: what the terminal shows of the outbox, and what it can set going."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.config import ConfigurationRefused
from psgflask.mail import outbox, worker_task
from psgflask.mail.models import DEAD, WAITING, Message
from tests.mail.mail_server import MailServer
from tests.mail.mails import TOKEN, only, post


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Run `flask mail ...`."""
    return lambda *args: app.test_cli_runner().invoke(args=["mail", *args])


@pytest.fixture
def outbox_rows(app: Flask, session: Session) -> dict[str, int]:
    """A mail of each state."""
    now = utc_now()
    ids = {state: post(session, now).id for state in ("waiting", "sent", "dead")}
    outbox.mark_sent(session, ids["sent"], now=now)
    outbox.mark_dead(session, ids["dead"], error="550 5.1.1 No such user", now=now)
    ids["void"] = post(session, now, void=True).id
    session.commit()
    return ids


def listed(run: Callable[..., Result], *options: str) -> list[dict[str, Any]]:
    done = run("list", "--json", *options)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)
    return found


def test_the_outbox_is_listed_newest_first_with_what_became_of_each(
    run: Callable[..., Result], outbox_rows: dict[str, int]
) -> None:
    rows = listed(run)
    assert [row["state"] for row in rows] == ["void", "dead", "sent", "waiting"]
    assert rows[1]["error"] == "550 5.1.1 No such user"
    assert rows[2]["sent"]
    table = run("list").output
    assert "No such user" in table
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d (GMT|BST)", table)


def test_the_list_can_be_cut_down_to_one_state(
    run: Callable[..., Result], outbox_rows: dict[str, int]
) -> None:
    assert [row["id"] for row in listed(run, "--state", "dead")] == [outbox_rows["dead"]]
    assert run("list", "--state", "lost").exit_code == 2


def test_an_empty_outbox_says_so(run: Callable[..., Result]) -> None:
    assert "empty" in run("list").output
    assert "No mail is dead" in run("list", "--state", "dead").output
    assert listed(run) == []


def test_s22_addresses_are_listed_when_asked_for_and_tokens_never(
    run: Callable[..., Result], outbox_rows: dict[str, int]
) -> None:
    assert "ana@" not in run("list").output + run("list", "--json").output
    assert {row["to"] for row in listed(run, "--addresses")} == {"ana@example.org", ""}
    assert "ana@example.org" in run("list", "--addresses").output
    assert TOKEN not in run("list", "--json", "--addresses").output


def test_a_dead_mail_is_tried_again(
    run: Callable[..., Result], outbox_rows: dict[str, int], session: Session
) -> None:
    done = run("retry", str(outbox_rows["dead"]))
    assert (done.exit_code, done.output[:2]) == (0, "1 ")
    session.expire_all()
    message = session.get(Message, outbox_rows["dead"])
    assert message is not None
    assert (message.state, message.tries) == (WAITING, 0)


def test_all_dead_mails_are_tried_again(
    run: Callable[..., Result], outbox_rows: dict[str, int]
) -> None:
    assert run("retry", "--all").output.startswith("1 ")
    assert listed(run, "--state", DEAD) == []
    assert run("retry", "--all").output.startswith("0 ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["999"], 1, "no mail 999"),
        ([], 2, "--all"),
        (["1", "--all"], 2, "--all"),
        (["2"], 1, "sent"),
    ],
)
def test_what_cannot_be_tried_again_is_refused_with_a_reason(
    run: Callable[..., Result],
    outbox_rows: dict[str, int],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    done = run("retry", *arguments)
    assert done.exit_code == code
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_test_mail_goes_the_way_of_every_other(
    make_app: Callable[..., Flask], server: MailServer, language: str
) -> None:
    app = make_app(**server.settings())
    done = app.test_cli_runner().invoke(
        args=["mail", "test", "me@example.org", "--language", language]
    )
    assert done.exit_code == 0
    assert "mail 1" in done.output
    assert only(app).state == WAITING
    assert worker_task.run(app) == 1
    (arrived,) = server.arrived
    assert arrived.recipients == ["me@example.org"]
    assert arrived.mail["Content-Language"] == language


@pytest.mark.parametrize("typed", ["nobody", "a@example.org\nb@example.org", "a@e.org,b@e.org"])
def test_s17_a_test_mail_goes_to_one_address(
    run: Callable[..., Result], app: Flask, typed: str
) -> None:
    done = run("test", typed)
    assert done.exit_code == 2
    assert "one address" in done.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MAIL_FROM": "a@e.org\r\nBcc: b@e.org"}, "MAIL_FROM"),
        ({"MAIL_FROM": "Peru Support Group"}, "MAIL_FROM"),
        ({"SECRETARY_EMAIL": "a@e.org, b@e.org"}, "SECRETARY_EMAIL"),
        ({"CONTACT_EMAIL": "a@e.org\n"}, "CONTACT_EMAIL"),
        ({"SMTP_SECURITY": "ssl"}, "starttls, tls or none"),
        ({"SMTP_PORT": 0}, "SMTP_PORT"),
        ({"SMTP_PORT": 70_000}, "SMTP_PORT"),
        ({"SMTP_TIMEOUT": 0}, "SMTP_TIMEOUT"),
        ({"SMTP_HOST": "mail.example"}, "MAIL_FROM"),
    ],
)
def test_settings_that_no_mail_could_be_sent_by_stop_the_start(
    make_app: Callable[..., Flask], settings: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationRefused, match=said):
        make_app(**settings)


@pytest.mark.parametrize("address", ["o’neill@example.org", "ana@example.org\u200b", "ａna@x.org"])
def test_a_test_mail_to_an_address_that_is_not_plain_is_refused_at_once(
    run: Callable[..., Result], address: str
) -> None:
    told = run("test", address)
    assert told.exit_code == 2
    assert "typographic characters" in told.output


def test_a_setting_with_an_address_that_is_not_plain_is_refused(
    make_app: Callable[..., Flask],
) -> None:
    with pytest.raises(ConfigurationRefused, match="in plain characters"):
        make_app(SECRETARY_EMAIL="o’neill@example.org")
