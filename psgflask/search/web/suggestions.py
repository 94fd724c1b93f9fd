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
from psgflask.search.engine import Engine
from psgflask.search.index import prepared
from psgflask.search.language import fold, words
from psgflask.search.query import Glossary, Plain, Query, expanded, parse
from psgflask.search.web import highlighting
from psgflask.search.web.search_request import Asked, name_of_topic

SHORTEST = 3  # letters from which a word is taken as the beginning of one
MOST_ARTICLES, MOST_TOPICS, MOST_WORDS = 4, 2, 3


@dataclass(frozen=True)
class Suggestion:
    """One thing to go to: what it is, its marked text, its address, and its language."""

    kind: str
    text: Markup
    href: str
    language: str


def as_typed_so_far(query: Query, interface: str, glossary: Glossary) -> tuple[Query, str]:
    """Return the query whose last word is only begun, and the beginning of that word, folded.

    A word of fewer than three letters is left out; the beginning is "" where the last thing
    typed is no word. A word that ends a term of the glossary is whole.
    """
    last = query.clauses[-1] if query.clauses else None
    if not isinstance(last, Plain) or last.span[1] != len(query.text.rstrip('"')):
        return query, ""
    if any(last.at == concept.last for concept in query.concepts):
        return query, last.word.folded
    if len(last.word.folded) < SHORTEST:
        text, begun = query.text[: last.span[0]], ""
    else:
        text, begun = query.text[: last.span[1]] + "*", last.word.folded
    return expanded(parse(text, interface=interface), glossary), begun


def suggestions(session: Session, engine: Engine, asked: Asked, begun: str) -> list[Suggestion]:
    """Return what may be meant, articles first. Raises IndexUnusable."""
    return [
        *_articles(session, engine, asked),
        *_topics(asked),
        *_issues(session, asked),
        *(_words(engine, asked, begun) if begun else ()),
    ]


def _articles(session: Session, engine: Engine, asked: Asked) -> Iterator[Suggestion]:
    if not asked.query:
        return
    answer = engine.search(asked.query, asked.ask())
    ids = answer.ids[:MOST_ARTICLES]
    rows = session.scalars(
        select(Article).where(Article.id.in_(ids), catalogue.published(asked.now))
    )
    found = {article.id: article for article in rows}
    for article in (found[number] for number in ids if number in found):
        searched = answer.query or asked.query
        marks = highlighting.Highlighter(searched, answer.expansions, article.language)
        title = highlighting.marked(prepared(article.title), marks)
        yield Suggestion(_("Article"), title, article_url(article), article.language)


def _topics(asked: Asked) -> Iterator[Suggestion]:
    typed = [word.folded for word in words(fold(asked.q))]
    if not typed:
        return
    known = sorted(asked.known_topics, key=name_of_topic)
    for topic in [each for each in known if _begins(name_of_topic(each), typed)][:MOST_TOPICS]:
        href = url_for("topics.topic", slug=topic.slug)
        yield Suggestion(_("Topic"), escape(name_of_topic(topic)), href, "")


def _begins(name: str, typed: Iterable[str]) -> bool:
    """Say whether each word typed begins some word of a name."""
    own = [word.folded for word in words(name)]
    return all(any(word.startswith(each) for word in own) for each in typed)


def _issues(session: Session, asked: Asked) -> Iterator[Suggestion]:
    number = asked.q.split()[-1] if asked.q.split() else ""
    if not (number.isascii() and number.isdigit() and len(number) < 5):
        return
    issues = session.scalars(select(Issue).where(Issue.number == int(number)).order_by(Issue.id))
    for issue in issues.all()[:1]:
        href = url_for("search.search", q=f"issue:{issue.number}")
        yield Suggestion(_("Issue"), escape(f"{issue.series} {issue.number}"), href, "")


def _words(engine: Engine, asked: Asked, begun: str) -> Iterator[Suggestion]:
    before = asked.q[: asked.q.rstrip("*").rfind(" ") + 1]
    for word in engine.complete(begun, MOST_WORDS + 1):
        if word != begun:
            text = f"{before}{word}"
            yield Suggestion(_("Search"), escape(text), url_for("search.search", q=text), "")
