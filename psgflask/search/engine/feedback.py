"""Feedback: what the ten best have in common lifts those of the fifty best that share it.

    e(t) = w(t) sum_r p_r x/(x+K)      over the ten best, p_r = (1/r) / sum 1/r,
                                       for terms with 2 <= n <= max(N/4, 5)
    v(t) = 0.3 * (sum of q over words in the index) * e(t) / (sum of the 30 greatest)
    Z(d) = sum v(t) w(t) x/(x+K)

Sources: Rocchio 1971; Lavrenko & Croft 2001.
"""

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.stems import Forward
from psgflask.search.engine.terms import Docs

READ, RERANKED, TERMS = 10, 50, 30
SHARE = 0.3
# Terms as good as this are alike: which of them is greater is a matter of rounding.
DIGITS = 9
ALIKE = 10.0 ** (1 - DIGITS)
# p_r of so many documents.
_BY_RANK = [(1 / np.arange(1, n + 1)) / (1 / np.arange(1, n + 1)).sum() for n in range(READ + 1)]

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def more(snapshot: Snapshot, docs: Docs, sure: float) -> Numbers:
    """Return Z of each document, best first, hint and recency apart.

    `sure` is the sum of q over the words of the query that the index has.
    """
    count = snapshot.forward.count
    # By number of the stem; as wide as there are stems, so they are kept and left as found.
    with (
        snapshot.scratch("stems", count, np.float64) as by_stem,
        snapshot.scratch("wanted", count, np.bool_) as is_wanted,
    ):
        return _more(snapshot.forward, docs, sure, by_stem, is_wanted)


def _more(forward: Forward, docs: Docs, sure: float, by_stem: Numbers, is_wanted: Mask) -> Numbers:
    stems, parts, lengths = forward.shares(docs)
    lengths_read = lengths[:READ]
    read = int(lengths_read.sum())
    best = stems[:read].astype(np.int64)
    np.add.at(by_stem, best, parts[:read] * _BY_RANK[len(lengths_read)].repeat(lengths_read))
    e = by_stem.take(best)
    # Of each stem one place: the last that wrote its own number there.
    places = np.arange(read)
    by_stem[best] = places
    once = (by_stem.take(best) == places).nonzero()[0]
    by_stem[best] = 0.0
    found, e = best.take(once), e.take(once)
    chosen = _greatest(forward, found, e)
    if not len(chosen):
        return np.zeros(len(docs))
    wanted, v = found.take(chosen), e.take(chosen)
    v *= SHARE * sure / v.sum()
    by_stem[wanted] = v
    # Few of all stems are wanted: a narrow vector tells which, and lies nearer than a wide one.
    is_wanted[wanted] = True
    at = is_wanted.take(stems).nonzero()[0]
    gains = by_stem.take(stems.take(at)) * parts.take(at)
    is_wanted[wanted] = False
    by_stem[wanted] = 0.0
    which = lengths.cumsum().searchsorted(at, "right")
    return np.bincount(which, gains, len(docs)).astype(np.float64, copy=False)


def _greatest(forward: Forward, found: Ints, e: Numbers) -> Ints:
    """Return the places of the greatest, all of which are above 0; of equal ones by name."""
    last = len(e) - TERMS
    if last <= 0:
        return np.arange(len(e))
    ordered = e.copy()
    ordered.partition(last)
    sure: Ints = (e > ordered[last] * (1 - ALIKE)).nonzero()[0]
    if len(sure) == TERMS:
        return sure
    level = np.round(e / e.max(), DIGITS)
    border = np.partition(level, last)[last]
    sure, tied = np.flatnonzero(level > border), np.flatnonzero(level == border)
    room = TERMS - len(sure)
    if len(tied) > room:
        by_name = sorted(tied.tolist(), key=lambda at: forward.name(int(found[at])))
        tied = np.array(by_name[:room])
    return np.concatenate((sure, tied))
