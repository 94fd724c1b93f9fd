"""How many articles stand in each month, year and topic: reckoned over the whole archive."""

from collections import Counter

from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import UNDATED
from psgflask.news.models import Article, article_topics


def month_counts(session: Session, scope: Scope) -> Counter[tuple[int, int]]:
    """Return how many articles of a scope each (year, month) has; a range counts in each."""
    counts: Counter[tuple[int, int]] = Counter()
    for start, end, number in _spans(session, scope):
        year, month = start
        while (year, month) <= end:
            counts[year, month] += number
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return counts


def ending_counts(session: Session, scope: Scope) -> Counter[tuple[int, int]]:
    """Return how many dated articles of a scope sort into each (year, month): by their last day."""
    counts: Counter[tuple[int, int]] = Counter()
    for _start, end, number in _spans(session, scope):
        counts[end] += number
    return counts


def year_counts(session: Session, scope: Scope) -> Counter[int]:
    """Return how many articles of a scope each year has; a range counts once in each year."""
    counts: Counter[int] = Counter()
    for start, end, number in _spans(session, scope):
        for year in range(start[0], end[0] + 1):
            counts[year] += number
    return counts


def _spans(session: Session, scope: Scope) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
    parts = [
        extract(part, column)
        for column in (Article.dated_from, Article.dated_to)
        for part in ("year", "month")
    ]
    rows = session.execute(
        select(*parts, func.count())
        .where(*catalogue.conditions(scope), Article.precision != UNDATED)
        .group_by(*parts)
    )
    return [((int(row[0]), int(row[1])), (int(row[2]), int(row[3])), int(row[4])) for row in rows]


def topic_counts(session: Session, scope: Scope) -> dict[int, int]:
    """Return how many articles of a scope each topic has, by the topic's id."""
    counted = (
        catalogue.subjects(scope.now)
        .with_only_columns(article_topics.c.topic_id, func.count(Article.id.distinct()))
        .where(*catalogue.conditions(scope))
        .group_by(article_topics.c.topic_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}
