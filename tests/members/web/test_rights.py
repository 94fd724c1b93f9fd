"""S29: the form for a complaint, access, correction or erasure, and who may know what of it."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from psgflask.core.database import Model, db
from psgflask.mail.models import Message
from psgflask.members import rights
from psgflask.members.models import RightsRequest
from psgflask.members.web import rights as pages
from psgflask.members.web.page import HONEYPOT
from tests import full_disk, html_forms
from tests.members.joining_form import Clock
from tests.members.people import applied, verified
from tests.statements import statements

FORM = "/members/rights"
TYPED = {
    "right": "complaint",
    "name": "Rosa Quispe",
    "email": "rosa@example.org",
    "text": "You wrote to my old address.",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pages, "utc_now", clock)
    return clock


def sends(
    client: FlaskClient,
    clock: Clock,
    typed: dict[str, str],
    *,
    prefix: str = "",
    after: float = 60,
    **request: Any,
) -> TestResponse:
    """Open the form, fill it in, and send it so many seconds later."""
    form = html_forms.form_of(client.get(prefix + FORM, **request).text)
    clock.on(seconds=after)
    return client.post(form.action, data=form.filled(typed), **request)


def requests(session: Session) -> list[RightsRequest]:
    session.rollback()
    found = list(session.scalars(select(RightsRequest)))
    session.expunge_all()
    session.rollback()  # or the pages would wait for this transaction
    return found


@pytest.mark.parametrize(
    ("prefix", "thanks", "day"),
    [("", "Thank you: it has arrived", "31 July 2026"), ("/es", "Gracias", "31 de julio de 2026")],
)
def test_s29_a_request_is_recorded_and_the_page_says_by_when_it_is_answered(
    client: FlaskClient, session: Session, clock: Clock, prefix: str, thanks: str, day: str
) -> None:
    response = sends(client, clock, TYPED, prefix=prefix)
    assert response.status_code == 303
    page = client.get(response.headers["Location"]).text
    [request] = requests(session)
    for text in (thanks, day, request.reference, "ico.org.uk"):
        assert text in page
    assert (request.name, request.email, request.text) == tuple(TYPED.values())[1:]
    assert request.language == (prefix.strip("/") or "en")
    assert not any(text in page for text in (TYPED["name"], TYPED["email"]))
    assert client.get(FORM + "/sent/nobodys").status_code == 404


@pytest.mark.parametrize("right", ["access", "erasure"])
def test_s29_what_is_held_can_be_asked_for_without_a_word(
    client: FlaskClient, session: Session, clock: Clock, right: str
) -> None:
    assert sends(client, clock, {**TYPED, "right": right, "text": ""}).status_code == 303
    assert [request.right for request in requests(session)] == [right]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"right": ""}, "Choose what you would like."),
        ({"name": ""}, "Enter your name."),
        ({"name": "Win www.x.example"}, "Enter your name without a web address."),
        ({"email": ""}, "Enter your e-mail address."),
        ({"email": "rosa"}, "Enter an e-mail address in the correct form"),
        ({"text": " "}, "Say what it is about."),
        ({"text": "x" * 3_001}, "This must be 3000 characters or fewer."),
    ],
)
def test_a13_an_error_is_in_the_summary_and_at_the_field_and_what_was_typed_stays(
    client: FlaskClient, session: Session, clock: Clock, typed: dict[str, str], message: str
) -> None:
    filled = {name: value for name, value in {**TYPED, **typed}.items() if value}
    response = sends(client, clock, filled)
    assert response.status_code == 400
    assert "<title>Error:" in response.text
    assert response.text.count(message) == 2
    form = html_forms.form_of(response.text)
    for name in ("name", "email"):
        if typed.get(name) is None:
            assert form.fields[name] == [TYPED[name]]
    assert requests(session) == []


def test_s3_a_script_that_sends_at_once_or_fills_the_honeypot_causes_nothing(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    for after, typed in ((0, TYPED), (60, {**TYPED, HONEYPOT: "buy"})):
        response = sends(client, clock, typed, after=after)
        assert response.status_code == 400
        assert TYPED["text"] in response.text
    form = html_forms.form_of(client.get(FORM).text)
    data = {**form.filled(TYPED), "csrf_token": ["forged"]}
    assert client.post(FORM, data=data).status_code == 400
    assert requests(session) == []
    assert session.scalar(select(func.count(Message.id))) == 0


def test_a_form_sent_twice_is_one_request_and_with_other_answers_a_new_form(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    form = html_forms.form_of(client.get(FORM).text)
    clock.on(seconds=60)
    first, again = (client.post(FORM, data=form.filled(TYPED)) for _time in range(2))
    assert first.headers["Location"] == again.headers["Location"]
    other = client.post(FORM, data=form.filled({**TYPED, "text": "Another matter"}))
    assert other.status_code == 400
    assert "Another matter" in other.text
    clock.on(seconds=60)
    sent = client.post(FORM, data=html_forms.form_of(other.text).filled({}))
    assert sent.status_code == 303
    assert len(requests(session)) == 2


def test_s29_forty_of_a_network_are_taken_in_an_hour_and_the_others_keep_what_they_typed(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    client = make_app(TRUSTED_PROXIES=1).test_client()
    came: dict[str, Any] = {"headers": {"X-Forwarded-For": "203.0.113.7"}}
    for number in range(40):
        typed = {**TYPED, "email": f"somebody{number}@example.org"}
        assert sends(client, clock, typed, after=6, **came).status_code == 303
    refused = sends(client, clock, {**TYPED, "email": "one@example.org"}, after=6, **came)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert TYPED["text"] in refused.text


def test_r8_a_busy_database_is_said_so_and_the_button_works_again(
    client: FlaskClient, session: Session, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("BEGIN", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(rights, "submit", busy)
        response = sends(client, clock, TYPED)
    assert response.status_code == 503
    assert "Retry-After" in response.headers
    sent = client.post(FORM, data=html_forms.form_of(response.text).filled({}))
    assert sent.status_code == 303
    assert len(requests(session)) == 1


def test_r4_a_full_disk_is_said_so_and_loses_nothing_that_was_typed(
    client: FlaskClient, session: Session, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_FULL))

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", full)
        response = sends(client, clock, TYPED)
    assert response.status_code == 503
    assert "its disk is full" in response.text
    assert TYPED["text"] in response.text
    assert requests(session) == []


def test_the_form_in_the_other_language_has_all_that_was_typed(
    client: FlaskClient, session: Session, clock: Clock
) -> None:
    form = html_forms.form_of(client.get(FORM).text)
    data = {**form.filled({**TYPED, "email": "not finished"}), pages.OTHER_LANGUAGE: ["1"]}
    response = client.post(f"/es{FORM}", data=data)
    assert (response.status_code, requests(session)) == (200, [])
    turned = html_forms.form_of(response.text)
    assert turned.fields["email"] == ["not finished"]
    assert turned.action == f"/es{FORM}"


WHO = {
    "somebody unknown": ("New Somebody", "new@example.org"),
    "a member": ("María Castañeda", "maria@example.org"),
    "somebody who has not confirmed": ("Luis Díaz", "luis@example.org"),
    "a member's name with another address": ("María Castañeda", "other@example.org"),
}


def test_s4_known_and_unknown_get_the_same_response_from_the_same_statements(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    site = make_app(TRUSTED_PROXIES=1)
    with site.app_context():
        verified(db.session(), applied(db.session()))
        applied(db.session(), name="Luis Díaz", email="luis@example.org")
        db.session.commit()
    outcomes: dict[str, dict[str, object]] = {}
    for number, (who, (name, email)) in enumerate(WHO.items()):
        client = site.test_client()
        came = {"headers": {"X-Forwarded-For": f"203.0.113.{number}"}}
        form = html_forms.form_of(client.get(FORM, **came).text)
        clock.on(seconds=60)
        before = rows(site)
        data = form.filled({**TYPED, "name": name, "email": email})
        with statements() as sent_statements:
            sent = client.post(FORM, data=data, **came)
        after = rows(site)
        page = client.get(sent.headers["Location"], **came)
        outcomes[who] = {
            "status": (sent.status_code, page.status_code),
            "headers": [(key, plain(value)) for key, value in (*sent.headers, *page.headers)],
            "pages": (plain(sent.text), plain(page.text)),
            "rows": {table: after[table] - before[table] for table in after},
            "statements": sent_statements,
        }
    first = outcomes["somebody unknown"]
    assert first["status"] == (303, 200)
    for who, outcome in outcomes.items():
        for part, value in outcome.items():
            assert value == first[part], (who, part)


def plain(text: str) -> str:
    """Take out of a response what is each request's own: the reference, and what is signed."""
    text = re.sub(r"R-\d+", "R-...", text)
    return re.sub(r"^\d+$", "...", re.sub(r"(/sent/)[\w.-]+", r"\1...", text))


def rows(site: Flask) -> dict[str, int]:
    with site.app_context():
        return {
            name: db.session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Model.metadata.tables.items()
        }


@pytest.mark.parametrize("path", ["/", "/about/privacy", "/members/join"])
def test_s29_the_form_is_linked_from_every_page_with_a_footer(
    client: FlaskClient, session: Session, path: str
) -> None:
    from psgflask.pages import standing_pages

    standing_pages.add_missing(session)
    session.commit()
    assert f'href="{FORM}"' in client.get(path).text
