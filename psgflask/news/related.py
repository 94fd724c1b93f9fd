"""Related articles: those that share topics, rare ones weighted higher, and are near in time."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from math import log

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.models import Article, article_topics

HALF_LIFE_DAYS = 365
CANDIDATES_PER_TOPIC = 8


def related(
    session: Session,
    article: Article,
    scope: Scope,
    *,
    limit: int = 4,
    weights: Mapping[int, float] | None = None,
) -> list[Article]:
    """Return the articles nearest to this one, best first.

    score = sum of the weights of the shared topics, halved for every year between the two. For
    each topic the eight nearest articles on either side in time are candidates, so the work does
    not grow with the archive. `weights` is the result of `topic_weights` where it is cached.
    """
    if not article.topics:
        return []
    if weights is None:
        weights = topic_weights(session, scope)
    days = _candidates(session, article, scope)
    scores: dict[int, float] = defaultdict(float)
    topics = [topic.id for topic in article.topics]
    shared = catalogue.subjects(scope.now).where(
        Article.id.in_(days), article_topics.c.topic_id.in_(topics)
    )
    for article_id, topic_id in session.execute(shared.distinct()):
        distance = min(abs((days[article_id] - article.order_date).days), 36_500)
        scores[article_id] += weights.get(topic_id, 0.0) * 2 ** (-distance / HALF_LIFE_DAYS)
    best = sorted(days, key=lambda article_id: (-scores[article_id], -article_id))[:limit]
    rows = select(Article).where(Article.id.in_(best)).options(*catalogue.WITH_LABELS)
    articles = {other.id: other for other in session.scalars(rows)}
    return [articles[article_id] for article_id in best]


def _candidates(session: Session, article: Article, scope: Scope) -> dict[int, date]:
    """Return the ids of the candidates and their order dates."""
    days: dict[int, date] = {}
    for topic in article.topics:
        about = Scope(scope.language, scope.now, catalogue.ALL_KINDS, topic_id=topic.id)
        for side in catalogue.on_either_side(about, article, CANDIDATES_PER_TOPIC):
            # Two columns: only the few best are loaded.
            others = side.where(Article.work != article.work)
            rows = session.execute(others.with_only_columns(Article.id, Article.order_date))
            days.update((article_id, day) for article_id, day in rows)
    return days


def topic_weights(session: Session, scope: Scope) -> dict[int, float]:
    """Return topic id -> ln(1 + N/n), N = all articles, n = published articles with the topic."""
    everything = session.scalar(select(func.count()).select_from(Article)) or 0
    rows = session.execute(
        select(article_topics.c.topic_id, func.count())
        .join(Article, Article.id == article_topics.c.article_id)
        .where(catalogue.published(scope.now))
        .group_by(article_topics.c.topic_id)
    )
    return {topic_id: log(1 + everything / number) for topic_id, number in rows}
