"""Suggestions while a reader types: articles, topics, issues and words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.models import Article, Issue
from psgflask.news.slugs import article_url
from psgflask.search.engine.protocol import SearchEngine
from psgflask.search.language import fold, words
from psgflask.search.query.clauses import PlainWord, Query
from psgflask.search.query.expansion import Glossary, expand
from psgflask.search.query.parsing import parse
from psgflask.search.texts import prepared
from psgflask.search.web import highlighting
from psgflask.search.web.search_request import SearchRequest, name_of_topic

MIN_PREFIX = 3  # letters from which a word is taken as a prefix
MAX_ARTICLES, MAX_TOPICS, MAX_WORDS = 4, 2, 3


@dataclass(frozen=True)
class Suggestion:
    """A link: what it leads to, its marked text, its address, and its language."""

    kind: str
    text: Markup
    href: str
    language: str


def with_prefix(query: Query, interface: str, glossary: Glossary) -> tuple[Query, str]:
    """Return the query with its last word as a prefix, and that word, folded.

    A word of fewer than three letters is left out; the word is "" where the last thing typed is
    no word. A word that ends a term of the glossary is whole.
    """
    last = query.clauses[-1] if query.clauses else None
    if not isinstance(last, PlainWord) or last.span[1] != len(query.text.rstrip('"')):
        return query, ""
    if any(last.position == concept.last for concept in query.concepts):
        return query, last.word.folded
    if len(last.word.folded) < MIN_PREFIX:
        text, begun = query.text[: last.span[0]], ""
    else:
        text, begun = query.text[: last.span[1]] + "*", last.word.folded
    return expand(parse(text, interface=interface), glossary), begun


def suggestions(
    session: Session, engine: SearchEngine, request: SearchRequest, begun: str
) -> list[Suggestion]:
    """Return what a reader may mean, articles first. Raises IndexUnavailable."""
    return [
        *_articles(session, engine, request),
        *_topics(request),
        *_issues(session, request),
        *(_words(engine, request, begun) if begun else ()),
    ]


def _articles(
    session: Session, engine: SearchEngine, request: SearchRequest
) -> Iterator[Suggestion]:
    if not request.query:
        return
    results = engine.search(request.query, request.options())
    ids = results.ids[:MAX_ARTICLES]
    rows = session.scalars(
        select(Article).where(Article.id.in_(ids), catalogue.published(request.now))
    )
    found = {article.id: article for article in rows}
    for article in (found[number] for number in ids if number in found):
        searched = results.query or request.query
        marks = highlighting.Highlighter(searched, results.expansions, article.language)
        title = highlighting.marked(prepared(article.title), marks)
        yield Suggestion(_("Article"), title, article_url(article), article.language)


def _topics(request: SearchRequest) -> Iterator[Suggestion]:
    typed = [word.folded for word in words(fold(request.q))]
    if not typed:
        return
    known = sorted(request.all_topics, key=name_of_topic)
    for topic in [each for each in known if _begins(name_of_topic(each), typed)][:MAX_TOPICS]:
        href = url_for("topics.topic", slug=topic.slug)
        yield Suggestion(_("Topic"), escape(name_of_topic(topic)), href, "")


def _begins(name: str, typed: Iterable[str]) -> bool:
    """Return whether each word typed begins some word of a name."""
    own = [word.folded for word in words(name)]
    return all(any(word.startswith(each) for word in own) for each in typed)


def _issues(session: Session, request: SearchRequest) -> Iterator[Suggestion]:
    number = request.q.split()[-1] if request.q.split() else ""
    if not (number.isascii() and number.isdigit() and len(number) < 5):
        return
    issues = session.scalars(select(Issue).where(Issue.number == int(number)).order_by(Issue.id))
    for issue in issues.all()[:1]:
        href = url_for("search.search", q=f"issue:{issue.number}")
        yield Suggestion(_("Issue"), escape(f"{issue.series} {issue.number}"), href, "")


def _words(engine: SearchEngine, request: SearchRequest, begun: str) -> Iterator[Suggestion]:
    before = request.q[: request.q.rstrip("*").rfind(" ") + 1]
    for word in engine.complete(begun, MAX_WORDS + 1):
        if word != begun:
            text = f"{before}{word}"
            yield Suggestion(_("Search"), escape(text), url_for("search.search", q=text), "")
