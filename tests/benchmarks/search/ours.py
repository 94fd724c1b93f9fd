"""Our own page of results: the site's code from the words typed to marked snippets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.datastructures import MultiDict

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.cards import card_cache
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.fallbacks import Searcher
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.glossary import GlossaryCache
from psgflask.search.web.results_page import hits_of
from psgflask.search.web.search_request import SearchRequest, parse_request
from tests.benchmarks.search.questions import Question


class Ours:
    """The site within one request that does not end."""

    name = "ours"

    def __init__(self, app: Flask) -> None:
        self._engine: ArrayEngine = app.extensions["psg_search"]
        self._glossary: GlossaryCache = app.extensions["psg_glossary"]
        self._now = utc_now()

    def page(self, question: Question) -> Any:
        """Return all that a page of results shows."""
        session = db.session()
        content = card_cache(session)
        glossary = self._glossary.get(session, content.stamp)
        request = parse_request(MultiDict({"q": typed(question)}), content, self._now, glossary)
        options = request.options(texts=True)
        if question.kind == "likeness":
            found = _by_likeness(self._engine, request, options)
        else:
            found = self._engine.search(request.query, options)
        hits = hits_of(session, request, found)
        shown = [(hit.title, str(hit.article.dateline), hit.snippet) for hit in hits]
        return (
            found.total,
            shown,
            found.topics,
            found.years,
            found.languages,
            found.corrections,
        )


@contextmanager
def within_a_request(app: Flask) -> Iterator[Ours]:
    """Give our page; texts in it are in English."""
    with app.test_request_context("/search/"):
        yield Ours(app)
        db.session.remove()


def typed(question: Question) -> str:
    """Return a question as a reader types it."""
    words = question.words
    match question.kind:
        case "or":
            return " OR ".join(words)
        case "phrase":
            return f'"{" ".join(words)}"'
        case "prefix":
            return f"{words[0]}*"
        case "boolean":
            return f"{words[0]} OR {words[1]} -{words[2]}"
        case "dates":
            return f"{' '.join(words)} after:{question.since}"
    return " ".join(words)


def _by_likeness(engine: ArrayEngine, request: SearchRequest, options: SearchOptions) -> Any:
    searcher, query = Searcher(engine.snapshot(), request.query, options), request.query
    expansions = searcher._fuzzy([clause.word.folded for clause in query.plain_words])
    return searcher._results(query, searcher._match(query, expansions), expansions)
