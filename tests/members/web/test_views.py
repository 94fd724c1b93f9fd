"""Joining online: page by page, nothing kept before the send, stored once or not at all."""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.models import Account, Attempt, ConfirmationToken
from psgflask.core import clock_watch
from psgflask.core.clock_watch import Readings
from psgflask.core.database import Model, db
from psgflask.mail.models import Message
from psgflask.members import applications, consents
from psgflask.members.models import Application, Person
from psgflask.members.web import form_tokens, forms, views
from tests import full_disk, html_forms
from tests.members.joining_form import (
    FIRST,
    HOUSEHOLD,
    ORGANISATION,
    PERSON,
    Applicant,
    Clock,
    hidden,
)

TABLES = ("people", "applications", "consents", "outbox", "proofs", "accounts", "audit")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(views, "utc_now", clock)
    return clock


@pytest.fixture
def applicant(client: FlaskClient, clock: Clock) -> Applicant:
    return Applicant(client, clock)


def rows(session: Session) -> dict[str, int]:
    """Return how many rows each table of joining has."""
    session.rollback()
    tables = Model.metadata.tables
    counts = {
        name: session.scalar(select(func.count()).select_from(tables[name])) for name in TABLES
    }
    session.rollback()  # or the pages would wait for this transaction
    return {name: count or 0 for name, count in counts.items()}


def only(session: Session) -> Application:
    session.rollback()
    return session.scalars(select(Application)).one()


# The way through


def test_an_application_of_one_person_is_stored_completely(
    applicant: Applicant, session: Session, clock: Clock
) -> None:
    response = applicant.send()
    assert response.status_code == 303
    application = only(session)
    person = application.person
    assert (person.name, person.organisation, person.household) == (PERSON["name"], "", [])
    assert (person.email, person.phone) == ("rosa@example.org", "+44 113 496 0000")
    assert (person.address, person.postcode, person.country) == (
        "12 Harehills Lane\nLeeds",
        "LS8 5BD",
        "GB",
    )
    assert (application.tier, application.payment) == ("waged", "standing order")
    assert (application.language, application.source) == ("en", "online")
    assert application.sent_at == clock.now
    assert consents.given(person) == {"post"}
    assert rows(session) == {
        "people": 1,
        "applications": 1,
        "consents": 1,
        "outbox": 2,
        "proofs": 1,
        "accounts": 0,
        "audit": 1,
    }
    to = {mail.kind: mail for mail in session.scalars(select(Message))}
    assert set(to) == {"verify", "application_received"}
    assert to["verify"].recipient == "rosa@example.org"
    assert re.fullmatch(
        r"http://127\.0\.0\.1:8000/accounts/join/[\w-]{43}", to["verify"].values["link"]
    )
    assert to["application_received"].values == {"reference": person.number}


def test_a_household_and_an_organisation_apply_in_spanish(
    client: FlaskClient, clock: Clock, session: Session
) -> None:
    for typed in (HOUSEHOLD, ORGANISATION):
        assert Applicant(client, clock, "/es").send(typed).status_code == 303
    family, circle = session.scalars(select(Application).order_by(Application.id))
    assert [member.name for member in family.person.household] == ["Luis Quispe", "Ana Ñahui"]
    assert (circle.person.organisation, circle.person.household) == ("Leeds Peru Circle", [])
    assert {family.language, circle.language, family.person.language} == {"es"}
    links = [m.values["link"] for m in session.scalars(select(Message)) if "link" in m.values]
    assert len(links) == 2
    assert all("/es/accounts/join/" in link for link in links)
    assert family.person.consents[0].wording == consents.WORDINGS["post", "es"].text


def test_nothing_is_stored_before_sending(applicant: Applicant, session: Session) -> None:
    before = rows(session)
    response = applicant.to_check(HOUSEHOLD)
    assert "Send application" in response.text
    assert rows(session) == before
    assert sum(before.values()) == 0
    assert session.scalar(select(func.count()).select_from(Attempt)) == 0


def test_no_answer_is_in_a_cookie_or_an_address(applicant: Applicant, client: FlaskClient) -> None:
    response = applicant.to_check(HOUSEHOLD)
    applicant.clock.on(minutes=1)
    sent = applicant.press(response)
    cookie = client.get_cookie("form")
    assert cookie is not None
    assert len(cookie.value) < 250
    with client.session_transaction() as kept:
        assert set(kept) == {"csrf_token"}
    for name, value in HOUSEHOLD.items():
        for text in [value] if isinstance(value, str) else value:
            if name not in {"tier", "payment", "country", "consents"}:
                assert text not in sent.headers["Location"]
    word = sent.headers["Location"].rpartition("/")[2]
    receipt = form_tokens.load_receipt("only-in-tests", word)
    assert receipt is not None
    assert (receipt.tier, receipt.payment) == ("household", "standing order")


def test_the_page_after_sending_shows_the_reference_and_can_be_reloaded(
    applicant: Applicant, client: FlaskClient, session: Session
) -> None:
    place = applicant.send().headers["Location"]
    before = rows(session)
    pages = [client.get(place).text for _time in range(3)]
    number = only(session).person.number
    assert rows(session) == before
    assert number in pages[0]
    assert len({re.sub(r"nonce", "", page) for page in pages}) == 1
    for text in ("rosa", "Rosa", "Harehills", "LS8"):
        assert text not in pages[0]
    mandate = re.search(r'href="(/members/join/mandate/[^"]+)"', pages[0])
    assert mandate is not None
    assert number in client.get(mandate[1]).text
    assert "/es/members/join/sent/" in pages[0], "the other language shows the same page"


def test_a_cheque_is_explained_instead_of_a_standing_order(
    applicant: Applicant, client: FlaskClient
) -> None:
    page = client.get(applicant.send({**PERSON, "payment": "cheque"}).headers["Location"]).text
    assert "Post your cheque" in page
    assert "mandate/" not in page


@pytest.mark.parametrize("word", ["x", "a.b", "WyJ4Il0.abc"])
def test_the_page_after_sending_needs_a_signed_word(client: FlaskClient, word: str) -> None:
    for page in ("sent", "mandate"):
        assert client.get(f"/members/join/{page}/{word}").status_code == 404


# Sent twice


def test_the_same_form_sent_twice_is_one_application(
    applicant: Applicant, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)
    first = applicant.press(check)
    before = rows(session)
    again = [applicant.press(check) for _time in range(6)]
    assert {response.headers["Location"] for response in again} == {first.headers["Location"]}
    assert rows(session) == before
    assert session.scalar(select(func.count()).select_from(Attempt)) == 1


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_s3_a_form_is_valid_for_one_application_and_a_correction_gets_a_new_token(
    client: FlaskClient, clock: Clock, session: Session, prefix: str
) -> None:
    applicant = Applicant(client, clock, prefix)
    check = applicant.to_check({**PERSON, "email": "roza@example.org"})
    clock.on(minutes=1)
    sent = applicant.press(check)
    before = rows(session)
    for number in range(5):
        refused = applicant.press(check, {"email": f"rosa{number}@example.org"})
        assert refused.status_code == 400
        assert rows(session) == before
    words = "Ya envió una solicitud" if prefix else "You have sent an application with this form"
    assert words in refused.text
    assert hidden(refused)["stamp"] != hidden(check)["stamp"]
    assert {n: hidden(refused)[n] for n in PERSON if n != "email"} == {
        n: hidden(check)[n] for n in PERSON if n != "email"
    }
    assert applicant.press(check).headers["Location"] == sent.headers["Location"]
    assert applicant.press(refused, {"email": "rosa@example.org"}).status_code == 400, "too soon"
    clock.on(seconds=5)
    applicant.press(refused, {"email": "rosa@example.org"})
    wrong, right = session.scalars(select(Application).order_by(Application.id))
    assert (wrong.person.email, right.person.email) == ("roza@example.org", "rosa@example.org")
    assert right.duplicate is wrong.person, "the secretary sees that they may be the same"


def test_a_sent_form_that_was_left_open_overnight_is_not_stored_twice(
    applicant: Applicant, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)
    first = applicant.press(check)
    applicant.clock.on(days=2)
    shown = applicant.press(check)
    assert shown.status_code == 400
    assert "more than a day ago" in shown.text
    assert applicant.press(shown).headers["Location"] == first.headers["Location"]
    assert rows(session)["people"] == 1


# Back, change, the other language


def test_back_shows_the_page_before_with_what_was_typed(applicant: Applicant) -> None:
    response = applicant.to_check(HOUSEHOLD)
    for page in reversed(forms.QUESTIONS):
        response = applicant.press(response, at=f"/members/join/{page}")
        assert response.status_code == 200
        fields = hidden(response)
        for name in forms.FIELDS[page]:
            if name in HOUSEHOLD:
                typed = HOUSEHOLD[name]
                assert fields[name] == ([typed] if isinstance(typed, str) else typed)


@pytest.mark.parametrize("page", forms.QUESTIONS)
def test_changing_an_answer_leads_back_to_the_check_page_and_preserves_the_others(
    applicant: Applicant, page: str
) -> None:
    check = applicant.to_check(HOUSEHOLD)
    assert f'formaction="/members/join/{page}"' in check.text
    asked = applicant.press(check, at=f"/members/join/{page}", changing=1)
    assert asked.status_code == 200
    back = applicant.press(asked)
    assert html_forms.form_of(back.text).action == "/members/join/send"
    assert {n: v for n, v in hidden(back).items() if n in PERSON} == {
        n: v for n, v in hidden(check).items() if n in PERSON
    }


def test_a_change_that_adds_a_question_shows_it_without_errors(applicant: Applicant) -> None:
    check = applicant.to_check()
    asked = applicant.press(check, at=FIRST, changing=1)
    you = applicant.press(asked, {"tier": "household"})
    assert you.status_code == 200
    assert "There is a problem" not in you.text
    assert html_forms.form_of(you.text).action == "/members/join/check"
    assert hidden(you)["name"] == [PERSON["name"]]
    done = applicant.press(you, {"household": "Luis"})
    assert html_forms.form_of(done.text).action == "/members/join/send"


def test_the_other_language_shows_the_same_step_with_what_was_typed(
    applicant: Applicant,
) -> None:
    response = applicant.begin()
    response = applicant.press(response, {"tier": "household"})
    way = re.search(r'formaction="(/es/members/join/you)" lang="es"', response.text)
    assert way is not None
    spanish = applicant.press(response, {"name": "Rosa"}, at=way[1])
    assert spanish.status_code == 200, "nobody is scolded for changing the language"
    assert '<html lang="es">' in spanish.text
    assert hidden(spanish)["name"] == ["Rosa"]
    assert hidden(spanish)["tier"] == ["household"]


def test_enter_presses_the_main_button(applicant: Applicant) -> None:
    """Browsers press the first button of a form in the order of the page, wherever it stands."""
    for response in (applicant.begin(), applicant.to_check()):
        first = re.search(r'<button\b[^>]*form="answers"[^>]*>', response.text)
        assert first is not None
        assert response.text.index(first[0]) < response.text.index('id="answers"')
        assert "formaction" not in first[0]
        assert "name=" not in first[0]


def test_a_get_request_for_a_later_step_redirects_to_the_start(client: FlaskClient) -> None:
    for place in forms.PLACES[1:]:
        response = client.get(f"/members/join/{place}")
        assert (response.status_code, response.headers["Location"]) == (302, "/members/join")


def test_only_the_browser_itself_may_cache_a_step(
    applicant: Applicant,
) -> None:
    for response in (applicant.begin(), applicant.to_check()):
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["X-Robots-Tag"] == "noindex"
        assert "ETag" not in response.headers


def test_pages_without_personal_data_are_cached_for_all(client: FlaskClient) -> None:
    for page in ("", "/form", "/mandate"):
        response = client.get(f"/members/join{page}")
        assert "ETag" in response.headers
        assert "Set-Cookie" not in response.headers


# What is lacking, A13

LACKING: dict[str, tuple[dict[str, str], list[str]]] = {
    forms.MEMBERSHIP: ({}, ["tier"]),
    forms.YOU: ({"name": "www.x.example"}, ["name", "household"]),
    forms.CONTACT: (
        {"email": "rosa", "phone": "x", "postcode": "x"},
        ["email", "phone", "address", "postcode"],
    ),
    forms.PAYMENT: ({}, ["payment"]),
}


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("page", LACKING)
def test_a13_errors_are_in_the_summary_and_at_the_field_in_the_same_words(
    client: FlaskClient, clock: Clock, page: str, prefix: str
) -> None:
    applicant = Applicant(client, clock, prefix)
    response = applicant.begin()
    for earlier in forms.QUESTIONS[: forms.QUESTIONS.index(page)]:
        typed = {n: HOUSEHOLD[n] for n in forms.FIELDS[earlier] if n in HOUSEHOLD}
        response = applicant.press(response, typed)
    typed_wrong, fields = LACKING[page]
    response = applicant.press(response, typed_wrong)
    text = response.text
    assert response.status_code == 400
    title = re.search(r"<title>([^<]*)", text)
    assert title is not None
    assert title[1].startswith("Error: ")
    summary = text[text.index('id="problems"') : text.index("<h1")]
    assert 'role="alert" tabindex="-1" id="problems" autofocus' in text
    errors = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', summary)
    wanted = {f"{f}-0" if f in {"tier", "payment"} else f for f in fields}
    if prefix and page == forms.CONTACT:
        # Nobody's country is taken for granted there, so neither is its postcode.
        wanted = wanted - {"postcode"} | {"country"}
        fields = ["email", "phone", "address", "country"]
    assert {place for place, _words in errors} == wanted
    for place, words in errors:
        assert f'id="{place}"' in text
        assert text.count(words) == 2
    for name in fields:
        assert f'id="{name}-error"' in text
        assert re.search(rf'aria-describedby="[^"]*\b{name}-error"', text), name
    for name, value in typed_wrong.items():
        assert hidden(response)[name] == [value], "what was typed is kept"
    assert "novalidate" in text


def test_a_step_shown_for_the_first_time_has_no_errors(applicant: Applicant) -> None:
    response = applicant.begin()
    for page in forms.QUESTIONS:
        assert "There is a problem" not in response.text
        assert "<title>Error" not in response.text
        response = applicant.press(
            response, {n: PERSON[n] for n in forms.FIELDS[page] if n in PERSON}
        )


def test_everything_is_validated_again_on_sending(applicant: Applicant, session: Session) -> None:
    """A hidden field that was tampered with leads to the step that it belongs to."""
    check = applicant.to_check(HOUSEHOLD)
    applicant.clock.on(minutes=1)
    for field, value, page in (
        ("tier", "gold", forms.MEMBERSHIP),
        ("household", "", forms.YOU),
        ("email", "rosa", forms.CONTACT),
        ("country", "XX", forms.CONTACT),
        ("payment", "gold", forms.PAYMENT),
        ("address", "", forms.CONTACT),
    ):
        response = applicant.press(check, {field: value})
        assert response.status_code == 400, field
        assert hidden(response)["from"] == [page]
        assert "There is a problem" in response.text
    fields = html_forms.form_of(check.text).filled({}) | {"consents": ["everything"]}
    assert applicant.client.post("/members/join/send", data=fields).status_code == 400
    assert sum(rows(session).values()) == 0


def test_a_membership_that_is_no_longer_offered_is_refused(
    applicant: Applicant, app: Flask, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)
    file = f"{app.instance_path}/memberships.toml"
    with open(file, "w") as written:  # noqa: PTH123  # one line
        written.write("[waged]\noffered = false\n")
    response = applicant.press(check)
    assert response.status_code == 400
    assert "Choose a membership." in response.text
    assert rows(session)["people"] == 0


# Programs, S3


def test_s3_a_form_sent_too_fast_is_shown_again_with_everything_typed(
    applicant: Applicant, session: Session
) -> None:
    shown = applicant.send(after=0)
    assert shown.status_code == 400
    assert "press the button once more" in shown.text
    assert hidden(shown)["email"] == ["rosa@example.org"]
    assert sum(rows(session).values()) == 0
    assert applicant.press(shown).status_code == 400, "still at once"
    applicant.clock.on(seconds=5)
    assert applicant.press(shown).status_code == 303
    assert rows(session)["people"] == 1


@pytest.mark.parametrize("token", ["", "x", "made.up"])
def test_s3_a_form_without_a_valid_token_is_accepted_after_five_seconds(
    applicant: Applicant, session: Session, token: str
) -> None:
    check = applicant.to_check()
    applicant.clock.on(hours=1)
    shown = applicant.press(check, {"stamp": token})
    assert shown.status_code == 400
    assert applicant.press(shown).status_code == 400
    assert rows(session)["people"] == 0
    applicant.clock.on(seconds=5)
    assert applicant.press(shown).status_code == 303


@pytest.mark.parametrize("page", forms.STEPS)
def test_s3_a_form_with_the_honeypot_filled_in_is_shown_again_with_everything_typed(
    applicant: Applicant, session: Session, page: str
) -> None:
    response = applicant.begin()
    for earlier in forms.QUESTIONS[: forms.STEPS.index(page)]:
        response = applicant.press(
            response, {n: PERSON[n] for n in forms.FIELDS[earlier] if n in PERSON}
        )
    applicant.clock.on(minutes=1)
    typed = {n: PERSON[n] for n in forms.FIELDS.get(page, ()) if n in PERSON}
    shown = applicant.press(response, {**typed, "subject": "Cheap pills"})
    assert shown.status_code == 400
    assert "do not see" in shown.text
    assert hidden(shown)["subject"] == [""]
    assert hidden(shown)["from"] == [page]
    assert rows(session)["people"] == 0
    assert applicant.press(shown).status_code in {200, 303}, "whose browser did it goes on"


def test_s3_the_honeypot_is_hidden_from_people_and_from_autofill(
    applicant: Applicant,
) -> None:
    text = applicant.begin().text
    honeypot = text[text.index('<div class="unseen"') :]
    honeypot = honeypot[: honeypot.index("</div>")]
    assert 'aria-hidden="true"' in honeypot
    assert 'tabindex="-1"' in honeypot
    assert 'autocomplete="off"' in honeypot
    assert "Leave this field empty" in honeypot, "for those who see it without the style sheet"


def behind(make_app: Callable[..., Flask]) -> Flask:
    return make_app(TRUSTED_PROXIES=1)


def test_s3_one_network_may_send_forty_applications_in_an_hour(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = behind(make_app)
    program = Applicant(app.test_client(), clock)
    program.headers = {"X-Forwarded-For": "203.0.113.7:52114"}
    check = program.to_check()
    clock.on(seconds=6)
    answers = [
        program.press(check, {"email": f"victim{number}@example.org"}, stamp=program.fresh())
        for number in range(50)
    ]
    assert Counter(response.status_code for response in answers) == {303: 40, 429: 10}
    with app.app_context():
        found = rows(db.session())
        assert (found["people"], found["proofs"]) == (40, 40)
        kinds = Counter(db.session.scalars(select(Message.kind)))
        assert kinds == {"verify": 40, "application_received": 10, "applications_received": 1}


def test_s3_one_mailbox_is_mailed_three_times_a_day_and_every_application_is_stored(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = behind(make_app)
    program = Applicant(app.test_client(), clock)
    check = program.to_check()
    clock.on(seconds=6)
    spellings = ("v.ictim{}@gmail.com", "victim+{}@googlemail.com", "Vic.tim+x{}@Gmail.com")
    pages = []
    for number in range(12):
        program.headers = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}
        email = spellings[number % 3].format("" if number % 3 == 0 else number)
        sent = program.press(check, {"email": email}, stamp=program.fresh())
        assert sent.status_code == 303
        pages.append(program.client.get(sent.headers["Location"]).text)
    assert ["mail with a link is on its way to you." in page for page in pages[:3]] == [True] * 3
    for page in pages[3:]:
        assert "Your application is with us, and you need do nothing." in page
        assert "/accounts/join/again" in page
        assert "Confirm your e-mail address" not in page
    with app.app_context():
        kinds = Counter(db.session.scalars(select(Message.kind)))
        assert kinds["verify"] + kinds["verify_known"] == 3
        assert rows(db.session())["applications"] == 12


def test_s3_sending_again_shows_the_same_page_whether_a_mail_was_sent_or_not(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = behind(make_app)
    for number in range(4):
        applicant = Applicant(app.test_client(), clock)
        applicant.headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        check = applicant.to_check()
        clock.on(seconds=6)
        places = {applicant.press(check).headers["Location"] for _time in range(3)}
        assert len(places) == 1
        receipt = form_tokens.load_receipt("only-in-tests", places.pop().rpartition("/")[2])
        assert receipt is not None
        assert receipt.mailed == (number < 3)


def test_s3_beyond_a_rate_limit_everything_typed_stays_and_the_paper_form_is_offered(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = behind(make_app)
    applicant = Applicant(app.test_client(), clock)
    applicant.headers = {"X-Forwarded-For": "203.0.113.7"}
    check = applicant.to_check(HOUSEHOLD)
    for number in range(40):
        typed = {"email": f"somebody{number}@example.org"}
        assert applicant.press(check, typed, stamp=applicant.fresh()).status_code == 303
    with app.app_context():
        before = rows(db.session())
    refused = applicant.press(check, stamp=applicant.fresh())
    assert refused.status_code == 429
    with app.app_context():
        assert rows(db.session()) == before, "nothing is stored or mailed"
    wait = int(refused.headers["Retry-After"])
    assert timedelta(minutes=50) < timedelta(seconds=wait) <= timedelta(minutes=60, seconds=1)
    assert "try again in 1 hour" in unescape(refused.text)
    assert "/members/join/form" in refused.text
    assert refused.headers["Cache-Control"] == "private, no-cache"
    assert {n: hidden(refused)[n] for n in HOUSEHOLD} == {
        n: [v] if isinstance(v, str) else v for n, v in HOUSEHOLD.items()
    }
    assert "<title>Error: " in refused.text
    clock.on(seconds=wait)
    assert applicant.press(refused).status_code == 303


def test_s3_an_unconfirmed_address_is_mailed_nothing_by_consent(
    applicant: Applicant, session: Session
) -> None:
    applicant.send({**PERSON, "consents": ["post", "email"]})
    reached = select(Person.id).where(consents.in_effect("email"))
    assert session.scalars(reached).all() == []
    assert session.scalars(select(Account)).all() == []


# Known and unknown, S4


def test_s4_the_response_is_the_same_for_known_and_unknown_addresses(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    app = behind(make_app)

    def seen(email: str, network: int) -> tuple[object, ...]:
        applicant = Applicant(app.test_client(), clock)
        applicant.headers = {"X-Forwarded-For": f"203.0.113.{network}"}
        response = applicant.send({**PERSON, "email": email})
        page = applicant.client.get(response.headers["Location"])
        number = r"PSG \d+-\d"
        return (
            response.status_code,
            sorted(set(response.headers.keys())),
            sorted(set(page.headers.keys())),
            re.sub(number + r"|/[\w-]+\.[\w-]+\"", "", page.text),
        )

    with app.app_context():
        db.session.add(
            Account(
                email="known@example.org",
                language="en",
                created_at=clock.now,
                verified_at=clock.now,
            )
        )
        db.session.commit()
    assert seen("known@example.org", 1) == seen("unknown@example.org", 2)
    with app.app_context():
        kinds = Counter(db.session.scalars(select(Message.kind)))
    assert kinds == {"verify": 1, "verify_known": 1, "application_received": 2}


# Forged and foreign, S8


@pytest.mark.parametrize("page", forms.STEPS)
def test_s8_a_step_without_its_csrf_token_is_shown_again_with_everything_typed(
    applicant: Applicant, session: Session, page: str
) -> None:
    response = applicant.begin()
    for earlier in forms.QUESTIONS[: forms.STEPS.index(page)]:
        response = applicant.press(
            response, {n: PERSON[n] for n in forms.FIELDS[earlier] if n in PERSON}
        )
    applicant.clock.on(minutes=1)
    typed = {n: PERSON[n] for n in forms.FIELDS.get(page, ()) if n in PERSON}
    other = html_forms.form_of(applicant.client.application.test_client().get(FIRST).text)
    for token in ("", "x", other.fields["csrf_token"][0]):
        shown = applicant.press(response, {**typed, "csrf_token": token})
        assert shown.status_code == 400
        assert "We could not tell that this page sent the form" in shown.text
        assert hidden(shown)["from"] == [page]
        for name, value in typed.items():
            assert hidden(shown)[name] == ([value] if isinstance(value, str) else value)
    assert sum(rows(session).values()) == 0
    assert applicant.press(shown).status_code in {200, 303}, "the token that came with it is good"


def test_s8_a_lost_cookie_loses_nothing_that_was_typed(
    applicant: Applicant, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)
    applicant.client.delete_cookie("form")
    shown = applicant.press(check)
    assert shown.status_code == 400
    assert "keeps no cookies" in shown.text
    assert applicant.press(shown).status_code == 303
    assert rows(session)["people"] == 1


def test_s8_a_forged_empty_form_is_a_bad_request(client: FlaskClient) -> None:
    for fields in ({}, {"from": "check"}, {"from": "nonsense"}, {"from": "send", "changing": "1"}):
        for place in forms.PLACES:
            assert client.post(f"/members/join/{place}", data=fields).status_code == 400


@pytest.mark.parametrize(
    "place", ["//e.example", r"/\\e.example", "https:e", "%0d%0aX: y", "\t//e", "javascript:x"]
)
def test_s16_no_field_determines_a_redirect(applicant: Applicant, place: str) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)
    fields = dict.fromkeys(("next", "from", "changing", "back", "action", "return_to"), place)
    sent = applicant.press(check, **fields)
    assert sent.status_code == 303
    assert re.fullmatch(r"/members/join/sent/[\w.-]+", sent.headers["Location"])
    response = applicant.press(applicant.begin(), {"tier": "waged"}, **fields)
    places = re.findall(r'(?:form)?action="([^"]*)"', response.text)
    assert places
    assert all(re.match(r"/(?!/)", found) for found in places)


# Faults of ours


def test_a_busy_database_loses_nothing_that_was_typed(
    applicant: Applicant, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)

    def locked(*args: object, **kwargs: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(applications, "apply", locked)
        shown = applicant.press(check)
    assert (shown.status_code, shown.headers["Retry-After"]) == (503, "60")
    assert "/members/join/form" in shown.text
    assert hidden(shown)["email"] == ["rosa@example.org"]
    assert applicant.press(shown).status_code == 303
    assert rows(session)["people"] == 1


def test_r4_a_full_disk_is_reported_and_loses_nothing_that_was_typed(
    applicant: Applicant, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)

    def full(*args: object, **kwargs: object) -> None:
        raise OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_FULL))

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", full)
        shown = applicant.press(check)
    assert (shown.status_code, shown.headers["Retry-After"]) == (503, "60")
    assert "its disk is full" in shown.text
    assert "/members/join/form" in shown.text
    for name, value in PERSON.items():
        assert hidden(shown)[name] == ([value] if isinstance(value, str) else value), name
    assert applicant.press(shown).status_code == 303
    assert rows(session)["people"] == 1


def test_an_application_and_its_mails_are_stored_together_or_not_at_all(
    applicant: Applicant, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    check = applicant.to_check()
    applicant.clock.on(minutes=1)

    def failing(*args: object, **kwargs: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(email_confirmation, "request_confirmation", failing)
        assert applicant.press(check).status_code == 503
    assert sum(rows(session).values()) == 0


def test_the_steps_write_nothing_and_wait_for_no_writer(
    applicant: Applicant, app: Flask, session: Session
) -> None:
    """Somebody else may hold the database for writing while a form is filled in."""
    # The write transaction of a command: BEGIN IMMEDIATE.
    session.execute(select(ConfirmationToken))
    response = applicant.to_check(HOUSEHOLD)
    assert response.status_code == 200


# Nothing personal is logged, S22


def test_s22_nothing_about_an_applicant_is_logged(
    applicant: Applicant, caplog: pytest.LogCaptureFixture, session: Session
) -> None:
    caplog.set_level("DEBUG")
    applicant.to_check(HOUSEHOLD)
    check = applicant.to_check(HOUSEHOLD)
    applicant.press(check, {"csrf_token": "x"})
    applicant.press(check)
    applicant.clock.on(minutes=1)
    applicant.press(check, {"email": "rosa"})
    sent = applicant.press(check)
    applicant.client.get(sent.headers["Location"])
    for text in ("rosa", "Quispe", "Ñahui", "Harehills", "LS8", "496", "example.org"):
        assert text.casefold() not in caplog.text.casefold(), text
    token = session.scalars(select(Message).where(Message.kind == "verify")).one().values["link"]
    assert token.rpartition("/")[2] not in caplog.text
    assert sent.headers["Location"].rpartition("/")[2] not in caplog.text


# Prices


def test_prices_are_on_every_page_about_memberships(app: Flask, clock: Clock) -> None:
    with open(f"{app.instance_path}/memberships.toml", "w") as written:  # noqa: PTH123  # short
        written.write('[waged]\namounts = [{ from = 2026-01-01, pounds = "30.00" }]\n')
        written.write('[life]\namounts = [{ from = 2026-01-01, pounds = "500.50" }]\n')
    client = app.test_client()
    for page in ("", "/membership", "/form"):
        text = client.get(f"/members/join{page}").text
        assert "£30 a year" in text
        assert "£500.50, once" in text
        assert "amount to be confirmed by PSG" in text
    spanish = client.get("/es/members/join").text
    assert "£30 al año" in spanish
    assert "importe por confirmar por el PSG" in spanish
    own = Applicant(client, clock).send()
    word = own.headers["Location"].rpartition("/")[2]
    assert "£30" in client.get(f"/members/join/mandate/{word}").text
    life = Applicant(client, clock).send({**PERSON, "tier": "life", "email": "l@example.org"})
    word = life.headers["Location"].rpartition("/")[2]
    mandate = client.get(f"/members/join/mandate/{word}").text
    assert "This one time only." in mandate
    assert "Then every year" not in mandate


def test_bank_details_are_on_the_form_and_the_mandate(make_app: Callable[..., Flask]) -> None:
    facts = {
        "BANK_NAME": "Bank of Lima",
        "BANK_ACCOUNT_NAME": "Support of Peru",
        "BANK_SORT_CODE": "01-02-03",
        "BANK_ACCOUNT_NUMBER": "00112233",
        "CHEQUES_PAYABLE_TO": "The Treasurer",
        "CONTACT_POST": "1 Llama Street",
    }
    without, with_facts = (make_app(**settings).test_client() for settings in ({}, facts))
    for client, known in ((without, False), (with_facts, True)):
        form = client.get("/members/join/form").text
        mandate = client.get("/members/join/mandate").text
        for name, value in facts.items():
            assert (value in form) is known, name
            if name.startswith("BANK"):
                assert (value in mandate) is known, name
        assert ("to be confirmed by PSG" in mandate) is not known


# A clock that is wrong (R14)


def test_r14_a_form_begun_while_the_clock_was_ahead_can_be_sent(
    applicant: Applicant, session: Session, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Form token, CSRF token and cookie are dated; the button is pressed again meanwhile."""
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(clock().timestamp()))
    clock.on(days=100)
    response = applicant.to_check()
    clock.on(days=-100, seconds=60)
    pressed = 0
    while response.status_code != 303:
        assert pressed < 4
        response = applicant.press(response)
        clock.on(seconds=10)
        pressed += 1
    application = only(session)
    assert application.person.name == PERSON["name"]
    assert application.sent_at < clock()


def test_r14_an_application_is_dated_correctly_while_the_clock_is_known_to_be_behind(
    app: Flask, applicant: Applicant, session: Session, clock: Clock
) -> None:
    known = clock()
    readings = Readings()
    for minutes in range(10 * 150, -1, -10):
        readings.add(known.timestamp() - 60 * minutes, 600 if readings.shown else None)
    Path(app.instance_path, clock_watch.FILE).write_text(clock_watch.serialize(readings))
    clock.on(days=-100)
    response = applicant.send()
    assert response.status_code == 303
    application = only(session)
    assert abs(application.sent_at - known) < timedelta(minutes=1)
    (token,) = session.scalars(select(ConfirmationToken))
    assert token.created_at == application.sent_at
