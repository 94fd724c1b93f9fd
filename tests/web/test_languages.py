"""Two languages, one URL map: the prefix, addresses, and the way to the counterpart."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.web import languages
from tests import factories


def test_the_prefix_chooses_the_language(app: Flask, client: FlaskClient) -> None:
    assert '<html lang="en"' in client.get("/news/").text
    assert '<html lang="es"' in client.get("/es/news/").text


def test_no_header_chooses_the_language(client: FlaskClient) -> None:
    response = client.get("/news/", headers={"Accept-Language": "es-PE"})
    assert response.status_code == 200
    assert '<html lang="en"' in response.text


@pytest.mark.parametrize(
    ("path", "language", "rest"),
    [
        ("/es", "es", "/"),
        ("/es/", "es", "/"),
        ("/es/news/", "es", "/news/"),
        ("/es/es/news/", "es", "/es/news/"),
        ("/estonia", "en", "/estonia"),
        ("/ES/news/", "en", "/ES/news/"),
        ("/news/es/", "en", "/news/es/"),
    ],
)
def test_only_a_whole_first_segment_is_a_prefix(
    app: Flask, path: str, language: str, rest: str
) -> None:
    seen: list[tuple[str, str]] = []
    app.before_request(lambda: seen.append((languages.current_language(), request.path)))
    app.test_client().get(path)
    assert seen == [(language, rest)]


def test_the_spanish_home_page_has_one_address(client: FlaskClient) -> None:
    bare = client.get("/es")
    if bare.status_code != 200:
        assert bare.headers["Location"] == "/es/"
    assert client.get("/es/").status_code == 200


@pytest.mark.parametrize(
    ("language", "external", "expected"),
    [
        (None, False, "/news/"),
        ("en", False, "/news/"),
        ("es", False, "/es/news/"),
        ("es", True, "http://127.0.0.1:8000/es/news/"),
        ("en", True, "http://127.0.0.1:8000/news/"),
    ],
)
def test_an_address_is_built_without_a_request(
    app: Flask, language: str | None, external: bool, expected: str
) -> None:
    with app.app_context():
        assert languages.address("news.listing", language=language, external=external) == expected


def test_within_a_request_addresses_stay_in_its_language(app: Flask) -> None:
    with app.test_request_context("/news/", environ_overrides={"psg.language": "es"}):
        assert languages.address("news.listing") == "/es/news/"
        assert languages.address("news.listing", language="en") == "/news/"


@pytest.mark.parametrize(
    ("path", "counterpart"),
    [
        ("/", "/es/"),
        ("/es/", "/"),
        ("/news/", "/es/news/"),
        ("/es/topics/", "/topics/"),
        ("/search/?q=a%26b&page=1", "/es/search/?q=a%26b&amp;page=1"),
    ],
)
def test_every_page_links_to_its_counterpart(
    client: FlaskClient, path: str, counterpart: str
) -> None:
    page = client.get(path).text
    other = "es" if not path.startswith("/es/") else "en"
    assert f'href="{counterpart}"' in page
    assert f'hreflang="{other}"' in page


def test_an_article_under_the_other_prefix_redirects_to_its_own_address(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="water-in-the-valley")
    response = client.get("/es/news/water-in-the-valley")
    assert response.status_code == 302
    assert response.headers["Location"] == "/news/water-in-the-valley"


def test_translations_lead_to_each_other(client: FlaskClient, session: Session) -> None:
    factories.article(session, slug="water")
    factories.article(session, slug="agua", language="es", translation_of="water")
    assert 'href="/es/news/agua"' in client.get("/news/water").text
    assert 'href="/news/water"' in client.get("/es/news/agua").text


def test_an_unknown_language_is_a_404(client: FlaskClient) -> None:
    assert client.get("/fr/news/").status_code == 404
    assert '<html lang="es"' in client.get("/es/nothing/here").text
