"""Neighbours: how often a word stands so many places behind another, by document."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.matching import in_all
from psgflask.search.engine.snapshot import SIDES, Snapshot
from psgflask.search.engine.terms import Docs
from psgflask.search.language import stem

# Up to so many documents with the rarer word a pair is counted in all of them, and kept.
MOST = 4_000

Pair = tuple[str, str, int]  # folded words; the second stands so many places behind
Times = tuple[NDArray[np.int64], NDArray[np.int64]]
NONE: Times = (np.zeros(0, np.int64), np.zeros(0, np.int64))


class Kept:
    """Where a pair stands: documents ascending, and how often in each; None: too many to count."""

    __slots__ = ("docs", "times")

    def __init__(self, docs: Docs | None, times: NDArray[np.int64]) -> None:
        self.docs, self.times = docs, times

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 300 + 12 * len(self.times)


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
