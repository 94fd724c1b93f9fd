"""What a mail looks like and says: both parts, both languages, and what strangers cannot add."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from sqlalchemy.orm import Session

from psgflask.core import paths
from psgflask.mail import composing, outbox, worker_task
from tests.mail.conftest import Clock
from tests.mail.mail_server import MailServer
from tests.mail.mails import KINDS, LINK, VALUES, post
from tests.mail.reading import part, read, shown, words

LANGUAGES = ("en", "es")
# The header lines of every mail, by which no other may ever appear.
HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Language"),
]
every_mail = pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in KINDS for language in LANGUAGES]
)


@pytest.fixture
def mail_of(app: Flask, session: Session, clock: Clock) -> Callable[..., EmailMessage]:
    """Render a mail and read it back: `mail_of("verify", "es", name="Ana")`."""

    def compose(
        kind: str = "verify", language: str = "en", to: str = "ana@example.org", **values: Any
    ) -> EmailMessage:
        message = post(session, clock(), to, kind=kind, language=language, values=values)
        read_back = message_from_bytes(
            composing.compose(app, message, clock()).content, policy=default
        )
        assert isinstance(read_back, EmailMessage)
        return read_back

    return compose


def test_every_kind_of_mail_has_both_parts_and_is_tested() -> None:
    folder = paths.templates() / "mail"
    drawn = {file.stem for file in folder.glob("*.txt")} - {"bare"}
    assert drawn == set(KINDS)
    assert {file.stem for file in folder.glob("*.html")} - {"bare", "link", "asked_for"} == drawn


@every_mail
def test_a18_the_text_part_says_what_the_html_part_says(
    mail_of: Callable[..., EmailMessage], kind: str, language: str
) -> None:
    mail = mail_of(kind, language)
    text, html = part(mail, "plain"), part(mail, "html")
    head = f"Peru Support Group {mail['Subject']} "
    assert words(text).replace(" ,", ",") == shown(html).removeprefix(head)
    assert shown(html).startswith(head)
    assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]


@every_mail
def test_a18_no_mail_loads_anything_or_hides_where_a_link_leads(
    mail_of: Callable[..., EmailMessage], kind: str, language: str
) -> None:
    html = part(mail_of(kind, language), "html")
    reader = read(html)
    assert reader.loads == []
    assert not re.search(r"url\(|@import|http-equiv", html)
    spelt = shown(html).split()
    assert [href for href, _text in reader.links if href.removeprefix("mailto:") not in spelt] == []
    assert f'<html lang="{language}">' in html


@every_mail
def test_each_link_stands_whole_on_a_line_of_its_own(
    mail_of: Callable[..., EmailMessage], kind: str, language: str
) -> None:
    mail = mail_of(kind, language)
    lines = part(mail, "plain").splitlines()
    links = {href for href, _shown in read(part(mail, "html")).links}
    assert links
    assert links <= set(lines)
    assert [line for line in lines if len(line) > composing.WIDTH and line not in links] == []


@every_mail
def test_each_mail_is_in_its_own_language_whatever_the_language_of_the_request(
    app: Flask, kind: str, language: str
) -> None:
    other = "en" if language == "es" else "es"
    with app.test_request_context(base_url="http://127.0.0.1", path="/"):
        subject, text, html = composing.render(app, kind, language, VALUES)
    assert ("Con un cordial saludo" in text) == (language == "es")
    assert ("With kind regards" in text) == (language == "en")
    assert composing.render(app, kind, other, VALUES)[0] != subject
    assert ("/es/" in html) == (language == "es")


def test_the_mail_says_what_to_do_on_paper_and_when_it_was_somebody_else(
    mail_of: Callable[..., EmailMessage],
) -> None:
    for kind in ("verify", "verify_known"):
        text = part(mail_of(kind), "plain")
        assert LINK in text.splitlines()
        assert "http://127.0.0.1:8000/members/join/form" in text.splitlines()
        assert "within 72 hours" in words(text)
        assert "If it was not you" in words(text)
        assert "PSG 1042-7" in text
    assert "http://127.0.0.1:8000/es/members/join/form" in part(mail_of("verify", "es"), "plain")


def test_the_paper_form_is_where_the_mails_say(client: FlaskClient) -> None:
    for prefix in ("", "/es"):
        assert client.get(prefix + composing.PAPER_FORM).status_code == 200


def test_the_secretarys_mail_holds_the_reference_and_nothing_else_of_the_applicant(
    mail_of: Callable[..., EmailMessage],
) -> None:
    mail = mail_of("application_received", to="secretary@psg.example", name="")
    whole = mail.as_string() + part(mail, "plain") + part(mail, "html")
    assert "PSG 1042-7" in mail["Subject"]
    for personal in ("Ana", "Quispe", "accounts/join", "72"):
        assert personal not in re.sub(r"(Date|Message-ID|boundary|={10,}).*", "", whole)


def test_headers_say_that_a_machine_wrote_it_and_that_it_is_the_same_mail_each_time(
    app: Flask, session: Session, clock: Clock
) -> None:
    message = post(session, clock())
    first = composing.compose(app, message, clock())
    again = composing.compose(app, message, clock.forward(days=1))
    read_first, read_again = (
        message_from_bytes(letter.content, policy=default) for letter in (first, again)
    )
    assert list(read_first.keys()) == HEADERS
    assert read_first["Auto-Submitted"] == "auto-generated"
    assert read_first["Message-ID"] == read_again["Message-ID"]
    assert message.message_id in read_first["Message-ID"]
    assert first.name == again.name
    assert parsedate_to_datetime(read_again["Date"]) == clock()
    assert read_first["From"] == "Peru Support Group <no-reply@localhost>"
    assert read_first["To"] == "ana@example.org"
    assert read_first["Content-Language"] == "en"


def test_the_sender_and_where_answers_go_are_settings(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = make_app(
        MAIL_FROM="site@psg.example",
        CONTACT_EMAIL="hello@psg.example",
        BASE_URL="https://w.example",
    )
    with app.app_context():
        from psgflask.core.database import db

        letter = composing.compose(app, post(db.session(), clock()), clock())
    mail = message_from_bytes(letter.content, policy=default)
    assert isinstance(mail, EmailMessage)
    assert letter.sender == "site@psg.example"
    assert mail["From"] == "Peru Support Group <site@psg.example>"
    assert mail["Reply-To"] == "hello@psg.example"
    assert mail["Message-ID"].endswith("@psg.example>")
    assert "hello@psg.example" in part(mail, "plain").splitlines()
    assert "not read" not in part(mail, "plain")


def test_s18_addresses_in_mails_are_made_of_the_configured_base_alone(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(BASE_URL="https://www.psg.example")
    with app.test_request_context(base_url="https://evil.example"):
        _subject, text, html = composing.render(app, "verify", "es", VALUES)
    assert "evil.example" not in text + html
    assert "https://www.psg.example/es/members/join/form" in text.splitlines()


HOSTILE = [
    "Ana\r\nBcc: victim@example.org",
    "Ana\nSubject: Other\n\nBuy",
    "Ana\r\n\r\n<script>alert(1)</script>",
    "=?utf-8?q?x=0D=0ABcc:_victim@example.org?=",
    "Ana\x00\x0b\x0c\x1c\u2028\u2029Bcc: victim@example.org",
]


@pytest.mark.parametrize("typed", HOSTILE)
@pytest.mark.parametrize("field", ["name", "reference"])
def test_s17_line_breaks_in_values_make_no_header_and_no_recipient(
    make_app: Callable[..., Flask], server: MailServer, clock: Clock, typed: str, field: str
) -> None:
    app = make_app(**server.settings(SECRETARY_EMAIL="secretary@psg.example"))
    with app.app_context():
        from psgflask.core.database import db

        for kind in KINDS:
            post(db.session(), clock(), kind=kind, values={field: typed})
        post(db.session(), clock(), outbox.SECRETARY, values={field: typed})
    assert worker_task.run(app, clock=clock) == len(server.arrived) == len(KINDS) + 1
    for arrived in server.arrived:
        assert len(arrived.recipients) == 1
        assert arrived.recipients[0] in {"ana@example.org", "secretary@psg.example"}
        head, _end, _body = arrived.content.partition(b"\r\n\r\n")
        names = [
            line.split(b":")[0].decode()
            for line in head.split(b"\r\n")
            if line[:1] not in {b" ", b"\t"}
        ]
        assert names == HEADERS
        assert "\n" not in arrived.mail["Subject"]
        assert "<script" not in part(arrived.mail, "html")


def test_s17_a_header_that_no_one_set_stops_the_mail(
    app: Flask, session: Session, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = "=?utf-8?q?x=0D=0ABcc:_victim@example.org?="
    monkeypatch.setattr(composing, "render", lambda *given: (encoded, "text", "<p>text</p>"))
    with pytest.raises(composing.HeadersBroken):
        composing.compose(app, post(session, clock()), clock())


@given(st.text(max_size=80))
def test_s17_whatever_is_typed_as_a_name_is_one_line_without_a_link(typed: str) -> None:
    said = composing.displayed_name(typed)
    assert said == "" or len(said.splitlines()) == 1
    assert not re.search(r"https?:|www\.|/|@|<|>", said)


@pytest.mark.parametrize(
    "name",
    ["Ana", "María-José Ñahui de la Cruz", "O'Higgins", "Dr. J. R. Smith", "Ana B. Quispe", "林"],
)
def test_names_of_people_are_greeted(mail_of: Callable[..., EmailMessage], name: str) -> None:
    mail = mail_of(name=name)
    assert f"Hello {name}," in part(mail, "plain")
    assert f"Hello {name}," in shown(part(mail, "html"))


def test_s17_invisible_characters_are_removed_from_input() -> None:
    assert composing.displayed_name("Ana\x00 \u202eQuispe\x1b\u200b") == "Ana Quispe"


@pytest.mark.parametrize(
    "name",
    [
        *("You won! evil.example/prize", "http://evil.example", "www.evil", "Call 07700900123"),
        *("buy@evil.example", "", " ", "x" * 61, "evil。example".replace("。", ".")),
    ],
)
def test_text_in_a_name_that_could_be_a_message_is_not_mailed(
    mail_of: Callable[..., EmailMessage], name: str
) -> None:
    mail = mail_of(name=name)
    assert part(mail, "plain").startswith("Hello,")
    assert "evil" not in mail.as_string()


def test_a_missing_value_is_an_error_and_not_a_blank_in_the_mail(app: Flask) -> None:
    for missing in ("link", "reference", "hours"):
        values = {name: value for name, value in VALUES.items() if name != missing}
        with pytest.raises(UndefinedError):
            composing.render(app, "verify", "en", values)


def test_a_mail_to_an_address_with_accents_names_it_unharmed(
    mail_of: Callable[..., EmailMessage],
) -> None:
    assert mail_of(to="peña@example.org")["To"] == "peña@example.org"


def test_a_reference_is_not_broken_at_the_end_of_a_line(
    mail_of: Callable[..., EmailMessage],
) -> None:
    for kind in ("verify", "verify_known"):
        for language in LANGUAGES:
            assert "PSG 1042-7" in part(mail_of(kind, language), "plain")
