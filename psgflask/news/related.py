"""Related articles: shared topics, the rarer ones weighing more, the nearer in time first."""

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

    score = sum of the weights of the shared topics, halved for every year between the two. Looks
    at the eight nearest articles on either side in time for each topic, so the work does not grow
    with the archive. `weights` is what `topic_weights` gives, where that is known already.
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
    for number, topic_id in session.execute(shared.distinct()):
        apart = min(abs((days[number] - article.order_date).days), 36_500)
        scores[number] += weights.get(topic_id, 0.0) * 2 ** (-apart / HALF_LIFE_DAYS)
    best = sorted(days, key=lambda number: (-scores[number], -number))[:limit]
    chosen = select(Article).where(Article.id.in_(best)).options(*catalogue.WITH_LABELS)
    there = {other.id: other for other in session.scalars(chosen)}
    return [there[number] for number in best]


def _candidates(session: Session, article: Article, scope: Scope) -> dict[int, date]:
    """Return the ids of the articles to choose from and their places in time."""
    found: dict[int, date] = {}
    for topic in article.topics:
        about = Scope(scope.language, scope.now, catalogue.ALL_KINDS, topic_id=topic.id)
        for side in catalogue.on_either_side(about, article, CANDIDATES_PER_TOPIC):
            # Of the many that are looked at only the few best are read whole.
            seen = side.where(Article.work != article.work)
            rows = session.execute(seen.with_only_columns(Article.id, Article.order_date))
            found.update((number, day) for number, day in rows)
    return found


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
