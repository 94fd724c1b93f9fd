"""What looks wrong about a draft."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from psgflask.news import doubts
from psgflask.news.models import Article
from tests import factories
from tests.factories import draft
from tests.news.archives import empty_archive


@pytest.fixture
def session() -> Iterator[Session]:
    with empty_archive() as session:
        yield session


def about_replacing(session: Session, article: Article, **fields: Any) -> list[str]:
    return list(doubts.about_replacing(session, article, draft(**fields)))


BODY = "Teachers in Cusco marched on Monday. They ask for better pay and for safe schools."
OTHER = "A river in Loreto ran black after a pipeline broke, and fishermen counted the losses."
SPANISH = "Los maestros del Cusco marcharon el lunes por las calles de la ciudad, y piden más."


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": "A river runs black", "body": OTHER}, "It seems to be of another article"),
        ({"title": "Strike", "dated": "1 May 2010", "body": OTHER}, "seems to be of another"),
        ({"title": "A march", "dated": "1 May 2010", "body": f"{BODY[:36]} {OTHER}"}, "seems to"),
        ({"title": "Floods", "body": BODY}, "is the title of another article, 'floods'"),
        ({"title": "Strike", "body": SPANISH}, "reads as Spanish, and the article is in English"),
    ],
)
def test_a_text_that_is_of_another_article_raises_doubts(
    session: Session, fields: dict[str, Any], expected: str
) -> None:
    factories.article(session, "Floods", slug="floods", status="draft")
    article = factories.article(session, "Strike", body=BODY)
    assert any(expected in doubt for doubt in about_replacing(session, article, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Strike", "body": OTHER},  # the same article, written anew
        {"title": "Teachers strike", "body": f"{BODY} {OTHER}"},
        {"title": "Teachers strike", "dated": "16 July 2018", "body": BODY[:60]},
        {"title": "Strike", "dated": "undated", "body": BODY},
    ],
)
def test_an_edited_text_raises_none(session: Session, fields: dict[str, Any]) -> None:
    article = factories.article(session, "Strike", body=BODY)
    assert about_replacing(session, article, **fields) == []


def test_a_draft_raises_none_since_no_reader_knows_it(session: Session) -> None:
    article = factories.article(session, "Strike", body=BODY, status="draft")
    assert about_replacing(session, article, title="Floods", body=OTHER) == []
