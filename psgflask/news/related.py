"""Related articles: shared topics, the rarer ones weighing more, the nearer in time first."""

from collections import defaultdict
from datetime import datetime
from math import log

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.models import Article, article_topics
from psgflask.news.slices import Cursor, slice_of

HALF_LIFE_DAYS = 365
CANDIDATES_PER_TOPIC = 8


def related(session: Session, article: Article, scope: Scope, *, limit: int = 4) -> list[Article]:
    """Return the articles nearest to this one, best first.

    score = sum over shared topics of ln(1 + N/n), halved for every year between the two;
    N = all articles, n = published articles with the topic. Looks at the eight nearest articles on
    either side in time for each topic, so the work does not grow with the archive.
    """
    if not article.topics:
        return []
    weights = _weights(session, [topic.id for topic in article.topics], scope.now)
    here = Cursor.of(article)
    found: dict[int, Article] = {}
    scores: dict[int, float] = defaultdict(float)
    for topic in article.topics:
        about = catalogue.listing(
            Scope(scope.language, scope.now, catalogue.ALL_KINDS, topic_id=topic.id)
        ).where(Article.work != article.work)
        sides = (
            slice_of(session, about, before=here, size=CANDIDATES_PER_TOPIC),
            slice_of(session, about, after=here, size=CANDIDATES_PER_TOPIC),
        )
        for side in sides:
            for other in side.articles:
                found[other.id] = other
    for other in found.values():
        days = abs((other.order_date - article.order_date).days)
        shared = sum(weights.get(topic.id, 0.0) for topic in other.topics)
        scores[other.id] = shared * 2 ** (-min(days, 36_500) / HALF_LIFE_DAYS)
    best = sorted(found.values(), key=lambda other: (-scores[other.id], -other.id))
    return best[:limit]


def _weights(session: Session, topic_ids: list[int], now: datetime) -> dict[int, float]:
    everything = session.scalar(select(func.count()).select_from(Article)) or 0
    rows = session.execute(
        select(article_topics.c.topic_id, func.count())
        .join(Article, Article.id == article_topics.c.article_id)
        .where(article_topics.c.topic_id.in_(topic_ids), catalogue.published(now))
        .group_by(article_topics.c.topic_id)
    )
    return {topic_id: log(1 + everything / number) for topic_id, number in rows}
