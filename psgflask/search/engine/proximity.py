"""Neighbours: the part of the recipe for words that stand as far apart as typed.

    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)

Ordered pairs are Metzler & Croft's (2005); p = times b stands exactly as far behind a as typed.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.matching import in_all
from psgflask.search.engine.snapshot import SIDES, Snapshot
from psgflask.search.engine.terms import OBJECTS, Docs, Floats
from psgflask.search.language import Word, stem

PHRASE = 0.2
WIDEST_GAP = 3
# Up to so many documents with the rarer word a pair is counted in all of them, and kept.
MOST = 4_000

Pair = tuple[str, str, int]  # folded words; the second stands so many places behind
Times = tuple[NDArray[np.int64], NDArray[np.int64]]
NONE: Times = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def pairs_of(placed: Sequence[tuple[int, Word]]) -> Iterable[tuple[int, int, Pair]]:
    """Yield (place of a, place of b, pair) of the words that stand near behind each other."""
    for (at, first), (then, second) in pairwise(placed):
        if 1 <= then - at <= WIDEST_GAP:
            yield at, then, (first.folded, second.folded, then - at)


def weights(snapshot: Snapshot, pair: Pair) -> list[float]:
    """Return the weight of a pair in each language."""
    return snapshot.keep(("pair weights", pair[0], pair[1]), partial(_weigh, snapshot, pair))


def _weigh(snapshot: Snapshot, pair: Pair) -> list[float]:
    first, second = map(snapshot.stems, pair[:2])
    return [min(first[each].weight, second[each].weight) for each in LANGUAGES]


def add(
    snapshot: Snapshot,
    scores: Floats,
    docs: Docs,
    near: NDArray[np.int64],
    pair: Pair,
    weighed: Sequence[float],
) -> None:
    """Add the part of a pair to the scores of the documents at the places `near`."""
    for language, weight in zip(LANGUAGES, weighed, strict=True):
        if not weight:
            continue
        found, times = of(snapshot, language, pair, docs[near])
        if len(found):
            scores[near[found]] += (PHRASE * weight * (times / (times + 1))).astype(np.float32)


class Kept:
    """Where a pair stands: documents ascending, and how often in each; None: too many to count."""

    __slots__ = ("docs", "times")

    def __init__(self, docs: Docs | None, times: NDArray[np.int64]) -> None:
        self.docs, self.times = docs, times

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECTS + 12 * len(self.times)


def of(snapshot: Snapshot, language: str, pair: Pair, docs: Docs) -> Times:
    """Return the places in `docs` of those where the stems of a pair are neighbours, and p."""
    key = "pair", language, *pair
    kept: Kept = snapshot.keep(key, lambda: _counted_once(snapshot, language, pair))
    if kept.docs is None:
        texts = [stem(word, language) for word in pair[:2]]
        return _counted(snapshot, language, texts, pair[2], docs)
    if not len(kept.docs):
        return NONE
    at = kept.docs.searchsorted(docs)
    at[at == len(kept.docs)] = 0
    places = np.flatnonzero(kept.docs[at] == docs)
    return places, kept.times[at[places]]


def _counted_once(snapshot: Snapshot, language: str, pair: Pair) -> Kept:
    texts = [stem(word, language) for word in pair[:2]]
    terms = [snapshot.term(language, text) for text in texts]
    if min(term.n for term in terms) > MOST:
        return Kept(None, NONE[1])
    both = in_all([term.docs for term in terms])
    places, times = _counted(snapshot, language, texts, pair[2], both)
    return Kept(both[places], times)


def _counted(
    snapshot: Snapshot, language: str, texts: Sequence[str], gap: int, docs: Docs
) -> Times:
    times = np.zeros(len(docs), np.int64)
    for side in SIDES:
        before = snapshot.places(language, side, texts[0], docs)
        if not len(before):
            continue
        behind = snapshot.places(language, side, texts[1], docs) - gap
        if not len(behind):
            continue
        at = before.searchsorted(behind)
        at[at == len(before)] = 0
        met = behind[before[at] == behind] >> 32
        if len(met):
            times += np.bincount(met, minlength=len(docs))
    places = np.flatnonzero(times)
    return places, times[places]
