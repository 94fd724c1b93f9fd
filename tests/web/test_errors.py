"""A19: every error is a page that helps, whatever else is broken."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import default_exceptions

from psgflask.core import database
from psgflask.core.database import db
from psgflask.ops.serving import startup
from psgflask.ops.serving.wsgi import internal_request
from psgflask.search.search_log import SearchCounter
from psgflask.web.errors import TEXTS
from tests import database_locks, factories, full_disk

# Werkzeug's own first-class errors less those that take a value to be made at all.
CODES = sorted(default_exceptions)


def raise_it(code: int) -> str:
    abort(code)


@pytest.fixture
def raising(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(TESTING=False)
    app.add_url_rule("/raise/<int:code>", view_func=raise_it)
    return app


@pytest.fixture
def without_database(raising: Flask, instance: Path) -> FlaskClient:
    """The site after its database was lost."""
    with raising.app_context():
        db.engine.dispose()
    (instance / "psg.sqlite").unlink()
    (instance / "psg.sqlite").mkdir()  # cannot even be made anew
    return raising.test_client()


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("code", CODES)
def test_a19_every_error_is_a_page_even_with_the_database_gone(
    without_database: FlaskClient, code: int, prefix: str
) -> None:
    response = without_database.get(f"{prefix}/raise/{code}")
    assert response.status_code == code
    page = response.text
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert f'<html lang="{prefix.lstrip("/") or "en"}"' in page
    assert page.count("<h1") == 1
    assert f'href="{prefix}/"' in page
    assert len(page) < 100_000
    assert response.headers["Cache-Control"] == "no-store"


def test_a19_a_busy_database_is_reported_where_an_old_address_is_looked_up(
    raising: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*asked: object) -> None:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setitem(raising.extensions, "psg_404_redirects", [locked])
    response = raising.test_client().get("/old.php?name=somebody")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


def test_s22_a_failed_statement_does_not_contain_its_parameters(app: Flask) -> None:
    with app.app_context(), pytest.raises(OperationalError) as fault:
        db.session.execute(text("SELECT :asked FROM nowhere"), {"asked": "somebody"})
    assert "somebody" not in str(fault.value)


@pytest.mark.parametrize("path", ["/", "/news/", "/news/x", "/search/?q=x", "/sitemap.xml"])
def test_a19_pages_that_need_the_database_are_503_error_pages(
    without_database: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = without_database.get(path)
    assert response.status_code == 503
    assert "<h1" in response.text
    assert "Traceback" not in response.text


def test_a19_a_missing_page_is_a_404_without_the_database(
    without_database: FlaskClient,
) -> None:
    response = without_database.get("/nothing/here")
    assert response.status_code == 404
    assert "There is no page at this address" in response.text


def test_a19_each_listed_error_has_its_own_text(raising: Flask) -> None:
    client = raising.test_client()
    headings = set()
    for code, (heading, _message) in TEXTS.items():
        page = client.get(f"/raise/{code}").text
        with raising.test_request_context():
            assert str(heading) in page
            headings.add(str(heading))
    assert len(headings) == len(TEXTS)


def test_a19_the_404_page_offers_the_archive_and_the_search(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, "The newest of all", dated="15 July 2018")
    page = client.get("/nothing").text
    assert 'role="search"' in page or "<search" in page
    assert "/news/2018/" in page


def test_a_failing_context_processor_does_not_turn_a_404_into_a_500(
    raising: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def failing() -> dict[str, object]:
        raise RuntimeError("a package fails")

    raising.context_processor(failing)
    client = raising.test_client()
    response = client.get("/nothing")
    assert response.status_code == 404
    assert "There is no page at this address" in response.text
    assert client.get("/raise/503").status_code == 503


def test_a_withdrawn_article_is_410_gone(client: FlaskClient, session: Session) -> None:
    factories.article(session, "Taken back", slug="taken-back", status="withdrawn")
    response = client.get("/news/taken-back")
    assert response.status_code == 410
    assert "Taken back" not in response.text


@pytest.mark.parametrize("status", ["draft", "scheduled"])
def test_an_unpublished_article_looks_like_a_missing_page(
    client: FlaskClient, session: Session, status: str
) -> None:
    from psgflask.core.clock import utc_now

    factories.article(session, "Not yet", slug="not-yet", status=status, now=utc_now())
    response, nothing = client.get("/news/not-yet"), client.get("/news/nothing")
    assert response.status_code == nothing.status_code == 404
    assert response.text.replace("not-yet", "nothing") == nothing.text


def test_a_405_lists_the_allowed_methods(client: FlaskClient) -> None:
    response = client.post("/news/")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_busy_database_is_a_503_with_retry_after(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 1)
    with database_locks.held_whole(app):
        response = client.get("/news/")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "busy" in response.text


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize(
    "fault",
    [
        lambda: OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_FULL)),
        lambda: OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_READONLY)),
        lambda: OperationalError("INSERT", {}, full_disk.of_sqlite(sqlite3.SQLITE_CANTOPEN)),
        lambda: OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_r4_a_write_failure_is_a_503_with_retry_after(
    make_app: Callable[..., Flask], fault: Callable[[], Exception], prefix: str
) -> None:
    app = make_app(TESTING=False)

    def save() -> str:
        raise fault()

    app.add_url_rule("/save", view_func=save, methods=["POST"])
    response = app.test_client().post(f"{prefix}/save")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert ("No se puede guardar" if prefix else "Nothing can be saved") in response.text


def test_other_file_errors_are_500s(make_app: Callable[..., Flask]) -> None:
    app = make_app(TESTING=False)

    def save() -> str:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    app.add_url_rule("/save", view_func=save)
    assert app.test_client().get("/save").status_code == 500


def test_a_damaged_database_is_a_page_too(raising: Flask, instance: Path) -> None:
    with raising.app_context():
        db.engine.dispose()
    (instance / "psg.sqlite").write_bytes(b"not a database at all, in any way" * 100)
    response = raising.test_client().get("/news/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "300")
    assert "<h1" in response.text


@pytest.mark.parametrize("fault", [lambda: Path(__file__).read_text(), lambda: abort(503)])
def test_without_free_file_descriptors_an_error_gets_the_page_rendered_at_startup(
    instance: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[], str]
) -> None:
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    monkeypatch.setenv("PSG_WORKER", "no")
    monkeypatch.setattr(SearchCounter, "start", lambda self: None)
    app = startup.create_serving_app()
    monkeypatch.setitem(app.view_functions, "home.index", fault)
    assert app.jinja_env.cache is not None
    app.jinja_env.cache.clear()
    app.extensions["psg_error_pages"].clear()

    def full(*given: object, **more: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", full)
        patched.setattr("io.open", full)
        responses = [internal_request(app, path) for path in ("/", "/es/")]
    words = ("Something went wrong on our side", "Algo ha fallado de nuestro lado")
    for response, told in zip(responses, words, strict=True):
        assert response.status == 500
        assert told in response.body.decode()
        assert dict(response.headers)["Content-Security-Policy"]


def test_the_log_contains_neither_query_nor_values(
    raising: Flask, caplog: pytest.LogCaptureFixture, instance: Path
) -> None:
    client = raising.test_client()
    with raising.app_context():
        db.engine.dispose()
    shutil.move(instance / "psg.sqlite", instance / "away")
    (instance / "psg.sqlite").mkdir()
    client.get("/news/?before=2018-01-01.77777", headers={"User-Agent": "Agent/1.0"})
    client.get("/search/?q=castaneda")
    client.get("/raise/500?q=castaneda")
    assert caplog.records
    for said in ("77777", "castaneda", "Agent/1.0", "127.0.0.1"):
        assert said not in caplog.text
