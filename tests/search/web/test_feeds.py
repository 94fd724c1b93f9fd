"""Any search as a feed: the same results as the page, in Atom and in JSON Feed."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.sample import loading
from psgflask.search.sync import indexer
from tests import factories

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def archive(session: Session, app: Flask) -> None:
    """Twelve articles on mining, two of them in Spanish, and one on something else."""
    factories.topic(session, "mining")
    for number in range(12):
        factories.article(
            session,
            f"Mining protest {number}",
            teaser="Farmers & <miners> met.",
            language="es" if number < 2 else "en",
            topics=["mining"],
        )
    factories.article(session, "Carnival")
    session.commit()
    indexer.drain(app)


def read(client: FlaskClient, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200
    assert response.content_type == "application/feed+json; charset=utf-8"
    found: dict[str, Any] = json.loads(response.data)
    return found


@pytest.mark.usefixtures("archive")
def test_a_feed_loads_all_bodies_at_once(client: FlaskClient, app: Flask) -> None:
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    assert client.get("/search.atom?q=mining").text.count("<content") == 10
    assert len([each for each in statements if "articles.body" in each]) == 1


@pytest.mark.usefixtures("archive")
def test_a_json_feed_holds_what_the_page_shows_and_leads_on(client: FlaskClient) -> None:
    first = read(client, "/search.json?q=mining")
    assert first["version"] == "https://jsonfeed.org/version/1.1"
    assert first["_search"]["total"] == 12
    assert first["_search"]["facets"]["languages"] == {"en": 10, "es": 2}
    assert first["_search"]["facets"]["topics"] == {"mining": 12}
    assert len(first["items"]) == 10
    base = first["home_page_url"].partition("/search/")[0]
    second = read(client, first["next_url"].removeprefix(base))
    assert len(second["items"]) == 2
    assert "next_url" not in second
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert len(set(ids)) == 12
    page = client.get("/search/?q=mining").text
    assert all(f'href="{id_.removeprefix(base)}"' in page for id_ in ids[:10])


@pytest.mark.usefixtures("archive")
def test_an_item_escapes_first_and_then_marks(client: FlaskClient) -> None:
    item = read(client, "/search.json?q=farmers")["items"][0]
    assert item["summary"] == "Farmers & <miners> met."
    assert "<mark>Farmers</mark> &amp; &lt;miners&gt; met." in item["content_html"]
    assert item["tags"] == ["mining"]


@pytest.mark.usefixtures("archive")
def test_corrected_and_dropped_words_are_in_the_feed(client: FlaskClient) -> None:
    assert read(client, "/search.json?q=protset")["_search"]["did_you_mean"] == {
        "protset": "protest"
    }
    assert read(client, "/search.json?q=carnival+mining")["_search"]["relaxed"] == ["mining"]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_an_atom_feed_follows_a_search(
    client: FlaskClient, session: Session, app: Flask, prefix: str
) -> None:
    page = client.get(f"{prefix}/search/?q=mining&lang=en").text
    address = f"{prefix}/search.atom?q=mining&amp;lang=en&amp;sort=newest"
    assert 'type="application/atom+xml" title="10 ' in page
    assert page.count(f'href="{address}"') == 2  # for programs in the head, for people below
    factories.article(session, "Mining, the newest", slug="newest")
    session.commit()
    indexer.drain(app)
    feed = client.get(address.replace("&amp;", "&"))
    assert feed.content_type == "application/atom+xml; charset=utf-8"
    titles = [
        entry.findtext(f"{ATOM}title")
        for entry in ElementTree.fromstring(feed.data).findall(f"{ATOM}entry")
    ]
    assert len(titles) == 10
    assert titles[0] == "Mining, the newest"


@pytest.mark.usefixtures("archive")
def test_what_was_withdrawn_is_in_no_feed(
    client: FlaskClient, session: Session, app: Flask
) -> None:
    article = factories.article(session, "Mining, taken back", slug="taken-back")
    session.commit()
    indexer.drain(app)
    assert "taken-back" in client.get("/search.json?q=mining&sort=newest").text
    publishing.withdraw(session, article, by="editor", now=utc_now())
    session.commit()
    assert "taken-back" not in client.get("/search.json?q=mining&sort=newest").text
    assert "taken-back" not in client.get("/search.atom?q=mining&sort=newest").text


@pytest.mark.parametrize("form", ["atom", "json"])
@pytest.mark.parametrize("parameter", ["sort=x", "page=0", "lang=fr", "from=x", "topic=none"])
def test_invalid_parameters_are_refused_and_any_words_are_answered(
    client: FlaskClient, form: str, parameter: str
) -> None:
    assert client.get(f"/search.{form}?q=mining&{parameter}").status_code == 400
    assert client.get(f"/search.{form}?q=%5Ba+TO+zz%5D%00((((").status_code == 200
    assert client.get(f"/search.{form}").status_code == 200


def test_a_member_article_shows_its_teaser_alone(
    client: FlaskClient, session: Session, app: Flask
) -> None:
    loading.add_topics(session, [])
    factories.article(session, "For members", body="Secret words.", members_only=True)
    session.commit()
    indexer.drain(app)
    for form in ("atom", "json"):
        assert "Secret" not in client.get(f"/search.{form}?q=members").text
