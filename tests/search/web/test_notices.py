"""A page without results offers searches that find something, and topics."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.search.sync import indexer
from tests import factories

Alternatives = Callable[..., dict[str, str]]


@pytest.fixture
def archive(session: Session, app: Flask) -> None:
    """Two articles on a protest in English, one in Spanish, and three topics."""
    for slug, english, spanish in (
        ("mining", "Mining", "Minería"),
        ("health", "Health", "Salud"),
        ("womens-rights", "Women's rights", "Derechos de la mujer"),
    ):
        factories.topic(session, slug, name_en=english, name_es=spanish)
    factories.article(session, "Farmers protest against the mine", topics=["mining"])
    factories.article(session, "A protest of teachers", dated="3 May 2012")
    factories.article(session, "Marcha de los campesinos", language="es")
    session.commit()
    indexer.drain(app)


@pytest.fixture
def alternatives(client: FlaskClient) -> Alternatives:
    """Request a page; return its alternatives: label and count -> the heading behind the link."""

    def ask(q: str, **said: str) -> dict[str, str]:
        page = client.get("/search/", query_string={"q": q, **said}).text
        found = re.findall(
            r'<li><a href="([^"]*)">([^<]*)</a> <span class="count">(\d+) results?</span>', page
        )
        headings = {}
        for href, label, count in found:
            there = client.get(unescape(href)).text
            [heading] = re.findall(r"<h1[^>]*>(.*?)</h1>", there)
            assert heading.startswith(f"{count} result")
            headings[f"{unescape(label)}, {count}"] = unescape(heading)
        return headings

    return ask


@pytest.mark.usefixtures("archive")
def test_words_that_stand_elsewhere_are_offered_without_their_places(
    alternatives: Alternatives,
) -> None:
    assert alternatives('"mine protest"') == {"mine protest, 1": "1 result for ‘mine protest’"}
    assert alternatives("title:against title:teachers") == {
        "against teachers, 1": "1 result for ‘against teachers’"
    }
    assert alternatives("protest -farmers -teachers") == {"protest, 2": "2 results for ‘protest’"}


@pytest.mark.usefixtures("archive")
def test_a_correction_is_offered_with_its_count(alternatives: Alternatives) -> None:
    """Also where the reader insists on the words as typed, in quotation marks."""
    assert alternatives('"protset"') == {"protest, 2": "2 results for ‘protset’"}


@pytest.mark.usefixtures("archive")
def test_the_other_language_is_offered_with_its_count(alternatives: Alternatives) -> None:
    assert alternatives("campesinos", lang="en")["In Spanish, 1"] == "1 result for ‘campesinos’"
    assert alternatives('"protest" lang:es')["In English, 2"] == '2 results for ‘"protest" lang:en’'


@pytest.mark.usefixtures("archive")
def test_removing_filters_that_leave_nothing_is_offered(alternatives: Alternatives) -> None:
    assert alternatives("teachers", topic="mining") == {
        "Without filters, 1": "1 result for ‘teachers’"
    }
    assert alternatives("teachers", **{"from": "2020"}) == {
        "Without filters, 1": "1 result for ‘teachers’"
    }


@pytest.mark.usefixtures("archive")
def test_where_one_change_is_not_enough_filters_and_places_are_left_out(
    alternatives: Alternatives,
) -> None:
    assert alternatives('"mine protset"', lang="es") == {
        "mine protest, 1": "1 result for ‘mine protset’"
    }


@pytest.mark.usefixtures("archive")
def test_where_something_is_found_or_nothing_would_be_no_alternative_is_shown(
    alternatives: Alternatives,
) -> None:
    assert alternatives("protest") == {}
    assert alternatives("xyzzyplugh") == {}


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("q", "topics"),
    [
        ("xminingx rigths", ["Women's rights"]),
        ('"minings"', ["Mining"]),
        ('"mineria"', ["Mining"]),
        ("xyzzyplugh", ["Health", "Mining", "Women's rights"]),
    ],
)
def test_the_nearest_topics_are_shown_and_else_the_first(
    client: FlaskClient, q: str, topics: list[str]
) -> None:
    page = client.get("/search/", query_string={"q": q}).text
    main = page.partition("<main")[2].partition("</main>")[0]
    found = re.findall(r'<li><a href="/topics/[^"]*">([^<]*)</a></li>', main)
    assert list(map(unescape, found)) == topics
