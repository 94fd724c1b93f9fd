"""Cards: what a list shows of an article, read by one statement without loading the article."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, bindparam, cast, func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.dateline import Dateline
from psgflask.news.models import Article, Issue, Topic, article_topics


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


_TOPICS = (
    select(func.aggregate_strings(cast(article_topics.c.topic_id, String), ","))
    .where(article_topics.c.article_id == Article.id)
    .scalar_subquery()
)
# Made once: to make it for each page costs more than to execute it.
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
        _TOPICS,
    )
    .outerjoin(Article.issue)
    .where(
        Article.id.in_(bindparam("ids", expanding=True)),
        catalogue.published(bindparam("now", type_=Article.publish_at.type)),
    )
)


def of(
    session: Session, ids: Collection[int], now: datetime, topics: Mapping[int, Topic]
) -> dict[int, Card]:
    """Return the cards of those articles that are published, by id; `topics` are all there are."""
    # On the connection: no object of the session's is asked for.
    rows = session.connection().execute(_CARDS, {"ids": list(ids), "now": now})
    return {row[0]: _card(row, topics) for row in rows}


def _card(row: Row[*tuple[Any, ...]], topics: Mapping[int, Topic]) -> Card:
    number, language, slug, title, teaser, members_only, synthetic, *others = row
    precision, first, last, series, issue, topic_ids = others
    named = [topics[int(each)] for each in (topic_ids or "").split(",") if each]
    return Card(
        number,
        language,
        slug,
        title,
        teaser,
        members_only,
        synthetic,
        Dateline(precision, first, last),
        Issue(series=series, number=issue) if series is not None else None,
        sorted(named, key=lambda topic: topic.name_en),
    )
