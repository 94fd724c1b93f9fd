"""Confirmation pages: a mailed link, and the request for a new one."""

import logging
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from psgflask.accounts import confirmation_tokens, email_confirmation, views
from psgflask.accounts.models import Account, Attempt, ConfirmationToken
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail.models import WAITING, Message
from tests import full_disk, html_forms
from tests.accounts import test_email_confirmation
from tests.conftest import Visitor
from tests.statements import statements

JANE = "jane@example.org"
PUBLIC = "https://psg.example"
AGAIN = "/accounts/join/again"


@pytest.fixture
def token(app: Flask) -> str:
    """The secret of a link that was mailed to Jane and is good."""
    return sent(app, JANE)


def sent(app: Flask, email: str, *, ago: timedelta = timedelta(0), **said: Any) -> str:
    """Let somebody apply; return the secret of the link."""
    with app.app_context():
        mail = {"values": {"name": "", "reference": ""}, "language": "en", "about": ""}
        issued = confirmation_tokens.issue(
            db.session(), "join", email=email, now=utc_now() - ago, data={"mail": mail, **said}
        )
        db.session.commit()
        return issued.secret


def ask(client: FlaskClient, email: str = JANE, path: str = AGAIN, **said: Any) -> TestResponse:
    """Ask for a new link as a browser does; return the answer to the form."""
    form = html_forms.form_of(client.get(path).text)
    return client.post(path, data=form.filled({"email": email}), **said)


def counts(session: Session) -> dict[str, int]:
    """Return how many rows each table has, and keep no lock for having looked."""
    found = test_email_confirmation.counts(session)
    session.rollback()
    return found


def title_of(answer: TestResponse) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.text)
    assert found is not None
    return found[1]


# A link


@pytest.mark.parametrize(("prefix", "word"), [("", "Confirm this"), ("/es", "Confirmar esta")])
def test_s20_to_open_a_link_shows_the_address_and_a_button_and_changes_nothing(
    client: FlaskClient, session: Session, token: str, prefix: str, word: str
) -> None:
    before = counts(session)
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        answer = client.open(f"{prefix}/accounts/join/{token}", method=method)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    page = client.get(f"{prefix}/accounts/join/{token}").text
    assert JANE in page
    assert word in page
    assert page.count("<button") == page.split("<main", maxsplit=1)[0].count("<button") + 1
    assert counts(session) == before
    assert session.scalars(select(ConfirmationToken.used_at)).one() is None


def test_the_button_confirms_the_address_in_a_browser_without_cookies(
    client: FlaskClient, session: Session, token: str
) -> None:
    answer = client.post(f"/accounts/join/{token}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/accounts/join/confirmed")
    assert "Set-Cookie" not in answer.headers
    assert session.scalars(select(Account.email)).one() == JANE
    page = client.get("/accounts/join/confirmed").text
    assert "Your e-mail address is confirmed" in page


def test_the_button_of_the_spanish_page_leads_to_the_spanish_page(
    client: FlaskClient, token: str
) -> None:
    path = f"/es/accounts/join/{token}"
    done = html_forms.send(client, path, client.get(path), {})
    assert done.request.path == "/es/accounts/join/confirmed"
    assert "Su correo electrónico está confirmado" in done.text


def fates(app: Flask, client: FlaskClient) -> dict[str, str]:
    """Return links that are good no more, by why."""
    used, erased = sent(app, "used@example.org"), sent(app, "erased@example.org", member="1")
    client.post(f"/accounts/join/{used}")
    with app.app_context():
        confirmation_tokens.revoke(db.session(), data={"member": ["1"]})
        db.session.commit()
    good = sent(app, JANE)
    return {
        "used": used,
        "expired": sent(app, "late@example.org", ago=timedelta(hours=72)),
        "unknown": "no-such-link",
        "altered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "cut": good[:30],
        "erased": erased,
    }


WORDS = {
    "used": (410, "This link has been used", "Este enlace ya se usó"),
    "expired": (410, "This link is too old", "Este enlace ha caducado"),
    "unknown": (404, "We do not know this link", "No conocemos este enlace"),
}


def test_s20_a_link_that_is_no_longer_good_says_why_and_what_to_do(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    links = fates(app, client)
    before = counts(session)
    for fate, token in links.items():
        status, english, spanish = WORDS.get(fate, WORDS["unknown"])
        for prefix, word in (("", english), ("/es", spanish)):
            for method in ("GET", "POST"):
                answer = client.open(f"{prefix}/accounts/join/{token}", method=method)
                assert answer.status_code == status, fate
                assert word in answer.text, fate
                assert f'href="{prefix}{AGAIN}"' in answer.text
                assert f'href="{prefix}/about/contact"' in answer.text
                assert "@example.org" not in answer.text
    assert counts(session) == before


class Addresses(HTMLParser):
    """Notes every value of an attribute of a page that holds a text, by where it stands."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        for name, value in attrs:
            if self.wanted in (value or ""):
                self.found.append(f"{tag} {name} {said.get('hreflang') or said.get('rel') or ''}")


def told_in(page: str, token: str) -> list[str]:
    """Return where a page tells a secret."""
    reader = Addresses(token)
    reader.feed(page)
    assert len(reader.found) == page.count(token)
    return reader.found


def test_s20_the_page_of_a_link_tells_its_address_to_nobody_but_the_other_language(
    app: Flask, client: FlaskClient, token: str
) -> None:
    for path, status in ((token, 200), (sent(app, "x@example.org", ago=timedelta(9)), 410)):
        answer = client.get(f"/accounts/join/{path}")
        assert answer.status_code == status
        assert set(told_in(answer.text, path)) == {"a href es"}
        assert "canonical" not in answer.text
        assert "og:url" not in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "ETag" not in answer.headers


def test_s20_no_error_tells_the_secret_of_the_address_where_it_happened(
    client: FlaskClient, token: str
) -> None:
    asked: list[tuple[str, str, int, dict[str, str]]] = [
        ("GET", f"/accounts/join/{token}/", 404, {}),
        ("GET", f"/es/accounts/join/{token}/more", 404, {}),
        ("GET", f"/accounts/{token}", 404, {}),
        ("GET", f"/accounts/join/x{token}", 404, {}),
        ("DELETE", f"/accounts/join/{token}", 405, {}),
        ("POST", f"/accounts/join/{token}", 403, {"Sec-Fetch-Site": "cross-site"}),
        ("GET", f"/accounts/join/{token}", 400, {"Host": "evil.example"}),
        ("GET", f"/accounts/join/{token}?x=" + "x" * 70_000, 414, {}),
    ]
    for method, path, status, said in asked:
        answer = client.open(path, method=method, headers=said)
        assert answer.status_code == status
        assert set(told_in(answer.text, token)) <= {"a href es"}, path
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Location" not in answer.headers
        assert (token in answer.text) == (path == f"/accounts/join/x{token}"), path


def test_confirmation_pages_are_not_indexed_or_cached(
    client: FlaskClient,
) -> None:
    for name in ("again", "asked", "confirmed", "x"):
        answer = client.get(f"/accounts/join/{name}")
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Cache-Control"] == "no-store"


# A new link


@pytest.mark.parametrize(
    ("prefix", "word"), [("", "Look into your mailbox"), ("/es", "Mire su buzón de correo")]
)
def test_a_new_link_is_asked_for_and_mailed(
    app: Flask, client: FlaskClient, session: Session, token: str, prefix: str, word: str
) -> None:
    answer = ask(client, " JANE@example.org ", prefix + AGAIN)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{prefix}/accounts/join/asked"
    assert word in client.get(answer.headers["Location"]).text
    mail = session.scalars(select(Message)).one()
    assert (mail.state, mail.recipient) == (WAITING, "JANE@example.org")
    assert f"{prefix}/accounts/join/" in mail.values["link"]
    assert client.get(mail.values["link"]).status_code == 200


@pytest.mark.parametrize(
    ("typed", "said", "dicho"),
    [
        ("", "Enter your e-mail address.", "Escriba su correo electrónico."),
        ("  ", "Enter your e-mail address.", "Escriba su correo electrónico."),
        ("jane", "Enter an e-mail address in the correct form", "Escriba un correo electrónico"),
        ("<b>@x", "Enter an e-mail address in the correct form", "Escriba un correo electrónico"),
    ],
)
def test_a13_what_is_wrong_is_said_above_and_beside_the_field(
    client: FlaskClient, session: Session, typed: str, said: str, dicho: str
) -> None:
    for path, words_, error in ((AGAIN, said, "Error:"), (f"/es{AGAIN}", dicho, "Error:")):
        answer = ask(client, typed, path)
        assert answer.status_code == 400
        assert title_of(answer).startswith(f"{error} ")
        assert answer.text.count(words_) == 2
        assert '<a href="#email">' in answer.text
        assert 'aria-describedby="email-hint email-error"' in answer.text
        assert "<b>@x" not in answer.text
        assert html_forms.form_of(answer.text).fields["email"] == [typed]
    assert counts(session)["attempts"] == 0


def test_beyond_the_limit_the_page_says_when_and_keeps_what_was_typed(
    client: FlaskClient, session: Session, token: str
) -> None:
    answers = [ask(client) for _number in range(7)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 2
    last = answers[-1]
    assert title_of(last).startswith("Error: ")
    assert "Try again in 1 hour;" in last.text
    assert 3500 < int(last.headers["Retry-After"]) <= 3600
    assert html_forms.form_of(last.text).fields["email"] == [JANE]
    assert (counts(session)["attempts"], counts(session)["outbox"]) == (5, 5)
    spanish = ask(client, path=f"/es{AGAIN}")
    assert "dentro de 1 hora;" in spanish.text


def test_limits_are_those_of_the_network_behind_the_proxy(
    make_app: Callable[..., Flask], session: Session
) -> None:
    client = make_app(TRUSTED_PROXIES=1).test_client()

    def statuses(count: int, network: str) -> list[int]:
        return [
            ask(
                client, f"{number}@example.org", headers={"X-Forwarded-For": network.format(number)}
            ).status_code
            for number in range(count)
        ]

    assert statuses(21, "2001:db8::{:x}") == [303] * 20 + [429]
    assert statuses(2, "2001:db8:0:1::{:x}") == [303] * 2
    # What a visitor claims to have come through counts for nothing.
    assert statuses(1, "198.51.100.{}, 2001:db8::1") == [429]
    assert len({row.network for row in session.scalars(select(Attempt))}) == 2


@pytest.mark.parametrize(
    ("wait", "english", "spanish"),
    [
        (timedelta(seconds=1), "5 minutes", "5 minutos"),
        (timedelta(minutes=12), "15 minutes", "15 minutos"),
        (timedelta(minutes=50), "50 minutes", "50 minutos"),
        (timedelta(minutes=51), "1 hour", "1 hora"),
        (timedelta(hours=1, seconds=1), "2 hours", "2 horas"),
        (timedelta(hours=23, minutes=1), "1 day", "1 día"),
        (timedelta(hours=24), "1 day", "1 día"),
    ],
)
def test_a_wait_is_said_in_words_and_never_too_short(
    app: Flask, wait: timedelta, english: str, spanish: str
) -> None:
    for language, said in (("en", english), ("es", spanish)):
        with app.test_request_context(environ_overrides={"psg.language": language}):
            assert views.waiting_time_text(wait) == said


# The same for known and unknown


def likeness(answer: TestResponse) -> tuple[object, ...]:
    """Return all of an answer that could tell one from another, less what is random."""
    headers = [
        (name, re.sub(r"=[\w.-]+;", "=...;", value) if name == "Set-Cookie" else value)
        for name, value in answer.headers
    ]
    body = re.sub(r'value="[\w.-]{60,}"', "value=...", answer.text)
    return answer.status_code, headers, body


def test_s4_the_answers_and_the_work_are_the_same_for_known_and_unknown(
    app: Flask, session: Session
) -> None:
    sent(app, "waiting@example.org")
    app.test_client().post(f"/accounts/join/{sent(app, 'known@example.org')}")
    asked: dict[str, list[object]] = {}
    for who in ("known", "waiting", "stranger"):
        client = app.test_client()
        path = f"{AGAIN}?"  # an address of its own, so that no page is a kept one
        form = html_forms.form_of(client.get(path).text)
        before = counts(session)
        with statements() as said:
            answer = client.post(path, data=form.filled({"email": f"{who}@example.org"}))
        after = counts(session)
        grown = {name: after[name] - before[name] for name in after}
        cookies = sorted(cookie.key for cookie in client._cookies.values())  # type: ignore[union-attr]  # there are some
        then = client.get(answer.headers["Location"])
        asked[who] = [likeness(answer), likeness(then), said, grown, cookies]
    assert asked["known"] == asked["waiting"] == asked["stranger"]


def test_s4_beyond_the_limit_known_and_unknown_are_answered_the_same(app: Flask) -> None:
    sent(app, "known@example.org")
    last: dict[str, object] = {}
    for number, who in enumerate(("known@example.org", "other@example.org")):
        client = app.test_client()
        environ = {"REMOTE_ADDR": f"203.0.113.{number}"}
        for _number in range(6):
            answer = ask(client, who, environ_overrides=environ)
        assert answer.status_code == 429
        del answer.headers["Retry-After"]  # seconds since
        status, headers, body = likeness(answer)
        last[who] = (status, len(str(body)), str(body).replace(who, ""), len(str(headers)))
    assert last["known@example.org"] == last["other@example.org"]


# What goes into mails and logs


class Public(Visitor):
    """A visitor who comes by the public name."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Ask under the public name."""
        return super().open(*args, **{"base_url": "http://psg.example", **kwargs})


@pytest.fixture
def public(make_app: Callable[..., Flask]) -> Flask:
    """The site under its public address, behind a proxy."""
    app = make_app(BASE_URL=PUBLIC, TRUSTED_PROXIES=1)
    app.test_client_class = Public
    return app


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Forwarded-Prefix", "X-Original-URL"]
)
def test_s18_the_link_in_a_mail_begins_with_the_configured_address(
    public: Flask, session: Session, header: str
) -> None:
    sent(public, JANE)
    ask(public.test_client(), headers={header: "evil.example"})
    link = session.scalars(select(Message)).one().values["link"]
    assert re.fullmatch(re.escape(PUBLIC) + r"/accounts/join/[\w-]{43}", link)


def test_s18_under_a_forged_name_no_mail_is_posted(public: Flask, session: Session) -> None:
    sent(public, JANE)
    client = public.test_client()
    form = html_forms.form_of(client.get(AGAIN).text)
    for host in ("evil.example", "psg.example.evil.example", "psg.example:8000"):
        answer = client.post(AGAIN, data=form.filled({"email": JANE}), headers={"Host": host})
        assert answer.status_code == 400
    assert session.scalars(select(Message)).all() == []


def test_the_link_of_a_mail_is_in_the_language_of_the_page(public: Flask) -> None:
    for path, begins in (("/", f"{PUBLIC}/accounts/"), ("/es/", f"{PUBLIC}/es/accounts/")):
        language = "es" if path == "/es/" else "en"
        with public.test_request_context(environ_overrides={"psg.language": language}):
            assert views.confirmation_link("x").startswith(begins)


@pytest.mark.parametrize("next_", ["//evil.example", "/\\evil.example", "https:evil.example"])
def test_s16_nothing_that_is_asked_for_decides_where_a_form_leads(
    app: Flask, client: FlaskClient, token: str, next_: str
) -> None:
    names = ("next", "return", "url", "redirect", "continue")
    query = "&".join(f"{name}={next_}" for name in names)
    typed = {"email": JANE, **dict.fromkeys(names, next_)}
    form = html_forms.form_of(client.get(f"{AGAIN}?{query}").text)
    answer = client.post(f"{AGAIN}?{query}", data={**form.fields, **typed})
    assert answer.headers["Location"] == "/accounts/join/asked"
    answer = client.post(f"/accounts/join/{token}?{query}", data=typed)
    assert answer.headers["Location"] == "/accounts/join/confirmed"
    assert "evil" not in client.get(f"{AGAIN}?{query}").text


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is logged, however little it matters."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_s22_no_log_tells_an_address_or_a_secret(
    make_app: Callable[..., Flask], logged: pytest.LogCaptureFixture, session: Session
) -> None:
    app = make_app(TESTING=False)
    client, token = app.test_client(), sent(app, JANE)
    client.get(f"/accounts/join/{token}")
    client.post(f"/accounts/join/{token}")
    client.get(f"/accounts/join/{token}/more")
    for email in (JANE, "jane@", "stranger@example.org"):
        ask(client, email)
    before = list(email_confirmation._listeners)

    @email_confirmation.on_confirmed
    def fail(session: Session, token: ConfirmationToken, account: Account, now: object) -> None:
        session.add(Account(email=JANE, language="en", created_at=now, verified_at=now))
        session.flush()  # the database refuses it, and says what it was given

    try:
        faulty = sent(app, JANE, application=2)
        assert client.post(f"/accounts/join/{faulty}").status_code == 500
    finally:
        email_confirmation._listeners[:] = before
    assert "IntegrityError" in logged.text
    for private in (token, faulty, JANE, "stranger@"):
        assert private not in logged.text
    # What the fault undid is undone whole.
    assert client.get(f"/accounts/join/{faulty}").status_code == 200


@pytest.mark.parametrize(
    ("fault", "said", "dicho", "later"),
    [
        (full_disk.of_sqlite(sqlite3.SQLITE_FULL), "cannot save", "no puede guardar", "3600"),
        (full_disk.of_sqlite(sqlite3.SQLITE_READONLY), "cannot save", "no puede guardar", "3600"),
        (sqlite3.OperationalError("database is locked"), "is busy", "ocupado", "60"),
    ],
)
def test_r4_a_database_that_cannot_be_written_is_reported_and_the_form_keeps_its_input(
    client: FlaskClient, session: Session, fault: Exception, said: str, dicho: str, later: str
) -> None:
    def refuse(session: Session) -> None:
        raise OperationalError("COMMIT", {}, fault)

    for path, words_ in ((AGAIN, said), (f"/es{AGAIN}", dicho)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Session, "commit", refuse)
            answer = ask(client, path=path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, later)
        assert answer.text.count(words_) == 2
        assert html_forms.form_of(answer.text).fields["email"] == [JANE]
    assert counts(session)["attempts"] == 0
    assert ask(client).status_code == 303


@pytest.mark.parametrize("code", full_disk.WORDS)
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_r4_a_link_that_cannot_be_spent_now_is_still_good(
    client: FlaskClient, token: str, prefix: str, code: int
) -> None:
    def refuse(session: Session) -> None:
        raise OperationalError("COMMIT", {}, full_disk.of_sqlite(code))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Session, "commit", refuse)
        answer = client.post(f"{prefix}/accounts/join/{token}")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert token not in re.sub(r'href="[^"]*"', "", answer.text)
    assert client.get(f"{prefix}/accounts/join/{token}").status_code == 200
    assert client.post(f"{prefix}/accounts/join/{token}").status_code == 303
