from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from psgflask.news.cards import card_cache
from psgflask.search.query.expansion import Glossary
from psgflask.search.web.search_request import parse_request
from psgflask.search.web.title_search import search_titles
from tests import factories
from tests.factories import NOW


@pytest.fixture
def found(session: Session) -> Any:
    """Search the titles of a few articles: `found("mining", sort="oldest")` gives titles."""
    factories.topic(session, "mining")
    titles = {
        article.id: article.title
        for article in (
            factories.article(
                session, "Mining in Cajamarca", dated="2018-01-01", topics=("mining",)
            ),
            factories.article(session, "La minería en Áncash", dated="2018-02-01", language="es"),
            factories.article(session, "Tía María: mining", dated="2018-03-01"),
            factories.article(session, "Undated mining", dated="undated"),
            factories.article(session, "Hidden mining", status="draft"),
        )
    }

    def search(q: str = "", **parameters: str) -> list[str]:
        request = parse_request(
            MultiDict({"q": q, **parameters}), card_cache(session), NOW, Glossary()
        )
        return [titles[number] for number in search_titles(session, request).ids]

    return search


CAJAMARCA, ANCASH, TIA_MARIA, UNDATED = (
    *("Mining in Cajamarca", "La minería en Áncash", "Tía María: mining", "Undated mining"),
)


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        ("mining", [TIA_MARIA, CAJAMARCA, UNDATED]),
        ("ANCASH", [ANCASH]),
        ("mineria ancash", [ANCASH]),
        ("minería", [ANCASH]),
        ("min*", [TIA_MARIA, ANCASH, CAJAMARCA, UNDATED]),
        ('"tia maria mining"', [TIA_MARIA]),
        ("cajamarca OR ancash", [ANCASH, CAJAMARCA]),
        ("mining -tia", [CAJAMARCA, UNDATED]),
        ("nothing", []),
        ("%", [TIA_MARIA, ANCASH, CAJAMARCA, UNDATED]),
        ("_", [TIA_MARIA, ANCASH, CAJAMARCA, UNDATED]),
    ],
)
def test_titles_are_searched_without_accents_newest_first(
    found: Any, q: str, titles: list[str]
) -> None:
    assert found(q) == titles


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"lang": "es"}, [ANCASH]),
        ({"topic": "mining"}, [CAJAMARCA]),
        ({"from": "2018-02"}, [TIA_MARIA, ANCASH]),
        ({"to": "2018-02"}, [ANCASH, CAJAMARCA]),
        ({"sort": "oldest"}, [CAJAMARCA, ANCASH, TIA_MARIA, UNDATED]),
    ],
)
def test_filters_and_order_hold(found: Any, filters: dict[str, str], titles: list[str]) -> None:
    assert found("", **filters) == titles


def test_a_page_is_part_of_the_whole(session: Session) -> None:
    factories.articles(session, 12, first=date(2018, 1, 1))
    request = parse_request(
        MultiDict({"q": "headline", "page": "2"}), card_cache(session), NOW, Glossary()
    )
    answer = search_titles(session, request)
    assert (answer.total, len(answer.ids)) == (12, 2)
