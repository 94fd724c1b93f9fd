"""Title search: results from the titles in the database while the index is not usable."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.dateline import UNDATED
from psgflask.news.models import Article, article_topics
from psgflask.search.engine.protocol import OLDEST, PAGE_SIZE, SearchResults
from psgflask.search.language import words
from psgflask.search.query.clauses import Clause, InTitle, Phrase, PlainWord, Prefix
from psgflask.search.web.search_request import SearchRequest

MAX_RESULTS = 500
# LIKE knows no accents: any character may stand for a letter that can carry one.
_ACCENTABLE = str.maketrans(dict.fromkeys("aceinouy", "_"))


def search_titles(session: Session, request: SearchRequest) -> SearchResults:
    """Return the newest articles whose titles have the words; of fields only the filters work."""
    groups = [texts for group in request.query.groups if (texts := _texts(group))]
    excluded = _texts(request.query.excluded)
    chosen = select(Article.id, Article.title).where(
        catalogue.published(request.now),
        *_filters(request),
        *(Article.title.ilike(_pattern(group[0])) for group in groups if len(group) == 1),
    )
    if request.sort == OLDEST:
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
        if len(ids) == MAX_RESULTS:
            break
    start = (request.page - 1) * PAGE_SIZE
    # No synonyms were searched for.
    query = replace(request.query, concepts=())
    return SearchResults(len(ids), tuple(ids[start : start + PAGE_SIZE]), query=query)


def _texts(clauses: Iterable[Clause]) -> list[str]:
    """Return what to search for in a folded title, from the beginnings of words."""
    texts = []
    for clause in clauses:
        match clause:
            case PlainWord(word):
                texts.append(f" {word.folded}")
            case Prefix(folded):
                texts.append(f" {folded}")
            case Phrase(found) | InTitle(found):
                texts.append(" " + " ".join(word.folded for word in found) + " ")
    return texts


def _folded(title: str) -> str:
    return " " + " ".join(word.folded for word in words(title)) + " "


def _pattern(text: str) -> str:
    # The characters between words are unknown: the first word is enough to select by.
    return f"%{text.split()[0].translate(_ACCENTABLE)}%"


def _filters(request: SearchRequest) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if request.topics:
        on_topic = select(article_topics.c.article_id).where(
            article_topics.c.topic_id.in_(request.topic_ids)
        )
        conditions.append(Article.id.in_(on_topic))
    if request.language:
        conditions.append(Article.language == request.language)
    if request.first:
        conditions.append(Article.dated_to >= request.first)
    if request.last:
        conditions.append(Article.dated_from <= request.last)
    return conditions
