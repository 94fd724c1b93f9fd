"""Suggestions: from the same pipeline as the page, as a piece of HTML."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.sample import loading
from psgflask.search.sync import indexer
from tests import factories


@pytest.fixture
def sample(session: Session, app: Flask) -> None:
    """The sample content."""
    loading.load_content(session, now=utc_now())
    session.commit()
    indexer.drain(app)


def suggested(client: FlaskClient, q: str, prefix: str = "") -> list[tuple[str, str, str]]:
    """Return (kind, text, address) of each suggestion."""
    response = client.get(f"{prefix}/search/suggest", query_string={"q": q})
    assert response.status_code == 200
    options = re.findall(
        r'<li role="option".*?data-href="(.*?)"><span[^>]*>(.*?)</span> <span[^>]*>(.*?)</span>',
        response.text,
        re.DOTALL,
    )
    bare = [(kind, re.sub(r"<[^>]*>", "", text), href) for href, text, kind in options]
    return [tuple(unescape(part) for part in each) for each in bare]  # type: ignore[misc]  # three


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("typed", ["min", "mini", "responsible min", "teach", "Castañ", "quell"])
def test_the_first_article_is_among_the_first_three_of_the_page(
    client: FlaskClient, typed: str
) -> None:
    kind, title, _href = suggested(client, typed)[0]
    assert kind == "Article"
    page = client.get("/search/", query_string={"q": f"{typed}*"}).text
    heads = re.findall(r"<h2[^>]*>\s*<a[^>]*>(.*?)</a>", page, re.DOTALL)
    assert title in [unescape(re.sub(r"<[^>]*>", "", head)) for head in heads[:3]]


@pytest.mark.usefixtures("sample")
def test_topics_issues_and_words_are_suggested_too(client: FlaskClient, session: Session) -> None:
    assert ("Topic", "Human rights", "/topics/human-rights") in suggested(client, "hum ri")
    assert ("Topic", "Derechos humanos", "/es/topics/human-rights") in [
        ("Topic", text, href) for kind, text, href in suggested(client, "derech", "/es")
    ]
    factories.issue(session, 134)
    assert ("Issue", "Update 134", "/search/?q=issue:134") in suggested(client, "update 134")
    assert "responsible mining" in [
        text for kind, text, _href in suggested(client, "responsible min") if kind == "Search"
    ]


@pytest.mark.parametrize(
    "typed", ["", " ", "a", "*", '"', "((((", "\0", "x" * 10_000, "lang:es", "-a"]
)
def test_anything_typed_gets_an_answer(client: FlaskClient, typed: str) -> None:
    assert client.get("/search/suggest", query_string={"q": typed}).status_code == 200


def test_what_is_suggested_is_escaped_and_published(
    client: FlaskClient, session: Session, app: Flask
) -> None:
    factories.article(session, "<b>Mining</b> & co")
    factories.article(session, "Mining draft", status="draft")
    session.commit()
    indexer.drain(app)
    page = client.get("/search/suggest?q=mini").text
    assert "&lt;b&gt;<mark>Mining</mark>&lt;/b&gt; &amp; co" in page
    assert "draft" not in page
