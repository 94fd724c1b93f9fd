"""Term scores: what each document scores by one word, by a prefix, or by a synonym; cached.

    stem    = q w [ tf/(tf+K) + 0.3 title_tf/(title_tf+T) ]    by the stem of its own language
    exact   = 0.2 q w tf/(tf+K)                                from the exact words
    accent  = 0.1 idf tf/(tf+K)                                of a word typed with accents
    concept = max( q (words typed, with their pairs),  q (words of a synonym, with theirs) ... )

A synonym counts where its words stand side by side; the words typed count wherever they stand.

BM25F (Robertson & Zaragoza 2009) with a burstiness factor (Amati & van Rijsbergen 2002).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.proximity import (
    WordPair,
    add_pair_scores,
    neighbouring_pairs,
    pair_weights,
    phrase_matches,
)
from psgflask.search.engine.segments import (
    NO_DOCS,
    NO_SCORES,
    DocIds,
    Floats,
    Matches,
    TermPostings,
)
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index.columns import EXACT
from psgflask.search.index.forward import TITLE_COUNTS
from psgflask.search.language import STOP_WORDS, Word
from psgflask.search.query.clauses import Concept

TITLE_PART, EXACT_PART, ACCENT_PART = 0.3, 0.2, 0.1
FUZZY_BOOST = 0.5
MAX_EXPANSIONS = 50


def word_matches(snapshot: Snapshot, word: Word) -> Matches:
    """Return the documents that have a word in any of its forms, and what they score by it."""
    key = "word", word.folded, word.accented  # to hash a Word takes longer
    return snapshot.cached(key, partial(_word_matches, snapshot, word))


def prefix_matches(snapshot: Snapshot, prefix: str) -> Matches:
    """Return the documents with the words that begin so, which score as one term."""
    return snapshot.cached(
        ("prefix", prefix),
        lambda: _as_stem(snapshot, snapshot.union(prefix_expansions(snapshot, prefix)), 1.0),
    )


def fuzzy_matches(snapshot: Snapshot, words: Sequence[str]) -> Matches:
    """Return the documents with any of these words, which score as one term of half the weight."""
    return snapshot.cached(
        ("fuzzy", *words), lambda: _as_stem(snapshot, snapshot.union(words), FUZZY_BOOST)
    )


def title_word_matches(snapshot: Snapshot, word: Word) -> Matches:
    """Return what documents score by a word that is searched for in titles: tf = 2 title_tf."""
    return snapshot.cached(("title word", word), partial(_title_word_matches, snapshot, word))


def prefix_expansions(snapshot: Snapshot, prefix: str) -> list[str]:
    """Return the folded words that begin so: the 50 in most documents, then alphabetical."""
    return snapshot.most_frequent(snapshot.words_with_prefix(prefix), MAX_EXPANSIONS)


def _word_matches(snapshot: Snapshot, word: Word) -> Matches:
    parts = [
        _stem_scores(snapshot, term, term.weight) for term in snapshot.stems(word.folded).values()
    ]
    exact = snapshot.term(EXACT, word.folded)
    weight = EXACT_PART * exact.weight
    parts.append((exact.docs, _saturated(snapshot, exact.docs, exact.tf, weight)))
    if word.accented:
        term = snapshot.term(EXACT, word.accented)
        weight = ACCENT_PART * term.idf
        parts.append((term.docs, _saturated(snapshot, term.docs, term.tf, weight)))
    return _sum(snapshot, parts)


def _title_word_matches(snapshot: Snapshot, word: Word) -> Matches:
    parts = []
    for term in snapshot.stems(word.folded).values():
        tf = TITLE_COUNTS * term.title_tf
        scores = _saturated(snapshot, term.title_docs, tf, term.weight)
        scores += _title_scores(snapshot, term, term.weight)
        parts.append((term.title_docs, scores))
    exact = snapshot.term(EXACT, word.folded)
    tf, weight = TITLE_COUNTS * exact.title_tf, EXACT_PART * exact.weight
    parts.append((exact.title_docs, _saturated(snapshot, exact.title_docs, tf, weight)))
    return _sum(snapshot, parts)


def _as_stem(snapshot: Snapshot, term: TermPostings, boost: float) -> Matches:
    docs, scores = _stem_scores(snapshot, term, boost * term.weight)
    return Matches(docs, scores, snapshot.max_doc)


def _stem_scores(snapshot: Snapshot, term: TermPostings, weight: float) -> tuple[DocIds, Floats]:
    scores = _saturated(snapshot, term.docs, term.tf, weight)
    if len(term.title_docs):
        scores[term.docs.searchsorted(term.title_docs)] += _title_scores(snapshot, term, weight)
    return term.docs, scores


def _title_scores(snapshot: Snapshot, term: TermPostings, weight: float) -> Floats:
    tf, norms = term.title_tf, snapshot.title_norms[term.title_docs]
    scores: Floats = np.float32(TITLE_PART * weight) * tf / (tf + norms)
    return scores


def _saturated(snapshot: Snapshot, docs: DocIds, tf: Floats, weight: float) -> Floats:
    scores: Floats = tf / (tf + snapshot.length_norms[docs])
    scores *= np.float32(weight)
    return scores


def _sum(snapshot: Snapshot, parts: Sequence[tuple[DocIds, Floats]]) -> Matches:
    """Return the sum of several parts, over the documents of any."""
    held = [(docs, scores) for docs, scores in parts if len(docs)]
    if not held:
        return Matches(NO_DOCS, NO_SCORES, snapshot.max_doc)
    docs = held[0][0]
    for others, _scores in held[1:]:
        at = docs.searchsorted(others)
        at[at == len(docs)] = 0
        new = others[docs[at] != others]
        if len(new):
            docs = np.sort(np.concatenate((docs, new)), kind="stable")
    total = np.zeros(len(docs), np.float32)
    for others, scores in held:
        if len(others) == len(docs):
            total += scores
        else:
            total[docs.searchsorted(others)] += scores
    return Matches(docs, total, snapshot.max_doc)


def scored_words(words: Sequence[Word], at: int) -> list[tuple[int, Word]]:
    """Return the words of a phrase that score, with their positions from `at` on.

    Stop words score only where there are no other words.
    """
    placed = list(enumerate(words, at))
    found = [(position, word) for position, word in placed if word.folded not in STOP_WORDS]
    return found or placed


def synonym_matches(snapshot: Snapshot, words: tuple[Word, ...]) -> Matches:
    """Return the documents that have a synonym, and what they score by it as by a typed phrase."""
    return snapshot.cached(("scored phrase", words), partial(_synonym_matches, snapshot, words))


def _synonym_matches(snapshot: Snapshot, words: tuple[Word, ...]) -> Matches:
    docs = snapshot.cached(("phrase", words), lambda: phrase_matches(snapshot, words)).docs
    scores = np.zeros(len(docs), np.float32)
    placed = scored_words(words, 0)
    for _at, word in placed:
        scores += word_matches(snapshot, word).scores_of(docs)
    everywhere = np.arange(len(docs))
    for pair in dict.fromkeys(pair for _at, _then, pair in neighbouring_pairs(placed)):
        weights = pair_weights(snapshot, pair)
        add_pair_scores(snapshot, scores, docs, everywhere, pair, weights)
    return Matches(docs, scores, snapshot.max_doc)


class ConceptScorer:
    """Scores documents by one concept of a query: by the words typed or by a synonym."""

    def __init__(self, snapshot: Snapshot, concept: Concept) -> None:
        self.concept = concept
        self.words: list[Matches] = []  # of the words typed
        self.pairs: list[WordPair] = []
        self._known_typed = 0.0
        self._synonyms = [
            (synonym_matches(snapshot, each.words), each) for each in concept.synonyms
        ]
        self._snapshot = snapshot

    def covers(self, at: int) -> bool:
        """Return whether the word typed at a position is of this concept."""
        return self.concept.first <= at <= self.concept.last

    def add(self, matches: Matches, boost: float) -> None:
        """Add what documents score by one of the words typed."""
        self.words.append(matches)
        self._known_typed += boost if len(matches) else 0.0

    @property
    def known_words(self) -> float:
        """The greatest sum of q over words that the index has, of those typed or of a synonym."""
        most = self.concept.boost * self._known_typed
        for _matches, synonym in self._synonyms:
            words = [word for _at, word in scored_words(synonym.words, 0)]
            known = sum(1 for word in words if len(word_matches(self._snapshot, word)))
            most = max(most, synonym.boost * known)
        return most

    def score(self, docs: DocIds) -> tuple[Floats, Floats]:
        """Return what documents score, and how far the words typed fall short of the best synonym.

        Both without the pairs of the words typed.
        """
        typed = np.zeros(len(docs), np.float32)
        for matches in self.words:
            typed += matches.scores_of(docs)
        typed *= np.float32(self.concept.boost)
        best = typed
        for matches, synonym in self._synonyms:
            best = np.maximum(best, matches.scores_of(docs) * np.float32(synonym.boost))
        return best, best - typed

    def add_pairs(
        self, scores: Floats, docs: DocIds, near: NDArray[np.int64], short: Floats
    ) -> None:
        """Add the pairs of the words typed, as far as they exceed what these fall short by."""
        more = np.zeros(len(docs), np.float32)
        for pair in self.pairs:
            weights = pair_weights(self._snapshot, pair)
            add_pair_scores(self._snapshot, more, docs, near, pair, weights)
        scores += np.maximum(more * np.float32(self.concept.boost) - short, 0)
