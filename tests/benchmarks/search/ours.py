"""Our own page of results: the site's code from the words typed to marked snippets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.datastructures import MultiDict

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.cards import card_cache
from psgflask.search.engine.fallbacks import Evaluation
from psgflask.search.engine.vector import VectorEngine
from psgflask.search.glossary.glossary import Shelf
from psgflask.search.web import results, search_request
from tests.benchmarks.search.questions import Question


class Ours:
    """The site within one request that does not end."""

    name = "ours"

    def __init__(self, app: Flask) -> None:
        self._engine: VectorEngine = app.extensions["psg_search"]
        self._shelf: Shelf = app.extensions["psg_glossary"]
        self._now = utc_now()

    def page(self, question: Question) -> Any:
        """Return all that a page of results shows."""
        session = db.session()
        content = card_cache(session)
        glossary = self._shelf.take(session, content.stamp)
        asked = search_request.read(MultiDict({"q": typed(question)}), content, self._now, glossary)
        ask = asked.ask(texts=True)
        if question.kind == "likeness":
            answer = _by_likeness(self._engine, asked, ask)
        else:
            answer = self._engine.search(asked.query, ask)
        hits = results.hits_of(session, asked, answer)
        shown = [(hit.title, str(hit.article.dateline), hit.snippet) for hit in hits]
        return (
            answer.total,
            shown,
            answer.topics,
            answer.years,
            answer.languages,
            answer.corrections,
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


def _by_likeness(engine: VectorEngine, asked: search_request.Asked, ask: Any) -> Any:
    evaluation = Evaluation(engine.snapshot(), asked.query, ask)
    likeness = evaluation._likeness([clause.word.folded for clause in asked.query.plain])
    return evaluation._page(asked.query, evaluation._found(asked.query, likeness), likeness)
