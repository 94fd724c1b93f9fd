"""Feedback: what the ten best have in common lifts those of the fifty best that share it.

    e(t) = w(t) sum_r p_r x/(x+K)      over the ten best, p_r = (1/r) / sum 1/r,
                                       for terms with 2 <= n <= max(N/4, 5)
    v(t) = 0.3 * (sum of q over words in the index) * e(t) / (sum of the 30 greatest)
    Z(d) = sum v(t) w(t) x/(x+K)

Sources: Rocchio 1971; Lavrenko & Croft 2001.
"""

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs

READ, RERANKED, TERMS = 10, 50, 30
SHARE = 0.3
# Terms as good as this are alike: which of them is greater is a matter of rounding.
DIGITS = 9

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]


def more(snapshot: Snapshot, docs: Docs, sure: float) -> Numbers:
    """Return Z of each document, best first, hint and recency apart.

    `sure` is the sum of q over the words of the query that the index has.
    """
    terms, parts, lengths = _terms(snapshot, docs)
    weights = np.concatenate([snapshot.stem_weights[kind] for kind in LANGUAGES])
    read = int(lengths[:READ].sum())
    ranks = 1 / np.arange(1, min(READ, len(docs)) + 1)
    share = np.repeat(ranks / ranks.sum(), lengths[:READ])
    found, at = np.unique(terms[:read], return_inverse=True)
    e = np.bincount(at, weights=share * parts[:read], minlength=len(found)) * weights[found]
    counts = np.concatenate([snapshot.all_stems[kind].n for kind in LANGUAGES])[found]
    e[(counts < 2) | (counts > max(snapshot.count / 4, 5))] = 0.0
    chosen = _greatest(snapshot, found, e)
    z = np.zeros(len(docs))
    if not len(chosen):
        return z
    v = np.zeros(len(found))
    v[chosen] = SHARE * sure * e[chosen] / e[chosen].sum()
    v *= weights[found]
    place = np.searchsorted(found, terms)
    place[place == len(found)] = 0
    shares = np.where(found[place] == terms, v[place], 0.0) * parts
    return np.bincount(np.repeat(np.arange(len(docs)), lengths), weights=shares, minlength=len(docs))


def _terms(snapshot: Snapshot, docs: Docs) -> tuple[Ints, Numbers, Ints]:
    """Return the stems of documents, one after the other, their x/(x+K), and how many each has.

    Spanish stems are numbered after the English ones.
    """
    first, second = (snapshot.all_stems[kind] for kind in LANGUAGES)
    numbers, times = [], []
    for (index, own), doc in zip(snapshot.place_of(docs.tolist()), docs.tolist(), strict=True):
        segment = snapshot.segments[index]
        pairs = segment.pairs(own)
        spanish = int(snapshot.language[doc])
        stems = second if spanish else first
        of = stems.of(segment, pairs["term"].astype(np.int64))
        numbers.append(of + len(first.n) if spanish else of)
        times.append(pairs["x"])
    lengths = np.array([len(each) for each in numbers], np.int64)
    x = np.concatenate(times).astype(np.float64)
    k = np.repeat(snapshot.k[docs].astype(np.float64), lengths)
    return np.concatenate(numbers), x / (x + k), lengths


def _greatest(snapshot: Snapshot, found: Ints, e: Numbers) -> Ints:
    """Return the places of the greatest that are above nothing; of equal ones the first by name."""
    some = np.flatnonzero(e > 0)
    if len(some) <= TERMS:
        return some
    level = np.round(e[some] / e.max(), DIGITS)
    last = np.partition(level, len(level) - TERMS)[len(level) - TERMS]
    sure, tied = some[level > last], some[level == last]
    room = TERMS - len(sure)
    if len(tied) > room:
        tied = np.array(sorted(tied.tolist(), key=lambda at: _name(snapshot, int(found[at]))))[:room]
    return np.concatenate((sure, tied))


def _name(snapshot: Snapshot, number: int) -> tuple[int, bytes]:
    english = len(snapshot.all_stems[LANGUAGES[0]].n)
    spanish = number >= english
    stems = snapshot.all_stems[LANGUAGES[spanish]]
    return int(spanish), stems.text(number - english if spanish else number)
