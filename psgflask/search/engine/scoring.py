"""Scoring: the ranking recipe over the documents that a query chose.

    base  = (stem + exact + accent + phrase) * hint * recency
    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)
    final = base + Z for the 50 best, Z by feedback from the 10 best

What single words score is `weighing`'s. Ordered pairs are Metzler & Croft's (2005). What the
recipe leaves open is settled here: stop words of a phrase score nothing unless the phrase has no
other words; alternatives of OR are no neighbours.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search import stopwords
from psgflask.search.engine import feedback, neighbours, weighing
from psgflask.search.engine.matching import Likeness, Matcher
from psgflask.search.engine.neighbours import Pair
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import NONE, Docs, Floats, Found
from psgflask.search.index.columns import title_hash
from psgflask.search.language import Word
from psgflask.search.query import InTitle, Phrase, Plain, Prefix, Query

PHRASE = 0.2
HINT = 0.95
RECENCY, HALF_LIFE_DAYS = 0.05, 2 * 365.25
WIDEST_GAP = 3
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
        self.snapshot, self.query = snapshot, query
        self.parts: list[Found] = []
        self.placed: list[tuple[int, Word]] = []
        self.sure = 0.0  # sum of q over the words that the index has
        for clause in query.clauses:
            match clause:
                case Plain(word, at) if word.folded not in likeness:
                    self._add_word(word, at)
                case Plain() | Prefix():
                    q = weighing.LIKENESS if isinstance(clause, Plain) else 1.0
                    self._add(matcher.of_clause(clause, likeness), q)
                case Phrase(words, at):
                    for place, word in _telling(words, at):
                        self._add_word(word, place)
                case InTitle(words):
                    for word in words:
                        self._add(weighing.of_title_word(snapshot, word), 1.0)
        self.pairs = list(dict.fromkeys(self._neighbours()))
        hashed = title_hash(query.title)
        self._titled: Docs = snapshot.titled(hashed) if hashed else NONE
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
        scores = self._base(docs)
        likely = self._likely(docs, scores, most)
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

    def _base(self, docs: Docs) -> Floats:
        """Return the sum over words for each document, neighbours and factors apart."""
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
            if not len(part) or part.scores is None:
                continue
            if part.is_dense:
                scores += part.dense[docs]
                continue
            at = part.docs.searchsorted(docs)
            at[at == len(part)] = 0
            scores += part.scores[at] * (part.docs[at] == docs)
        return scores

    def _likely(self, docs: Docs, scores: Floats, most: int) -> NDArray[np.int64]:
        """Return the places of those that may be among the best; add their neighbours' part."""
        factors = self.factors[docs]
        weights = [self._pair_weights(pair) for pair in self.pairs]
        ceiling = PHRASE * sum(max(each) for each in weights)
        reached = scores * factors
        if ceiling and len(docs):
            floor = _nth_greatest(reached, most)
            near = np.flatnonzero((scores + np.float32(ceiling)) * factors >= floor)
            for pair, weight in zip(self.pairs, weights, strict=True):
                self._add_pair(scores, docs, near, pair, weight)
            reached[near] = scores[near] * factors[near]
        if len(docs) <= most:
            return np.arange(len(docs))
        likely = reached >= _nth_greatest(reached, most)
        for titled in self._titled.tolist():
            place = int(docs.searchsorted(titled))
            if place < len(docs) and docs[place] == titled:
                likely[place] = True
        return np.flatnonzero(likely)

    def _ranks(self, docs: Docs, scores: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the order: just what was typed, then by score, then the newest."""
        titled = self._titled
        if not len(titled):
            ranks: NDArray[np.int64] = (-scores).argsort()
            ordered = scores[ranks]
            if (ordered[1:] != ordered[:-1]).all():
                return ranks
        keys: list[NDArray[Any]] = [-self.snapshot.newness[docs], -scores]
        if len(titled):
            same = np.isin(docs, titled)
            keys = [keys[0], np.where(same, 0.0, keys[1]), ~same]
        return np.lexsort(keys)

    def _add(self, found: Found, q: float) -> None:
        self.parts.append(found)
        self.sure += q if len(found) else 0.0

    def _add_word(self, word: Word, at: int) -> None:
        self._add(weighing.of_word(self.snapshot, word), 1.0)
        self.placed.append((at, word))

    def _neighbours(self) -> Iterable[Pair]:
        for (at, first), (then, second) in zip(self.placed, self.placed[1:], strict=False):
            if 1 <= then - at <= WIDEST_GAP:
                yield first.folded, second.folded, then - at

    def _pair_weights(self, pair: Pair) -> list[float]:
        key = "pair weights", pair[0], pair[1]
        return self.snapshot.keep(key, partial(self._weigh_pair, pair))

    def _weigh_pair(self, pair: Pair) -> list[float]:
        first, second = map(self.snapshot.stems, pair[:2])
        return [min(first[each].weight, second[each].weight) for each in LANGUAGES]

    def _add_pair(
        self, scores: Floats, docs: Docs, near: NDArray[np.int64], pair: Pair, weights: list[float]
    ) -> None:
        """Add the part of two neighbours: p = times b stands exactly as far behind a as typed."""
        for language, weight in zip(LANGUAGES, weights, strict=True):
            if not weight:
                continue
            found, times = neighbours.of(self.snapshot, language, pair, docs[near])
            if len(found):
                p = times / (times + 1)
                at = near if len(near) < len(docs) else np.arange(len(docs))
                scores[at[found]] += (PHRASE * weight * p).astype(np.float32)


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


def _telling(words: Sequence[Word], at: int) -> list[tuple[int, Word]]:
    placed = list(enumerate(words, at))
    telling = [(place, word) for place, word in placed if word.folded not in stopwords.STOP_WORDS]
    return telling or placed


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
