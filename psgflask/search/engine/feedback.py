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
from psgflask.search.index.forward import PAIR

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
    weights = snapshot.stem_weights
    read = int(lengths[:READ].sum())
    ranks = 1 / np.arange(1, min(READ, len(docs)) + 1)
    share = np.repeat(ranks / ranks.sum(), lengths[:READ])
    found, at = np.unique(terms[:read], return_inverse=True)
    e = np.bincount(at, weights=share * parts[:read], minlength=len(found)) * weights[found]
    counts = snapshot.stem_counts[found]
    e[(counts < 2) | (counts > max(snapshot.count / 4, 5))] = 0.0
    chosen = _greatest(snapshot, found, e)
    if not len(chosen):
        return np.zeros(len(docs))
    wanted = found[chosen]
    v = SHARE * sure * e[chosen] / e[chosen].sum() * weights[wanted]
    # By number of the stem; as wide as there are stems, so it is kept and left as it was found.
    by_stem = snapshot.scratch("stems", len(weights), np.float64)
    by_stem[wanted] = v
    shares = by_stem[terms] * parts
    by_stem[wanted] = 0.0
    whose = np.arange(len(docs)).repeat(lengths)
    return np.bincount(whose, weights=shares, minlength=len(docs)).astype(np.float64)


def _terms(snapshot: Snapshot, docs: Docs) -> tuple[Ints, Numbers, Ints]:
    """Return the stems of documents, one after the other, their x/(x+K), and how many each has.

    Spanish stems are numbered after the English ones.
    """
    first, second = (snapshot.all_stems[kind] for kind in LANGUAGES)
    whole = []
    for index, own in snapshot.place_of(docs):
        whole.append((snapshot.segments[index], snapshot.segments[index].packed_pairs(own)))
    lengths = np.array([len(packed) for _segment, packed in whole], np.int64) // PAIR.itemsize
    pairs = np.frombuffer(b"".join(packed for _segment, packed in whole), PAIR)
    numbers = pairs["term"].astype(np.int64)
    spanish = snapshot.language[docs] > 0
    if len(snapshot.segments) > 1:
        ends = lengths.cumsum().tolist()
        for (segment, _packed), begin, end, is_second in zip(
            whole, [0, *ends[:-1]], ends, spanish.tolist(), strict=True
        ):
            numbers[begin:end] = (second if is_second else first).of(segment, numbers[begin:end])
    numbers += (spanish * len(first.n)).repeat(lengths)
    x = pairs["x"].astype(np.float64)
    return numbers, x / (x + snapshot.k[docs].astype(np.float64).repeat(lengths)), lengths


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
        by_name = sorted(tied.tolist(), key=lambda at: _name(snapshot, int(found[at])))
        tied = np.array(by_name[:room])
    return np.concatenate((sure, tied))


def _name(snapshot: Snapshot, number: int) -> tuple[int, bytes]:
    english = len(snapshot.all_stems[LANGUAGES[0]].n)
    spanish = number >= english
    stems = snapshot.all_stems[LANGUAGES[spanish]]
    return int(spanish), stems.text(number - english if spanish else number)
