"""Scoring: ranks the documents that match a query by the recipe of docs/ranking.md.

    base  = (stem + exact + accent + phrase) * hint * recency
    final = base + Z for the 50 best, Z by feedback from the 10 best

What words and synonyms score is in `term_scores`, what pairs of words add in `proximity`. What the
recipe leaves open is settled here: stop words of a phrase score nothing unless the phrase has no
other words; alternatives of OR are not neighbours.
"""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine import feedback
from psgflask.search.engine.matching import FuzzyExpansions, Matcher
from psgflask.search.engine.proximity import (
    PHRASE,
    WordPair,
    add_pair_scores,
    neighbouring_pairs,
    pair_weights,
)
from psgflask.search.engine.segments import NO_DOCS, DocIds, Floats, Mask, Matches
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.term_scores import (
    FUZZY_BOOST,
    ConceptScorer,
    scored_words,
    title_word_matches,
    word_matches,
)
from psgflask.search.index.columns import title_hash
from psgflask.search.language import APOSTROPHE_REMNANTS, ENGLISH, NAMES_IN_LIST, SPANISH, Word
from psgflask.search.query.clauses import InTitle, Phrase, PlainWord, Prefix, Query

HINT = 0.95
RECENCY, HALF_LIFE_DAYS = 0.05, 2 * 365.25
# The size of the blocks whose best are compared to find how good the best documents must be.
BLOCK = 128


class Scorer:
    """Scores documents for one query over one state of the index."""

    def __init__(
        self,
        snapshot: Snapshot,
        matcher: Matcher,
        query: Query,
        expansions: FuzzyExpansions,
        today: date | None,
    ) -> None:
        self.snapshot, self.query, self.matcher = snapshot, query, matcher
        self.expansions = expansions
        self.parts: list[Matches] = []
        self.placed: list[tuple[int, Word]] = []
        self.known_words = 0.0  # sum of q over the words that the index has
        self.concepts = [ConceptScorer(snapshot, each) for each in query.concepts]
        for clause in query.clauses:
            match clause:
                case PlainWord(word, position) if word.folded not in expansions:
                    self._add_word(word, position)
                case PlainWord(_, position):
                    self._add(matcher.match_clause(clause, expansions), FUZZY_BOOST, position)
                case Prefix():
                    self._add(matcher.match_clause(clause, expansions), 1.0)
                case Phrase(words, position):
                    for at, word in scored_words(words, position):
                        self._add_word(word, at)
                case InTitle(words):
                    for word in words:
                        self._add(title_word_matches(snapshot, word), 1.0)
        self.known_words += sum(each.known_words for each in self.concepts)
        self.pairs = self._pairs()
        hashed = title_hash(query.title)
        self._same_title: DocIds = snapshot.with_title(hashed) if hashed else NO_DOCS
        self._by_typed = self._match_typed()
        self.factors = _factors(snapshot, today, _other_language(query))

    def top_docs(
        self, docs: DocIds, offset: int, limit: int, *, with_feedback: bool
    ) -> list[tuple[int, float]]:
        """Return (document, score) of the best from an offset on; ties to the newest.

        A document whose title is just what was typed stands before all others.
        """
        needed = offset + limit
        if with_feedback:
            needed = max(needed, feedback.RERANKED)
        scores, short = self._base(docs)
        likely = self._candidates(docs, scores, short, needed)
        docs, scores = docs[likely], scores[likely] * self.factors[docs[likely]]
        ranks = self._ranks(docs, scores)[:needed]
        docs, scores = docs[ranks], scores[ranks]
        if with_feedback and self.known_words and len(docs) > 1:  # one alone has nothing to pass
            scores = scores.astype(np.float64)
            head = docs[: feedback.RERANKED]
            scores[: feedback.RERANKED] += self._feedback(head) * self.factors[head]
            ranks = self._ranks(head, scores[: feedback.RERANKED])
            docs[: len(ranks)], scores[: len(ranks)] = head[ranks], scores[: len(ranks)][ranks]
        page = slice(offset, offset + limit)
        return list(zip(docs[page].tolist(), scores[page].tolist(), strict=True))

    def _base(self, docs: DocIds) -> tuple[Floats, list[Floats]]:
        """Return the sum over words for each document, without pairs and factors.

        And how far the words typed of each concept fall short of its best synonym.
        """
        scores = self._sum(docs)
        short = []
        for concept in self.concepts:
            best, less = concept.score(docs)
            scores += best
            short.append(less)
        return scores, short

    def _sum(self, docs: DocIds) -> Floats:
        if 16 * len(docs) > self.snapshot.max_doc:
            whole = np.zeros(self.snapshot.max_doc, np.float32)
            for part in self.parts:
                if part.is_dense:
                    whole += part.dense_scores
                else:
                    whole[part.docs] += 0 if part.scores is None else part.scores
            return whole[docs]
        scores = np.zeros(len(docs), np.float32)
        for part in self.parts:
            if len(part) and part.scores is not None:
                scores += part.scores_of(docs)
        return scores

    def _candidates(
        self, docs: DocIds, scores: Floats, short: list[Floats], needed: int
    ) -> NDArray[np.int64]:
        """Return the places of those that may be among the best; add the pairs to their scores."""
        weights = {pair: pair_weights(self.snapshot, pair) for pair in self.pairs}
        if len(docs) <= needed:  # none will be left out
            everywhere = np.arange(len(docs))
            self._add_pairs(docs, scores, short, everywhere, weights)
            return everywhere
        factors = self.factors[docs]
        ceiling = PHRASE * sum(max(each) for each in weights.values())
        reached = scores * factors
        lead = self._lead(docs, reached, ceiling)
        if lead is not None:
            reached += lead
        if ceiling:
            floor = _nth_greatest(reached, needed)
            at_best = (scores + np.float32(ceiling)) * factors
            if lead is not None:
                at_best += lead
            near = np.flatnonzero(at_best >= floor)
            self._add_pairs(docs, scores, short, near, weights)
            reached[near] = scores[near] * factors[near]
            if lead is not None:
                reached[near] += lead[near]
        likely = reached >= _nth_greatest(reached, needed)
        for doc in self._same_title.tolist():
            at = int(docs.searchsorted(doc))
            if at < len(docs) and docs[at] == doc:
                likely[at] = True
        return np.flatnonzero(likely)

    def _add_pairs(
        self,
        docs: DocIds,
        scores: Floats,
        short: list[Floats],
        near: NDArray[np.int64],
        weights: dict[WordPair, list[float]],
    ) -> None:
        for pair, concept in self.pairs.items():
            if concept is None:
                add_pair_scores(self.snapshot, scores, docs, near, pair, weights[pair])
        for concept, less in zip(self.concepts, short, strict=True):
            concept.add_pairs(scores, docs, near, less)

    def _feedback(self, docs: DocIds) -> NDArray[np.float64]:
        """Return what feedback adds to each document, best first, without factors."""
        forward = self.snapshot.forward_index
        with (
            self.snapshot.scratch("stems", forward.count, np.float64) as by_stem,
            self.snapshot.scratch("wanted", forward.count, np.bool_) as is_wanted,
        ):
            return feedback.gains(forward, docs, self.known_words, by_stem, is_wanted)

    def _match_typed(self) -> Mask | None:
        """Return the documents that match by the words typed, where these come first."""
        if not (self.concepts and self.query.typed_first):
            return None
        mask = np.zeros(self.snapshot.max_doc, np.bool_)
        mask[self.matcher.match_query(replace(self.query, concepts=()), self.expansions)] = True
        return mask

    def _lead(self, docs: DocIds, reached: Floats, ceiling: float) -> Floats | None:
        """Return what lifts the documents that come first above all that others can reach."""
        if self._by_typed is None or not len(docs):
            return None
        beyond = np.float32(2 * (float(reached.max()) + ceiling) + 1)
        return np.where(self._by_typed[docs], beyond, np.float32(0))

    def _ranks(self, docs: DocIds, scores: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the order: the same title, then what comes first, by score, the newest."""
        if not len(self._same_title) and self._by_typed is None:
            ranks: NDArray[np.int64] = (-scores).argsort()
            ordered = scores[ranks]
            if (ordered[1:] != ordered[:-1]).all():
                return ranks
        keys: list[NDArray[Any]] = [-self.snapshot.date_order[docs], -scores]
        if self._by_typed is not None:
            keys.append(~self._by_typed[docs])
        if len(self._same_title):
            same = np.isin(docs, self._same_title)
            keys = [keys[0], *(np.where(same, 0, key) for key in keys[1:]), ~same]
        return np.lexsort(keys)

    def _add(self, matches: Matches, boost: float, at: int = -1) -> None:
        for concept in self.concepts:
            if concept.covers(at):
                concept.add(matches, boost)
                return
        self.parts.append(matches)
        self.known_words += boost if len(matches) else 0.0

    def _add_word(self, word: Word, at: int) -> None:
        self._add(word_matches(self.snapshot, word), 1.0, at)
        self.placed.append((at, word))

    def _pairs(self) -> dict[WordPair, ConceptScorer | None]:
        """Return the neighbouring pairs, each once, with the concept that both words are of."""
        pairs: dict[WordPair, ConceptScorer | None] = {}
        for at, then, pair in neighbouring_pairs(self.placed):
            if pair not in pairs:
                both = [each for each in self.concepts if each.covers(at) and each.covers(then)]
                pairs[pair] = both[0] if both else None
                for concept in both:
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


def _factors(snapshot: Snapshot, today: date | None, other_language: str | None) -> Floats:
    """Return hint * recency of each document."""
    key = "factors", today, other_language
    return snapshot.cached(key, partial(_make_factors, snapshot, today, other_language))


def _make_factors(snapshot: Snapshot, today: date | None, other_language: str | None) -> Floats:
    factors = np.ones(snapshot.max_doc)
    if today is not None:
        age = np.maximum(0, today.toordinal() - snapshot.last_day)
        bonus = RECENCY * np.exp2(-age / HALF_LIFE_DAYS)
        factors += np.where(snapshot.last_day > 0, bonus, 0.0)
    if other_language is not None:
        factors[snapshot.language == LANGUAGES.index(other_language)] *= HINT
    return factors.astype(np.float32)


def _other_language(query: Query) -> str | None:
    """Return the language that the reader's stop words are not of; None when they do not say."""
    english = spanish = 0
    for word in query.typed_words:
        if word in NAMES_IN_LIST or word in APOSTROPHE_REMNANTS:
            continue
        english += word in ENGLISH and word not in SPANISH
        spanish += word in SPANISH and word not in ENGLISH
    if english == spanish:
        return None
    return "es" if english > spanish else "en"
