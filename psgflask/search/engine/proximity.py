"""Proximity: where words stand side by side, and what pairs of words add to the score.

    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)

Ordered pairs are Metzler & Croft's (2005); p = times b stands exactly as far behind a as typed.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.segments import (
    NO_DOCS,
    OBJECT_OVERHEAD,
    DocIds,
    Floats,
    Mask,
    Matches,
)
from psgflask.search.engine.snapshot import FIELDS, Snapshot
from psgflask.search.index.columns import EXACT
from psgflask.search.language import Word, stem

PHRASE = 0.2
MAX_GAP = 3
# A pair is counted in all documents, and cached, if its rarer word is in no more than these.
MAX_COUNTED_DOCS = 4_000

WordPair = tuple[str, str, int]  # folded words; the second stands so many positions behind
# Places among the given documents, ascending, and p of each.
PairFrequencies = tuple[NDArray[np.int64], NDArray[np.int64]]
NO_FREQUENCIES: PairFrequencies = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def phrase_matches(snapshot: Snapshot, words: Sequence[Word]) -> Matches:
    """Return the documents in which these words stand side by side, in title or body."""
    docs = intersection([snapshot.term(EXACT, word.folded).docs for word in words])
    if len(words) > 1 and len(docs):
        texts = [word.folded for word in words]
        found = [_side_by_side(snapshot, EXACT, field, texts, docs) for field in FIELDS]
        docs = np.union1d(*found)
    return Matches(docs, None, snapshot.max_doc)


def title_phrase_matches(snapshot: Snapshot, words: Sequence[Word]) -> Matches:
    """Return the documents in whose title the stems of these words stand side by side."""
    matched = NO_DOCS
    for language in LANGUAGES:
        texts = [stem(word.folded, language) for word in words]
        docs = intersection([snapshot.term(language, text).title_docs for text in texts])
        if len(texts) > 1 and len(docs):
            docs = _side_by_side(snapshot, language, "title", texts, docs)
        matched = np.union1d(matched, docs)
    return Matches(matched, None, snapshot.max_doc)


def _side_by_side(
    snapshot: Snapshot, kind: str, field: str, texts: Sequence[str], docs: DocIds
) -> DocIds:
    """Return the documents in which the terms follow each other in a field."""
    starts = snapshot.positions(kind, field, texts[0], docs)
    for step, text in enumerate(texts[1:], 1):
        if not len(starts):
            break
        behind = snapshot.positions(kind, field, text, docs) - step
        starts = starts[_in(starts, behind)]
    return docs[np.unique(starts >> 32)]


def intersection(sets: Iterable[DocIds]) -> DocIds:
    """Return the documents that are in all sets."""
    docs, *others = sorted(sets, key=len)
    for each in others:
        if not len(docs):
            break
        docs = docs[_in(docs, each)]
    return docs


def _in(these: NDArray[np.signedinteger], those: NDArray[np.signedinteger]) -> Mask:
    """Return which of `these` are among `those`; both ascend."""
    if not len(those):
        return np.zeros(len(these), np.bool_)
    at = those.searchsorted(these)
    at[at == len(those)] = 0
    found: Mask = those[at] == these
    return found


def neighbouring_pairs(placed: Sequence[tuple[int, Word]]) -> Iterable[tuple[int, int, WordPair]]:
    """Yield (position of a, position of b, pair) of words that stand near behind each other."""
    for (at, first), (then, second) in pairwise(placed):
        if 1 <= then - at <= MAX_GAP:
            yield at, then, (first.folded, second.folded, then - at)


def pair_weights(snapshot: Snapshot, pair: WordPair) -> list[float]:
    """Return the weight of a pair in each language."""
    return snapshot.cached(("pair weights", pair[0], pair[1]), partial(_weights, snapshot, pair))


def _weights(snapshot: Snapshot, pair: WordPair) -> list[float]:
    first, second = map(snapshot.stems, pair[:2])
    return [min(first[each].weight, second[each].weight) for each in LANGUAGES]


def add_pair_scores(
    snapshot: Snapshot,
    scores: Floats,
    docs: DocIds,
    near: NDArray[np.int64],
    pair: WordPair,
    weights: Sequence[float],
) -> None:
    """Add the part of a pair to the scores of the documents at the places `near` of `docs`."""
    for language, weight in zip(LANGUAGES, weights, strict=True):
        if not weight:
            continue
        found, p = _pair_frequencies(snapshot, language, pair, docs[near])
        if len(found):
            scores[near[found]] += (PHRASE * weight * (p / (p + 1))).astype(np.float32)


class PairOccurrences:
    """The documents in which a pair stands, ascending, and p in each; None: too many to count."""

    __slots__ = ("docs", "freqs")

    def __init__(self, docs: DocIds | None, freqs: NDArray[np.int64]) -> None:
        self.docs, self.freqs = docs, freqs

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECT_OVERHEAD + 12 * len(self.freqs)


def _pair_frequencies(
    snapshot: Snapshot, language: str, pair: WordPair, docs: DocIds
) -> PairFrequencies:
    """Return the places in `docs` of the documents that have the stems of a pair, and p of each."""
    key = "pair", language, *pair
    found: PairOccurrences = snapshot.cached(key, lambda: _count_all(snapshot, language, pair))
    if found.docs is None:
        texts = [stem(word, language) for word in pair[:2]]
        return _count(snapshot, language, texts, pair[2], docs)
    if not len(found.docs):
        return NO_FREQUENCIES
    at = found.docs.searchsorted(docs)
    at[at == len(found.docs)] = 0
    places = np.flatnonzero(found.docs[at] == docs)
    return places, found.freqs[at[places]]


def _count_all(snapshot: Snapshot, language: str, pair: WordPair) -> PairOccurrences:
    texts = [stem(word, language) for word in pair[:2]]
    terms = [snapshot.term(language, text) for text in texts]
    if min(term.df for term in terms) > MAX_COUNTED_DOCS:
        return PairOccurrences(None, NO_FREQUENCIES[1])
    both = intersection([term.docs for term in terms])
    places, freqs = _count(snapshot, language, texts, pair[2], both)
    return PairOccurrences(both[places], freqs)


def _count(
    snapshot: Snapshot, language: str, texts: Sequence[str], gap: int, docs: DocIds
) -> PairFrequencies:
    freqs = np.zeros(len(docs), np.int64)
    for field in FIELDS:
        before = snapshot.positions(language, field, texts[0], docs)
        if not len(before):
            continue
        behind = snapshot.positions(language, field, texts[1], docs) - gap
        if not len(behind):
            continue
        at = before.searchsorted(behind)
        at[at == len(before)] = 0
        met = behind[before[at] == behind] >> 32
        if len(met):
            freqs += np.bincount(met, minlength=len(docs))
    places = np.flatnonzero(freqs)
    return places, freqs[places]
