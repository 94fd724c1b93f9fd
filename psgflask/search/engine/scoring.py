"""Scoring: the ranking recipe over the documents that a query chose.

    base  = (stem + exact + accent + phrase) * hint * recency
    final = base + Z for the 50 best, Z by feedback from the 10 best

What single words score is `weighing`'s, what words side by side score beside that `neighbours`',
and what words score for which other terms will do `concepts`'. What the recipe leaves open is
settled here: stop words of a phrase score nothing unless the phrase has no other words;
alternatives of OR are no neighbours.
"""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search import stopwords
from psgflask.search.engine import feedback, proximity, synonyms, term_scores
from psgflask.search.engine.matching import Likeness, Mask, Matcher
from psgflask.search.engine.proximity import PHRASE, Pair
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import NONE, Docs, Floats, Found
from psgflask.search.index.columns import title_hash
from psgflask.search.language import Word
from psgflask.search.query import InTitle, Phrase, Plain, Prefix, Query

HINT = 0.95
RECENCY, HALF_LIFE_DAYS = 0.05, 2 * 365.25
# Documents whose best in each block are compared to find how good the best must be.
BLOCK = 128


class Scorer:
    """Scores documents for one query over one state of the index."""

    def __init__(
        self,
        snapshot: Snapshot,
        matcher: Matcher,
        query: Query,
        likeness: Likeness,
        today: date | None,
    ) -> None:
        self.snapshot, self.query, self.matcher = snapshot, query, matcher
        self.likeness = likeness
        self.parts: list[Found] = []
        self.placed: list[tuple[int, Word]] = []
        self.sure = 0.0  # sum of q over the words that the index has
        self.concepts = [synonyms.Part(snapshot, each) for each in query.concepts]
        for clause in query.clauses:
            match clause:
                case Plain(word, at) if word.folded not in likeness:
                    self._add_word(word, at)
                case Plain(_, at):
                    self._add(matcher.of_clause(clause, likeness), term_scores.LIKENESS, at)
                case Prefix():
                    self._add(matcher.of_clause(clause, likeness), 1.0)
                case Phrase(words, at):
                    for place, word in synonyms.telling(words, at):
                        self._add_word(word, place)
                case InTitle(words):
                    for word in words:
                        self._add(term_scores.of_title_word(snapshot, word), 1.0)
        self.sure += sum(each.sure for each in self.concepts)
        self.pairs = self._pairs()
        hashed = title_hash(query.title)
        self._titled: Docs = snapshot.titled(hashed) if hashed else NONE
        self._own = self._match_own()
        self.factors = _factors(snapshot, today, _other_language(query))

    def best(
        self, docs: Docs, first: int, size: int, *, with_feedback: bool
    ) -> list[tuple[int, float]]:
        """Return (document, score) of so many from a place on, best first; ties to the newest.

        A document whose title is just what was typed stands before all others.
        """
        most = first + size
        if with_feedback:
            most = max(most, feedback.RERANKED)
        scores, short = self._base(docs)
        likely = self._likely(docs, scores, short, most)
        docs, scores = docs[likely], scores[likely] * self.factors[docs[likely]]
        ranks = self._ranks(docs, scores)[:most]
        docs, scores = docs[ranks], scores[ranks]
        if with_feedback and self.sure and len(docs) > 1:  # one alone has nothing to pass
            scores = scores.astype(np.float64)
            head = docs[: feedback.RERANKED]
            more = feedback.more(self.snapshot, head, self.sure) * self.factors[head]
            scores[: feedback.RERANKED] += more
            ranks = self._ranks(head, scores[: feedback.RERANKED])
            docs[: len(ranks)], scores[: len(ranks)] = head[ranks], scores[: len(ranks)][ranks]
        chosen = slice(first, first + size)
        return list(zip(docs[chosen].tolist(), scores[chosen].tolist(), strict=True))

    def _base(self, docs: Docs) -> tuple[Floats, list[Floats]]:
        """Return the sum over words for each document, neighbours and factors apart.

        And how far the words typed of each concept fall short of its best other term.
        """
        scores = self._sum(docs)
        short = []
        for concept in self.concepts:
            best, less = concept.score(docs)
            scores += best
            short.append(less)
        return scores, short

    def _sum(self, docs: Docs) -> Floats:
        if 16 * len(docs) > self.snapshot.room:
            whole = np.zeros(self.snapshot.room, np.float32)
            for part in self.parts:
                if part.is_dense:
                    whole += part.dense
                else:
                    whole[part.docs] += 0 if part.scores is None else part.scores
            return whole[docs]
        scores = np.zeros(len(docs), np.float32)
        for part in self.parts:
            if len(part) and part.scores is not None:
                scores += part.at(docs)
        return scores

    def _likely(
        self, docs: Docs, scores: Floats, short: list[Floats], most: int
    ) -> NDArray[np.int64]:
        """Return the places of those that may be among the best; add their neighbours' part."""
        weights = {pair: proximity.weights(self.snapshot, pair) for pair in self.pairs}
        if len(docs) <= most:  # none will be left out
            everywhere = np.arange(len(docs))
            self._add_pairs(docs, scores, short, everywhere, weights)
            return everywhere
        factors = self.factors[docs]
        ceiling = PHRASE * sum(max(each) for each in weights.values())
        reached = scores * factors
        ahead = self._ahead(docs, reached, ceiling)
        if ahead is not None:
            reached += ahead
        if ceiling:
            floor = _nth_greatest(reached, most)
            at_best = (scores + np.float32(ceiling)) * factors
            if ahead is not None:
                at_best += ahead
            near = np.flatnonzero(at_best >= floor)
            self._add_pairs(docs, scores, short, near, weights)
            reached[near] = scores[near] * factors[near]
            if ahead is not None:
                reached[near] += ahead[near]
        likely = reached >= _nth_greatest(reached, most)
        for titled in self._titled.tolist():
            place = int(docs.searchsorted(titled))
            if place < len(docs) and docs[place] == titled:
                likely[place] = True
        return np.flatnonzero(likely)

    def _add_pairs(
        self,
        docs: Docs,
        scores: Floats,
        short: list[Floats],
        near: NDArray[np.int64],
        weights: dict[Pair, list[float]],
    ) -> None:
        for pair, concept in self.pairs.items():
            if concept is None:
                proximity.add(self.snapshot, scores, docs, near, pair, weights[pair])
        for concept, less in zip(self.concepts, short, strict=True):
            concept.add_pairs(scores, docs, near, less)

    def _match_own(self) -> Mask | None:
        """Return the documents that match by the words typed, where these come first."""
        if not (self.concepts and self.query.own_first):
            return None
        own = np.zeros(self.snapshot.room, np.bool_)
        own[self.matcher.of_query(replace(self.query, concepts=()), self.likeness)] = True
        return own

    def _ahead(self, docs: Docs, reached: Floats, ceiling: float) -> Floats | None:
        """Return what takes the documents that come first beyond all that others can reach."""
        if self._own is None or not len(docs):
            return None
        beyond = np.float32(2 * (float(reached.max()) + ceiling) + 1)
        return np.where(self._own[docs], beyond, np.float32(0))

    def _ranks(self, docs: Docs, scores: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the order: just what was typed, then what comes first, by score, the newest."""
        titled = self._titled
        if not len(titled) and self._own is None:
            ranks: NDArray[np.int64] = (-scores).argsort()
            ordered = scores[ranks]
            if (ordered[1:] != ordered[:-1]).all():
                return ranks
        keys: list[NDArray[Any]] = [-self.snapshot.newness[docs], -scores]
        if self._own is not None:
            keys.append(~self._own[docs])
        if len(titled):
            same = np.isin(docs, titled)
            keys = [keys[0], *(np.where(same, 0, key) for key in keys[1:]), ~same]
        return np.lexsort(keys)

    def _add(self, found: Found, q: float, at: int = -1) -> None:
        for concept in self.concepts:
            if concept.holds(at):
                concept.add(found, q)
                return
        self.parts.append(found)
        self.sure += q if len(found) else 0.0

    def _add_word(self, word: Word, at: int) -> None:
        self._add(term_scores.of_word(self.snapshot, word), 1.0, at)
        self.placed.append((at, word))

    def _pairs(self) -> dict[Pair, synonyms.Part | None]:
        """Return the pairs of neighbours, each once, and of which concept both words are."""
        pairs: dict[Pair, synonyms.Part | None] = {}
        for at, then, pair in proximity.pairs_of(self.placed):
            if pair not in pairs:
                whole = [each for each in self.concepts if each.holds(at) and each.holds(then)]
                pairs[pair] = whole[0] if whole else None
                for concept in whole:
                    concept.pairs.append(pair)
        return pairs


def _nth_greatest(scores: Floats, n: int) -> float:
    """Return what the n best score at least: all that is as good may be among them."""
    if len(scores) <= n:
        return float("-inf")
    blocks = len(scores) // BLOCK
    if blocks >= 2 * n:
        best = scores[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        # n blocks hold something as good as this, so the n best are no worse.
        floor = np.partition(best, blocks - n)[blocks - n]
        scores = scores[scores >= floor]
    return float(np.partition(scores, len(scores) - n)[len(scores) - n])


def _factors(snapshot: Snapshot, today: date | None, foreign: str | None) -> Floats:
    """Return hint * recency of each document."""
    return snapshot.keep(
        ("factors", today, foreign), partial(_make_factors, snapshot, today, foreign)
    )


def _make_factors(snapshot: Snapshot, today: date | None, foreign: str | None) -> Floats:
    factors = np.ones(snapshot.room)
    if today is not None:
        age = np.maximum(0, today.toordinal() - snapshot.last)
        bonus = RECENCY * np.exp2(-age / HALF_LIFE_DAYS)
        factors += np.where(snapshot.last > 0, bonus, 0.0)
    if foreign is not None:
        factors[snapshot.language == LANGUAGES.index(foreign)] *= HINT
    return factors.astype(np.float32)


def _other_language(query: Query) -> str | None:
    """Return the language that the reader's stop words speak against, None when they do not."""
    english = spanish = 0
    for word in query.typed:
        if word in stopwords.KEPT or word in stopwords.LEFT_BY_APOSTROPHES:
            continue
        english += word in stopwords.ENGLISH and word not in stopwords.SPANISH
        spanish += word in stopwords.SPANISH and word not in stopwords.ENGLISH
    if english == spanish:
        return None
    return "es" if english > spanish else "en"
