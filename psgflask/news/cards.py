"""Cards: what a list shows of an article, read without loading it, and cached by content stamp."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Row, String, bindparam, cast, func, select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.news import catalogue
from psgflask.news.dateline import Dateline
from psgflask.news.models import Article, Issue, Topic, article_topics

MAX_CARDS = 5_000  # about 1 kB each
# Concurrent requests read the clock in another order than they read the cache.
CLOCK_TOLERANCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Card:
    """An article as lists show it; its attributes are named as the article's are."""

    id: int
    language: str
    slug: str
    title: str
    teaser: str
    members_only: bool
    synthetic: bool
    dateline: Dateline
    issue: Issue | None
    topics: Sequence[Topic]


_TOPIC_IDS = (
    select(func.aggregate_strings(cast(article_topics.c.topic_id, String), ","))
    .where(article_topics.c.article_id == Article.id)
    .scalar_subquery()
)
# Built once: building it for each page costs more than executing it.
_CARDS = (
    select(
        Article.id,
        Article.language,
        Article.slug,
        Article.title,
        Article.teaser,
        Article.members_only,
        Article.synthetic,
        Article.precision,
        Article.dated_from,
        Article.dated_to,
        Issue.series,
        Issue.number,
        _TOPIC_IDS,
    )
    .outerjoin(Article.issue)
    .where(
        Article.id.in_(bindparam("ids", expanding=True)),
        catalogue.published(bindparam("now", type_=Article.publish_at.type)),
    )
)


class CardCache:
    """Topics and cards, valid for one content stamp."""

    def __init__(self, stamp: int, topics: Collection[Topic]) -> None:
        self.stamp = stamp
        self.topics = {topic.id: topic for topic in topics}
        self._cards: dict[int, Card] = {}
        self._latest = datetime.min.replace(tzinfo=UTC)

    def cards(self, session: Session, ids: Collection[int], now: datetime) -> dict[int, Card]:
        """Return the cards of those articles that are published, by id.

        A published article stays so until the content changes or the clock is put back; the
        others are looked up each time.
        """
        if now + CLOCK_TOLERANCE < self._latest:
            self._cards, self._latest = {}, now
        self._latest = max(self._latest, now)
        missing = [article_id for article_id in ids if article_id not in self._cards]
        if missing:
            if len(self._cards) > MAX_CARDS:
                self._cards = {}
            self._cards |= _read_cards(session, missing, now, self.topics)
        cards = self._cards
        return {article_id: cards[article_id] for article_id in ids if article_id in cards}


def card_cache(session: Session) -> CardCache:
    """Return the app's cards cache for the content that a session sees."""
    stamp = content_stamp.stamp_seen_by(session)
    cached: CardCache | None = current_app.extensions.get("psg_card_cache")
    if cached is not None and cached.stamp == stamp:
        return cached
    rows = session.execute(select(*Topic.__table__.columns)).mappings()
    fresh = CardCache(stamp, [Topic(**row) for row in rows])
    current_app.extensions["psg_card_cache"] = fresh
    return fresh


def _read_cards(
    session: Session, ids: Collection[int], now: datetime, topics: Mapping[int, Topic]
) -> dict[int, Card]:
    # On the connection: no ORM object is loaded.
    rows = session.connection().execute(_CARDS, {"ids": list(ids), "now": now})
    return {row[0]: _card(row, topics) for row in rows}


def _card(row: Row[*tuple[Any, ...]], topics: Mapping[int, Topic]) -> Card:
    article_id, language, slug, title, teaser, members_only, synthetic, *others = row
    precision, first, last, series, number, topic_ids = others
    named = [topics[int(each)] for each in (topic_ids or "").split(",") if each]
    return Card(
        article_id,
        language,
        slug,
        title,
        teaser,
        members_only,
        synthetic,
        Dateline(precision, first, last),
        Issue(series=series, number=number) if series is not None else None,
        sorted(named, key=lambda topic: topic.name_en),
    )
