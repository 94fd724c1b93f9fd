"""Search without an index: the titles in the database, while the index is built anew."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.dateline import UNDATED
from psgflask.news.models import Article, article_topics
from psgflask.search.engine.protocol import OLDEST, PAGE_SIZE, Answer
from psgflask.search.language import words
from psgflask.search.query import Clause, InTitle, Phrase, Plain, Prefix, Query
from psgflask.search.web.search_request import Asked

MOST = 500
# LIKE knows no accents: any sign may stand for a letter that can carry one.
_ACCENTABLE = str.maketrans(dict.fromkeys("aceinouy", "_"))


def by_title(session: Session, asked: Asked) -> Answer:
    """Return the newest articles whose titles hold the words; of fields only the filters work."""
    groups = [found for group in asked.query.groups if (found := _texts(group))]
    excluded = _texts(asked.query.excluded)
    chosen = select(Article.id, Article.title).where(
        catalogue.published(asked.now),
        *_filters(asked),
        *(Article.title.ilike(_pattern(group[0])) for group in groups if len(group) == 1),
    )
    if asked.sort == OLDEST:
        chosen = chosen.order_by(Article.precision == UNDATED, Article.order_date, Article.id)
    else:
        chosen = chosen.order_by(Article.order_date.desc(), Article.id.desc())
    ids = []
    for number, title in session.execute(chosen):
        folded = _folded(title)
        if all(any(text in folded for text in group) for group in groups) and not any(
            text in folded for text in excluded
        ):
            ids.append(number)
        if len(ids) == MOST:
            break
    start = (asked.page - 1) * PAGE_SIZE
    return Answer(len(ids), tuple(ids[start : start + PAGE_SIZE]), query=_plain(asked.query))


def _plain(query: Query) -> Query:
    """Return the query as it was evaluated: no other terms were looked for."""
    return replace(query, concepts=())


def _texts(clauses: Iterable[Clause]) -> list[str]:
    """Return what to look for in a folded title: beginnings of words."""
    texts = []
    for clause in clauses:
        match clause:
            case Plain(word):
                texts.append(f" {word.folded}")
            case Prefix(folded):
                texts.append(f" {folded}")
            case Phrase(found) | InTitle(found):
                texts.append(" " + " ".join(word.folded for word in found) + " ")
    return texts


def _folded(title: str) -> str:
    return " " + " ".join(word.folded for word in words(title)) + " "


def _pattern(text: str) -> str:
    # The signs between words are unknown: the first word is enough to choose by.
    return f"%{text.split()[0].translate(_ACCENTABLE)}%"


def _filters(asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.topics:
        on_topic = select(article_topics.c.article_id).where(
            article_topics.c.topic_id.in_(asked.topic_ids)
        )
        conditions.append(Article.id.in_(on_topic))
    if asked.language:
        conditions.append(Article.language == asked.language)
    if asked.first:
        conditions.append(Article.dated_to >= asked.first)
    if asked.last:
        conditions.append(Article.dated_from <= asked.last)
    return conditions
