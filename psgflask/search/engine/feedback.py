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

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]


def more(snapshot: Snapshot, docs: Docs, sure: float) -> Numbers:
    """Return Z of each document, best first, hint and recency apart.

    `sure` is the sum of q over the words of the query that the index has.
    """
    forward = snapshot.forward
    own = forward.shares(docs.tolist())
    lengths = np.array([each.shape[1] for each in own])
    terms, parts = forward.apart(np.concatenate(own, axis=1))
    read = int(lengths[:READ].sum())
    ranks = 1 / np.arange(1, min(READ, len(docs)) + 1)
    # By number of the stem; as wide as there are stems, so it is kept and left as it was found.
    by_stem = snapshot.scratch("stems", len(forward.weights), np.float64)
    best = terms[:read]
    np.add.at(by_stem, best, np.repeat(ranks / ranks.sum(), lengths[:READ]) * parts[:read])
    e = by_stem.take(best) * forward.weights.take(best)
    # Of each stem one place: the last that wrote its own number there.
    places = np.arange(len(best))
    by_stem[best] = places
    once = np.flatnonzero(by_stem.take(best) == places)
    by_stem[best] = 0.0
    found, e = best[once], e[once]
    chosen = _greatest(forward, found, e)
    if not len(chosen):
        return np.zeros(len(docs))
    wanted = found[chosen]
    by_stem[wanted] = SHARE * sure * e[chosen] / e[chosen].sum() * forward.weights[wanted]
    gains = by_stem.take(terms)
    gains *= parts
    by_stem[wanted] = 0.0
    begins = lengths.cumsum() - lengths
    if lengths.all():
        z: Numbers = np.add.reduceat(gains, begins)
    else:  # where a document has no stems this sums what is another's
        z = np.add.reduceat(np.append(gains, 0.0), begins) * (lengths > 0)
    return z


def _greatest(forward: Forward, found: Ints, e: Numbers) -> Ints:
    """Return the places of the greatest, all of which are above 0; of equal ones by name."""
    last = len(e) - TERMS
    if last <= 0:
        return np.arange(len(e))
    least = np.partition(e, last)[last]
    sure: Ints = np.flatnonzero(e > least * (1 - ALIKE))
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
