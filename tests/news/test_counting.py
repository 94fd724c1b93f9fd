"""The archive in numbers: as the catalogue reckons them, once for each state of the content."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from psgflask.news import catalogue, counting, publishing
from psgflask.news.catalogue import ALL_KINDS, Scope
from tests import factories
from tests.factories import NOW


@pytest.fixture
def reckoned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The languages that the years were reckoned in, in order."""
    asked: list[str] = []
    real = catalogue.year_counts

    def noted(session: Session, scope: Scope) -> object:
        asked.append(scope.language)
        return real(session, scope)

    monkeypatch.setattr(catalogue, "year_counts", noted)
    return asked


def test_numbers_are_reckoned_once_for_each_state_of_the_content(
    session: Session, reckoned: list[str]
) -> None:
    scope = Scope("en", NOW)
    article = factories.article(session, dated="2018-07-15")
    assert counting.by_year(scope) == counting.by_year(scope) == {2018: 1}
    counting.by_year(Scope("es", NOW))
    assert reckoned == ["en", "es"]
    factories.article(session, dated="2017-07-15")
    assert counting.by_year(scope) == {2017: 1, 2018: 1}
    publishing.withdraw(session, article, by=factories.EDITOR, now=NOW)
    session.commit()
    assert counting.by_year(scope) == {2017: 1}


def test_numbers_end_when_the_next_article_is_due(session: Session) -> None:
    due = NOW + timedelta(hours=1)
    factories.article(session, dated="2018-07-15", status="scheduled", at=due)
    assert counting.by_month(Scope("en", NOW)) == {}
    assert counting.by_month(Scope("en", due - timedelta(seconds=1))) == {}
    assert counting.by_month(Scope("en", due)) == {(2018, 7): 1}


def test_who_changes_the_numbers_changes_a_copy(session: Session) -> None:
    factories.article(session, dated="2018-07-15")
    counting.by_year(Scope("en", NOW)).clear()
    assert counting.by_year(Scope("en", NOW)) == {2018: 1}


def test_topics_are_those_of_this_session(app: Flask, session: Session) -> None:
    factories.topic(session, "mining")
    factories.article(session, topics=["mining"])
    scope = Scope("en", NOW, ALL_KINDS)
    counting.by_topic(scope)
    session.expunge_all()
    assert [(topic.name("en"), number) for topic, number in counting.by_topic(scope)] == [
        ("Mining", 1)
    ]
