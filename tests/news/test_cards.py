"""What is known of topics and articles: read once, and again when the content changed."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import cards, publishing
from psgflask.news.cards import card_cache
from tests import factories


@pytest.fixture
def statements(app: Flask) -> list[str]:
    """The statements executed so far."""
    found: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *said: found.append(said[2]))
    return found


def test_a_card_has_what_lists_show_of_an_article(session: Session) -> None:
    for slug in ("mining", "lima"):
        factories.topic(session, slug)
    issue = factories.issue(session, 134)
    made = factories.article(
        session, "Protest", teaser="In short", topics=["mining", "lima"], issue=("Update", 134)
    )
    session.commit()
    card = card_cache(session).cards(session, [made.id], utc_now())[made.id]
    for name in ("id", "language", "slug", "title", "teaser", "members_only", "synthetic"):
        assert getattr(card, name) == getattr(made, name)
    assert card.dateline == made.dateline
    assert [topic.slug for topic in card.topics] == [topic.slug for topic in made.topics]
    assert card.issue is not None
    assert (card.issue.label, card.issue.slug) == (issue.label, issue.slug)


def test_a_cached_card_is_not_read_again(session: Session, statements: list[str]) -> None:
    factories.topic(session, "mining")
    ids = [factories.article(session, f"Protest {number}").id for number in range(3)]
    session.commit()
    first = card_cache(session).cards(session, ids, utc_now())
    before = len(statements)
    again = card_cache(session)
    assert again.cards(session, ids, utc_now()) == first
    assert [each for each in statements[before:] if "articles" in each or "topics" in each] == []


def test_a_new_content_stamp_empties_the_cards_cache(session: Session) -> None:
    topic = factories.topic(session, "mining")
    article = factories.article(session, "Before")
    session.commit()
    assert card_cache(session).cards(session, [article.id], utc_now())[article.id].title == "Before"
    article.title, topic.name_en = "After", "Mines"
    session.commit()
    now = card_cache(session)
    assert now.cards(session, [article.id], utc_now())[article.id].title == "After"
    assert now.topics[topic.id].name_en == "Mines"
    publishing.withdraw(session, article, by="test", now=utc_now())
    session.commit()
    assert card_cache(session).cards(session, [article.id], utc_now()) == {}


def test_an_article_has_a_card_from_its_publication_time_on(session: Session) -> None:
    now = utc_now()
    article = factories.article(session, "Soon", status="scheduled", now=now)
    session.commit()
    assert card_cache(session).cards(session, [article.id], now) == {}
    later = now + timedelta(days=3650)
    assert list(card_cache(session).cards(session, [article.id], later)) == [article.id]


def test_the_cards_cache_is_bounded(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "MAX_CARDS", 2)
    ids = [factories.article(session, f"Protest {number}").id for number in range(6)]
    session.commit()
    found = card_cache(session)
    for number in ids:
        assert list(found.cards(session, [number], utc_now())) == [number]
    assert len(found._cards) <= 3


def test_r14_cards_from_a_clock_that_was_ahead_expire_when_it_is_corrected(
    session: Session,
) -> None:
    now = utc_now()
    article = factories.article(session, status="scheduled", now=now, at=now + timedelta(days=3))
    session.commit()
    ahead = now + timedelta(days=100)
    assert list(card_cache(session).cards(session, [article.id], ahead)) == [article.id]
    assert card_cache(session).cards(session, [article.id], now) == {}
