"""Our own engine as a ranker: a collection indexed in a folder that goes when it is measured."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Protocol

from psgflask.core.clock import utc_now
from psgflask.search.documents import Document
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.matching import Matcher
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.engine.scoring import Scorer
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index.store import Store
from psgflask.search.language import STOP_WORDS, located_words
from psgflask.search.query.clauses import PlainWord, Query
from tests.evaluation.collection import JudgedDocument

SHORT = 3  # words of a short query: the rarest


class Ranker(Protocol):
    """Whatever ranks documents for a text."""

    name: str

    def rank(self, text: str) -> list[str]:
        """Return the keys of the documents with any of its words, best first."""
        ...


class Ours:
    """The engine over an index; the OR of all words of a text, recency off."""

    def __init__(self, snapshot: Snapshot, keys: Sequence[str], *, feedback: bool) -> None:
        self.name = "feedback" if feedback else "first stage"
        self._snapshot, self._keys, self._feedback = snapshot, keys, feedback

    def rank(self, text: str) -> list[str]:
        """Return the keys of the documents with any word of a text, best first."""
        query = of_words(text)
        matcher = Matcher(self._snapshot, SearchOptions(now=utc_now(), recency=False))
        docs = matcher.match_query(query, {})
        if not (query and len(docs)):
            return []
        scorer = Scorer(self._snapshot, matcher, query, {}, None)
        best = scorer.top_docs(docs, 0, len(docs), with_feedback=self._feedback)
        ids = self._snapshot.ids[[number for number, _score in best]]
        return [self._keys[number - 1] for number in ids.tolist()]

    def shortened(self, text: str) -> str:
        """Return the three words of a text whose stems are rarest, then by alphabet, in order."""
        words = list(dict.fromkeys(clause.word.folded for clause in of_words(text).plain_words))
        counts = {
            word: max(term.df for term in self._snapshot.stems(word).values()) for word in words
        }
        known = [word for word in words if counts[word]]
        rarest = sorted(known, key=lambda word: (counts[word], word))[:SHORT]
        return " ".join(word for word in words if word in rarest)


@contextmanager
def indexed(documents: Sequence[JudgedDocument]) -> Iterator[Snapshot]:
    """Index documents, whose ids are their places from 1, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "index")
        numbered = (_document(number, each) for number, each in enumerate(documents, 1))
        store.rebuild(numbered, late=lambda ids: ([], []))
        yield ArrayEngine(store).snapshot()


def of_words(text: str) -> Query:
    """Return the query for any of the words of a text, all of them, without its stop words."""
    found = [(text[begin:end], word) for begin, end, word in located_words(text)]
    content = [
        (place, word)
        for place, (typed, word) in enumerate(found)
        if word.folded not in STOP_WORDS or typed == "UN"
    ]
    chosen = content or [(place, word) for place, (_typed, word) in enumerate(found)]
    clauses = tuple(PlainWord(word, place) for place, word in chosen)
    folded = [word.folded for _typed, word in found]
    return Query(
        text, (clauses,) if clauses else (), typed_words=tuple(folded), title=" ".join(folded)
    )


def _document(number: int, document: JudgedDocument) -> Document:
    return Document(
        id=number,
        language=document.language,
        title=document.title,
        body=document.body,
        topics=(),
        issue=None,
        dated_from=None,
        dated_to=None,
        order_date=date.min,
    )
