"""Neighbours: the part of the recipe for words that stand as far apart as typed.

    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)

Ordered pairs are Metzler & Croft's (2005); p = times b stands exactly as far behind a as typed.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search.engine.snapshot import SIDES, Snapshot
from psgflask.search.engine.terms import Docs, Floats
from psgflask.search.language import Word, stem

PHRASE = 0.2
WIDEST_GAP = 3

Pair = tuple[Word, Word, int]  # b stands so many places behind a


def pairs_of(placed: Sequence[tuple[int, Word]]) -> Iterable[tuple[int, int, Pair]]:
    """Yield (place of a, place of b, pair) of the words that stand near behind each other."""
    for (at, first), (then, second) in pairwise(placed):
        if 1 <= then - at <= WIDEST_GAP:
            yield at, then, (Word(first.folded, ""), Word(second.folded, ""), then - at)


def weights(snapshot: Snapshot, pair: Pair) -> list[float]:
    """Return the weight of a pair in each language."""
    first, second = (snapshot.stems(word.folded) for word in pair[:2])
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
        texts = [stem(word.folded, language) for word in pair[:2]]
        near = near if len(near) < len(docs) else np.arange(len(docs))
        times = np.zeros(len(near), np.int64)
        for side in SIDES:
            before = snapshot.places(language, side, texts[0], docs[near])
            if not len(before):
                continue
            behind = snapshot.places(language, side, texts[1], docs[near]) - pair[2]
            if not len(behind):
                continue
            at = before.searchsorted(behind)
            at[at == len(before)] = 0
            met = behind[before[at] == behind] >> 32
            if len(met):
                times += np.bincount(met, minlength=len(near))
        p = np.flatnonzero(times)
        if len(p):
            scores[near[p]] += (PHRASE * weight * times[p] / (times[p] + 1)).astype(np.float32)
