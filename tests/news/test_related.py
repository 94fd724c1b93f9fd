"""Related articles: shared topics, rarer ones first, the nearer in time before the farther."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.news.catalogue import Scope
from psgflask.news.models import Article
from psgflask.news.related import related
from tests import factories
from tests.factories import NOW
from tests.news.archives import empty_archive

SCOPE = Scope("en", NOW)


@pytest.fixture
def session() -> Iterator[Session]:
    with empty_archive() as session:
        for slug in ("mining", "lima", "rare"):
            factories.topic(session, slug)
        yield session


def slugs(session: Session, article: Article, scope: Scope = SCOPE) -> list[str]:
    return [other.slug for other in related(session, article, scope)]


def test_an_article_without_topics_has_no_related_ones(session: Session) -> None:
    factories.article(session, topics=["mining"])
    assert slugs(session, factories.article(session)) == []


def test_only_articles_with_a_shared_topic_are_related(session: Session) -> None:
    article = factories.article(session, topics=["mining"])
    factories.article(session, slug="near", topics=["mining", "lima"])
    factories.article(session, topics=["lima"])
    factories.article(session)
    assert slugs(session, article) == ["near"]


def test_a_rarer_topic_weighs_more(session: Session) -> None:
    article = factories.article(session, topics=["mining", "rare"])
    for number in range(6):
        factories.article(session, slug=f"mine-{number}-x", topics=["mining"])
    factories.article(session, slug="rare-one", topics=["rare"])
    factories.article(session, slug="both", topics=["mining", "rare"])
    assert slugs(session, article)[:2] == ["both", "rare-one"]


def test_the_nearest_in_time_comes_first_on_either_side(session: Session) -> None:
    article = factories.article(session, topics=["mining"], dated="2015-06-15")
    for slug, dated in (
        ("years-before", "2005-06-15"),
        ("days-before", "2015-06-10"),
        ("weeks-after", "2015-07-10"),
        ("years-after", "2017-06-15"),
        ("no-date", "undated"),
    ):
        factories.article(session, slug=slug, dated=dated, topics=["mining"])
    assert slugs(session, article) == ["days-before", "weeks-after", "years-after", "years-before"]


def test_unpublished_articles_and_the_translation_are_not_related(session: Session) -> None:
    article = factories.article(session, slug="strike", topics=["mining"])
    for status in ("draft", "scheduled", "withdrawn"):
        factories.article(session, topics=["mining"], status=status)
    factories.article(session, language="es", translation_of="strike", topics=["mining"])
    assert slugs(session, article) == []
    assert slugs(session, article, Scope("es", NOW)) == []


def test_of_a_translated_pair_the_reader_s_language_is_related(session: Session) -> None:
    article = factories.article(session, topics=["mining"])
    factories.article(session, slug="strike", topics=["mining"])
    factories.article(
        session, slug="huelga", language="es", translation_of="strike", topics=["mining"]
    )
    assert slugs(session, article) == ["strike"]
    assert slugs(session, article, Scope("es", NOW)) == ["huelga"]


def test_events_and_publications_are_related_too(session: Session) -> None:
    article = factories.article(session, topics=["mining"])
    factories.article(session, slug="talk", kind="event", topics=["mining"])
    assert slugs(session, article) == ["talk"]


def test_drafts_do_not_make_a_topic_commoner(session: Session) -> None:
    article = factories.article(session, topics=["mining", "rare"])
    factories.article(session, slug="rare-one", topics=["rare"])
    factories.article(session, slug="mine", topics=["mining"])
    factories.article(session, slug="another-mine", topics=["mining"])
    for _ in range(9):
        factories.article(session, topics=["rare"], status="draft")
    assert slugs(session, article)[0] == "rare-one"


def test_the_work_does_not_grow_with_the_archive(session: Session) -> None:
    article = factories.article(session, topics=["mining"])
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    def work() -> tuple[int, int]:
        statements.clear()
        session.expire_all()
        assert article.topics
        loaded = len(related(session, article, SCOPE, limit=100))
        return len(statements), loaded

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        for day in range(12):
            dated = (NOW - timedelta(days=day)).date().isoformat()
            factories.article(session, topics=["mining"], dated=dated)
        few = work()
        for day in range(40):
            dated = (NOW - timedelta(days=day)).date().isoformat()
            factories.article(session, topics=["mining"], dated=dated)
        many = work()
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)
    assert many[0] == few[0]
    assert many[1] <= 16
