"""R8: while another program holds the database, readers notice nothing and writers hear it once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from psgflask.accounts.models import Attempt, ConfirmationToken
from psgflask.core import database
from psgflask.core.database import db
from psgflask.core.fair_semaphore import FairSemaphore
from psgflask.web.slots import FORMS
from tests import addresses, database_locks, html_forms
from tests.browser import content
from tests.browser.content import LINKS
from tests.conftest import Visitor
from tests.members.joining_form import PERSON, Applicant, Clock

WRITING = ("POST", "PUT", "PATCH", "DELETE")
AGAIN = "/accounts/join/again"
RIGHTS = "/members/rights"
LINK = f"/accounts/join/{LINKS['open']}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with content.filled(tmp_path_factory.mktemp("locked"), "full") as app:
        app.test_client_class = Visitor
        yield app


@pytest.fixture
def visitor(site: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    monkeypatch.setattr(database, "GLANCE_TIMEOUT_MS", 1)
    site.extensions["psg_page_cache"].pages.clear()
    return site.test_client()


@pytest.fixture
def taken_whole(site: Flask) -> Iterator[None]:
    """Somebody holds the database against readers too."""
    with database_locks.held_whole(site):
        yield


def test_r8_every_page_is_served_while_another_process_writes(
    site: Flask, visitor: FlaskClient
) -> None:
    paths = addresses.of(site)
    before = {path: visitor.get(path, buffered=True) for path in paths}
    site.extensions["psg_page_cache"].pages.clear()
    with database_locks.held(site), database_locks.waits() as waits:
        for path in paths:
            response = visitor.get(path, buffered=True)
            # It says that nothing can be saved.
            right = 503 if path.endswith("/readyz") else before[path].status_code
            assert response.status_code == right, path
    assert waits == []


def sent_forms(client: FlaskClient) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return a form filled in for each route that takes one: its address and its fields."""
    again = html_forms.form_of(client.get(AGAIN).text).filled({"email": "rosa@example.org"})
    asked = {"right": "access", "name": "Rosa Quispe", "email": "rosa@example.org"}
    about_data = html_forms.form_of(client.get(RIGHTS).text).filled(asked)
    return {
        "rights.ask": (RIGHTS, about_data),
        "accounts.again": (AGAIN, again),
        "accounts.join": (LINK, {}),
        "members.step": ("/members/join/send", filled_in(client)),
    }


def filled_in(client: FlaskClient) -> dict[str, Any]:
    """Return what is sent once every question of joining was answered."""
    check = Applicant(client, Clock()).to_check()
    return html_forms.form_of(check.text).filled({})


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms may be sent as soon as they are shown."""
    from datetime import timedelta

    from psgflask.members.web import form_tokens

    monkeypatch.setattr(form_tokens, "MIN_AGE", timedelta(0))


@pytest.mark.usefixtures("patient")
def test_r8_every_writing_request_waits_once_and_says_that_the_site_is_busy(
    site: Flask, visitor: FlaskClient
) -> None:
    forms = sent_forms(visitor)
    for rule in site.url_map.iter_rules():
        for method in set(WRITING) & (rule.methods or set()):
            path, fields = forms[rule.endpoint]  # a new route needs a form above
            with database_locks.held(site), database_locks.waits() as waits:
                response = visitor.open(path, method=method, data=fields)
            assert response.status_code == 503, path
            assert int(response.headers["Retry-After"]) > 0
            assert waits == ["BEGIN IMMEDIATE"], path


@pytest.mark.usefixtures("patient")
def test_r8_the_busy_page_keeps_what_was_typed(site: Flask, visitor: FlaskClient) -> None:
    forms = sent_forms(visitor)
    with database_locks.held(site):
        for endpoint in ("accounts.again", "rights.ask", "members.step"):
            path, fields = forms[endpoint]
            page = visitor.post(path, data=fields).text
            kept = html_forms.form_of(page).fields
            lost = {name for name in fields if name != "csrf_token" and kept.get(name) is None}
            assert lost <= {"from"}, page
            assert "busy" in page
    with site.app_context():  # filling the site took many requests
        db.session.execute(db.delete(Attempt))
        db.session.commit()
    sent = visitor.post(path, data=html_forms.form_of(page).filled({}))
    assert sent.status_code == 303


def test_r8_a_link_is_not_used_up_by_a_busy_response(site: Flask, visitor: FlaskClient) -> None:
    with database_locks.held(site):
        page = visitor.post(LINK).text
    assert "still good" in page
    assert "<button>" in page
    with site.app_context(), database.read_only():
        spent = db.session.scalars(
            db.select(ConfirmationToken.used_at).where(ConfirmationToken.used_at.is_(None))
        ).all()
        db.session.rollback()
    assert spent


@pytest.mark.parametrize("method", WRITING)
def test_r8_a_post_to_a_missing_page_takes_no_lock(
    site: Flask, visitor: FlaskClient, method: str
) -> None:
    with database_locks.held(site), database_locks.waits() as waits:
        assert visitor.open("/nothing/here", method=method).status_code == 404
        assert visitor.open("/news/", method=method).status_code == 405
    assert waits == []


@pytest.mark.usefixtures("taken_whole")
def test_r8_the_liveness_check_runs_no_query(visitor: FlaskClient) -> None:
    with database_locks.waits() as waits:
        assert visitor.get("/healthz").status_code == 200
        assert waits == []
        assert visitor.get("/readyz").status_code == 503
    assert len(waits) == 1


@pytest.mark.usefixtures("patient")
def test_r8_the_busy_page_runs_no_query(site: Flask, visitor: FlaskClient) -> None:
    forms = sent_forms(visitor)
    with database_locks.held_whole(site):
        for path, fields in forms.values():
            with database_locks.waits() as waits:
                response = visitor.post(path, data=fields)
            assert response.status_code == 503, path
            assert "<h1" in response.text
            assert len(waits) == 1


@pytest.mark.usefixtures("patient")
def test_r8_the_steps_of_the_form_need_no_database(site: Flask, visitor: FlaskClient) -> None:
    applicant = Applicant(visitor, Clock())
    first = applicant.begin()
    with database_locks.held_whole(site):
        turned = applicant.press(first, {"tier": PERSON["tier"]})
    assert turned.status_code == 200
    assert turned.headers["Cache-Control"] == "private, no-cache"


def test_r8_a_form_without_a_slot_is_refused_at_once_and_keeps_what_was_typed(
    site: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fields = (
        AGAIN,
        html_forms.form_of(visitor.get(AGAIN).text).filled({"email": "a@b.example"}),
    )
    full = FairSemaphore(0, 0)
    monkeypatch.setitem(site.extensions["psg_slots"], FORMS, full)
    with database_locks.waits() as waits:
        response = visitor.post(path, data=fields)
    assert response.status_code == 503
    assert "a@b.example" in response.text
    assert waits == []


# Kept pages


def test_r8_a_cached_page_is_served_with_no_store_while_the_database_is_locked(
    site: Flask, visitor: FlaskClient
) -> None:
    before = {path: visitor.get(path) for path in ("/", "/news/", "/es/", "/news/2015/03/")}
    with database_locks.held_whole(site):
        for path, fresh in before.items():
            kept = visitor.get(path, headers={"If-None-Match": fresh.headers["ETag"]})
            assert kept.status_code == 200
            assert kept.data == fresh.data
            assert kept.headers["Cache-Control"] == "no-store"
            assert "ETag" not in kept.headers
            assert visitor.head(path).status_code == 200
        missing = visitor.get("/topics/")
        assert missing.status_code == 503
        assert missing.headers["Retry-After"] == "5"
    assert visitor.get("/").headers["ETag"] == before["/"].headers["ETag"]


def test_r8_a_withdrawn_article_does_not_reappear(site: Flask, visitor: FlaskClient) -> None:
    visitor.get("/news/everything")
    visitor.get("/")
    with site.app_context():
        from psgflask.core import content_stamp

        content_stamp.content_changed(db.session())
        db.session.commit()
    visitor.get("/")  # so this process knows that something changed
    with database_locks.held_whole(site):
        assert visitor.get("/").status_code == 200
        assert visitor.get("/news/everything").status_code == 503


def test_an_incomplete_page_is_not_cached(
    site: Flask, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import DatabaseError

    from psgflask.news import counting

    def damaged(*asked: object) -> None:
        raise DatabaseError("SELECT", {}, sqlite3.DatabaseError("Could not decode to UTF-8"))

    whole = visitor.get("/members/join/form").text
    site.extensions["psg_page_cache"].pages.clear()
    with monkeypatch.context() as patch:
        patch.setattr(counting, "by_year", damaged)
        response = visitor.get("/members/join/form")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
    assert visitor.get("/members/join/form").text == whole


def test_the_locks_are_taken_on_the_database_of_the_app(site: Flask) -> None:
    assert Path(site.instance_path, "psg.sqlite").is_file()
