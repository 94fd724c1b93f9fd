"""Counts by year, month and topic: as the catalogue has them, and cached by content stamp."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.core.database import db, read_only
from psgflask.news import catalogue, counting, publishing
from psgflask.news.catalogue import ALL_KINDS, Scope
from tests import factories
from tests.factories import NOW


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The languages that the years were counted in, in order."""
    languages: list[str] = []
    real = counting.year_counts

    def noted(session: Session, scope: Scope) -> object:
        languages.append(scope.language)
        return real(session, scope)

    monkeypatch.setattr(counting, "year_counts", noted)
    return languages


def test_counts_are_cached_by_content_stamp(session: Session, counted: list[str]) -> None:
    scope = Scope("en", NOW)
    article = factories.article(session, dated="2018-07-15")
    assert counting.by_year(scope) == counting.by_year(scope) == {2018: 1}
    counting.by_year(Scope("es", NOW))
    assert counted == ["en", "es"]
    factories.article(session, dated="2017-07-15")
    assert counting.by_year(scope) == {2017: 1, 2018: 1}
    publishing.withdraw(session, article, by=factories.EDITOR, now=NOW)
    session.commit()
    assert counting.by_year(scope) == {2017: 1}


def test_counts_expire_when_the_next_article_is_due(session: Session) -> None:
    due = NOW + timedelta(hours=1)
    factories.article(session, dated="2018-07-15", status="scheduled", at=due)
    assert counting.by_month(Scope("en", NOW)) == {}
    assert counting.by_month(Scope("en", due - timedelta(seconds=1))) == {}
    assert counting.by_month(Scope("en", due)) == {(2018, 7): 1}


def test_changing_the_returned_counts_changes_a_copy(session: Session) -> None:
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


def test_a_position_in_the_list_has_the_month_of_the_article_there(session: Session) -> None:
    scope = Scope("en", NOW)
    assert counting.month_at(scope, 0) is None
    for dated in ("15 July 2018", "June / July 2009", "2018-07-02", "undated", "December 2017"):
        factories.article(session, dated=dated)
    factories.article(session, dated="2018-08-01", kind="event")
    factories.article(session, dated="2018-08-02", status="draft")
    listed = session.scalars(catalogue.listing(scope)).all()
    ends = [article.dated_to for article in listed]
    assert len(ends) == 5
    for position, end in enumerate([*ends, None, None]):
        expected = (end.year, end.month) if end else None
        assert counting.month_at(scope, position) == expected
    assert counting.month_at(scope, 999_999) is None


def test_no_position_costs_more_than_the_first(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.articles(session, 5)
    scope = Scope("en", NOW)
    counting.month_at(scope, 0)
    monkeypatch.setattr(counting, "_spans", None)  # nothing is counted again
    statements: list[str] = []
    engine = session.get_bind()
    event.listen(
        engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    assert counting.month_at(scope, 4) == (2018, 1)
    assert counting.month_at(scope, 999_999) is None
    assert statements == []


def test_r14_counts_from_a_clock_that_was_ahead_expire_when_it_is_corrected(
    session: Session,
) -> None:
    due = NOW + timedelta(days=3)
    factories.article(session, dated="2018-07-15", status="scheduled", at=due)
    assert counting.by_month(Scope("en", NOW + timedelta(days=100))) == {(2018, 7): 1}
    assert counting.by_month(Scope("en", NOW)) == {}


def test_concurrent_readers_count_once(
    app: Flask, session: Session, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.article(session, dated="2018-07-15")
    at_once, real, found = threading.Barrier(3), counting.year_counts, []
    counting.by_year(Scope("es", NOW))
    counted.clear()
    session.rollback()

    def slow(session: Session, scope: Scope) -> object:
        threading.Event().wait(0.2)  # the others come meanwhile
        return real(session, scope)

    monkeypatch.setattr(counting, "year_counts", slow)

    def ask() -> None:
        with app.app_context(), read_only():
            content_stamp.stamp_seen_by(db.session())
            at_once.wait(60)
            found.append(counting.by_year(Scope("en", NOW)))

    threads = [threading.Thread(target=ask) for _reader in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [{2018: 1}] * 3
    assert counted == ["en"]
