"""Concepts: what documents score by words typed or by other terms of the glossary.

    concept = max( q (words typed, with their neighbours),  q (words of a term, with theirs) ... )

A term counts where its words stand side by side; the words typed count wherever they stand.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from psgflask.search import stopwords
from psgflask.search.engine import proximity, term_scores
from psgflask.search.engine.matching import of_phrase
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs, Floats, Found
from psgflask.search.language import Word
from psgflask.search.query import Concept


class Part:
    """What documents score by one concept of a query; `words` are those of the words typed."""

    def __init__(self, snapshot: Snapshot, concept: Concept) -> None:
        self.concept = concept
        self.words: list[Found] = []
        self.known = 0.0  # sum of q over the words typed that the index has
        self.pairs: list[proximity.Pair] = []
        self._others = [(of_term(snapshot, other.words), other) for other in concept.others]
        self._snapshot = snapshot

    def holds(self, at: int) -> bool:
        """Say whether the word typed at a place is of this concept."""
        return self.concept.first <= at <= self.concept.last

    def add(self, found: Found, q: float) -> None:
        """Take in what documents score by one of the words typed."""
        self.words.append(found)
        self.known += q if len(found) else 0.0

    @property
    def sure(self) -> float:
        """The greatest sum of q over the words that the index has, of those typed or of a term."""
        most = self.concept.q * self.known
        for _found, other in self._others:
            each = [
                len(term_scores.of_word(self._snapshot, w)) for _at, w in telling(other.words, 0)
            ]
            most = max(most, other.q * sum(1 for n in each if n))
        return most

    def score(self, docs: Docs) -> tuple[Floats, Floats]:
        """Return what documents score, and how far the words typed fall short of the best term.

        Both without the neighbours of the words typed.
        """
        own = np.zeros(len(docs), np.float32)
        for found in self.words:
            own += found.at(docs)
        own *= np.float32(self.concept.q)
        best = own
        for found, other in self._others:
            best = np.maximum(best, found.at(docs) * np.float32(other.q))
        return best, best - own

    def add_pairs(self, scores: Floats, docs: Docs, near: NDArray[np.int64], short: Floats) -> None:
        """Add the neighbours of the words typed, as far as they make those the better."""
        more = np.zeros(len(docs), np.float32)
        for pair in self.pairs:
            weighed = proximity.weights(self._snapshot, pair)
            proximity.add(self._snapshot, more, docs, near, pair, weighed)
        scores += np.maximum(more * np.float32(self.concept.q) - short, 0)


def telling(words: Sequence[Word], at: int) -> list[tuple[int, Word]]:
    """Return the words of a phrase that score, with their places: no stop words, if it has others.

    `at` is the place of the first.
    """
    placed = list(enumerate(words, at))
    found = [(place, word) for place, word in placed if word.folded not in stopwords.STOP_WORDS]
    return found or placed


def of_term(snapshot: Snapshot, words: tuple[Word, ...]) -> Found:
    """Return the documents that hold a term, and what they score by it as by a phrase typed."""
    return snapshot.keep(("scored phrase", words), partial(_of_term, snapshot, words))


def _of_term(snapshot: Snapshot, words: tuple[Word, ...]) -> Found:
    docs = snapshot.keep(("phrase", words), lambda: of_phrase(snapshot, words)).docs
    scores = np.zeros(len(docs), np.float32)
    placed = telling(words, 0)
    for _at, word in placed:
        scores += term_scores.of_word(snapshot, word).at(docs)
    for pair in dict.fromkeys(pair for _at, _then, pair in proximity.pairs_of(placed)):
        weighed = proximity.weights(snapshot, pair)
        proximity.add(snapshot, scores, docs, np.arange(len(docs)), pair, weighed)
    return Found(docs, scores, snapshot.room)
