"""Feedback: what the ten best have in common lifts those of the fifty best that share it.

    e(t) = w(t) sum_r p_r tf/(tf+K)    over the ten best, p_r = (1/r) / sum 1/r,
                                       for terms with 2 <= df <= max(N/4, 5)
    v(t) = 0.3 * (sum of q over words in the index) * e(t) / (sum of the 30 greatest)
    Z(d) = sum v(t) w(t) tf/(tf+K)

N is the number of live documents. Terms are the stems of the forward index.

Sources: Rocchio 1971; Lavrenko & Croft 2001.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.segments import DocIds, Floats, Mask, Segment
from psgflask.search.index.forward import MAX_REPEATED, PAIR

READ, RERANKED, TERMS = 10, 50, 30
SHARE = 0.3
# Terms as good as this are equal: which of them is greater is a matter of rounding.
DIGITS = 9
TOLERANCE = 10.0 ** (1 - DIGITS)
# p_r of so many documents.
_BY_RANK = [(1 / np.arange(1, n + 1)) / (1 / np.arange(1, n + 1)).sum() for n in range(READ + 1)]
MAX_CACHED = 1_250_000  # stems of documents, 8 bytes each: of 9,000 articles or so
MIN_DF, MIN_MAX_DF = 2, 5  # 2 <= df <= max(N/4, 5)

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]
# Two rows: stems, and the weight of each as the bits of 32-bit floats. In one array, since many are
# concatenated, and narrow, since reading them takes longer than summing. Equal weights in two
# documents stay equal, so terms that are equally good stay so.
StemWeights = NDArray[np.int32]


class StemStatistics:
    """The stems of one language in all segments, under one number each.

    The stems of the largest segment have their ordinals there as numbers, the others follow.
    """

    def __init__(self, kind: str, segments: list[Segment], deleted: list[Ints]) -> None:
        self.kind = kind
        self.base = max(segments, key=lambda each: each.max_doc, default=None)
        self.others: dict[bytes, int] = {}
        self.numbers: dict[str, Ints] = {}
        n, f = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        if self.base is not None:
            own = self.base.lexicons[kind]
            n, f = [own.n], [own.f]
            self.in_base = len(own.n)
        for each in segments:
            if each is not self.base:
                self.numbers[each.name] = self._numbers_in(each)
        n.append(np.zeros(len(self.others), np.int64))
        f.append(np.zeros(len(self.others), np.int64))
        self.n, self.f = np.concatenate(n), np.concatenate(f)
        for each, gone in zip(segments, deleted, strict=True):
            if each is not self.base:
                own = each.lexicons[kind]
                self.n[self.numbers[each.name]] += own.n
                self.f[self.numbers[each.name]] += own.f
            self._subtract(each, gone)

    def of(self, segment: Segment, ordinals: Ints) -> Ints:
        """Return the numbers of the stems at these ordinals of a segment's lexicon."""
        return ordinals if segment is self.base else self.numbers[segment.name][ordinals]

    def text(self, number: int) -> bytes:
        """Return the stem of a number."""
        if self.base is not None and number < self.in_base:
            return self.base.term(self.kind, number)
        return list(self.others)[number - self.in_base]

    def release(self) -> None:
        """Free the statistics, which only `weights` needs."""
        self.n = self.f = np.zeros(0, np.int64)

    def _numbers_in(self, segment: Segment) -> Ints:
        assert self.base is not None  # noqa: S101  # there is a larger one than this
        numbers = segment.ordinals_in(self.base, self.kind).astype(np.int64)
        for ordinal in np.flatnonzero(numbers < 0).tolist():
            text = segment.term(self.kind, ordinal)
            numbers[ordinal] = self.others.setdefault(text, self.in_base + len(self.others))
        return numbers

    def _subtract(self, segment: Segment, deleted: Ints) -> None:
        """Subtract what deleted documents count."""
        mine = deleted[segment.columns.language[deleted] == LANGUAGES.index(self.kind)]
        if not len(mine):
            return
        pairs = np.concatenate([segment.pairs(doc) for doc in mine.tolist()])
        numbers = self.of(segment, pairs["term"].astype(np.int64))
        count = len(self.n)
        self.n -= np.bincount(numbers, minlength=count)
        bursts = np.minimum(pairs["x"], MAX_REPEATED)
        self.f -= np.bincount(numbers, bursts, minlength=count).astype(np.int64)

    def weights(self, num_docs: int) -> NDArray[np.float64]:
        """Return w of every stem."""
        n = np.maximum(self.n, 1)
        idf = np.log(1 + (num_docs - self.n + 0.5) / (self.n + 0.5))
        return np.where(self.n > 0, np.sqrt((self.f + 1) / n) * idf, 0.0)


class ForwardIndex:
    """The stems of each document that feedback can use: neither too rare nor too common.

    They are numbered from the commonest to the rarest, so that what is looked up most lies
    together in memory; `count` is how many there are.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Segment, Ints, int]],
        language: Ints,
        length_norms: Floats,
        num_docs: int,
    ) -> None:
        """Take segments, each with its deleted documents and its first document id."""
        self._segments = [segment for segment, _deleted, _base in parts]
        self._doc_bases = [base for _segment, _deleted, base in parts]
        self._language, self._length_norms = language, length_norms
        deleted = [gone for _segment, gone, _base in parts]
        self._stems = [StemStatistics(kind, self._segments, deleted) for kind in LANGUAGES]
        # Where the stems of each language begin among all, the English ones before the Spanish.
        self._starts = np.cumsum([0, *(len(each.n) for each in self._stems)]).tolist()
        n = np.concatenate([each.n for each in self._stems])
        usable = np.flatnonzero((n >= MIN_DF) & (n <= max(num_docs / 4, MIN_MAX_DF)))
        # NumPy sorts 16-bit numbers in a tenth of the time; beyond that all are common.
        rarity = np.iinfo(np.uint16).max - np.minimum(n[usable], np.iinfo(np.uint16).max)
        self._usable = usable[rarity.astype(np.uint16).argsort(kind="stable")]
        self._numbers = np.full(len(n), -1, np.int32)
        self._numbers[self._usable] = np.arange(len(usable))
        weights = np.concatenate([each.weights(num_docs) for each in self._stems])
        self._weights = weights[self._usable]
        self.count = len(self._usable)
        for each in self._stems:
            each.release()
        self._cached: dict[int, StemWeights] = {}
        self._size = 0  # stems in all of these
        self._lengths = np.zeros(len(language), np.int32)  # of those that are or were cached

    def stem_weights(self, docs: DocIds) -> tuple[DocIds, Floats, DocIds]:
        """Return the stems of documents, one document after the other.

        With each stem w(t) tf/(tf+K), and for each document how many stems it has. Raises
        IndexBroken.
        """
        ids = docs.tolist()
        cached = self._cached
        try:
            own = [cached[doc] for doc in ids]
        except KeyError:
            if self._size > MAX_CACHED:
                cached, self._size = {}, 0
                self._cached = cached
            missing = [doc for doc in ids if doc not in cached]
            for doc, weights in self._read(missing):
                cached[doc] = weights
                self._size += weights.shape[1]
            own = [cached[doc] for doc in ids]
        joined = np.concatenate(own, axis=1)
        return joined[0], joined[1].view(np.float32), self._lengths.take(docs)

    def name(self, stem: int) -> tuple[int, bytes]:
        """Return the index of a stem's language and its text."""
        number = int(self._usable[stem])
        language = bisect_right(self._starts, number) - 1
        return language, self._stems[language].text(number - self._starts[language])

    def _read(self, docs: Sequence[int]) -> Iterator[tuple[int, StemWeights]]:
        """Yield documents with their stems: those of a segment and a language at once."""
        groups: dict[tuple[int, int], list[int]] = {}
        for doc in docs:
            index = bisect_right(self._doc_bases, doc) - 1
            groups.setdefault((index, int(self._language[doc])), []).append(doc)
        for (index, language), own in groups.items():
            segment, base = self._segments[index], self._doc_bases[index]
            packed = [segment.packed_pairs(doc - base) for doc in own]
            lengths = [len(each) // PAIR.itemsize for each in packed]
            pairs = np.frombuffer(b"".join(packed), PAIR)
            numbers = self._stems[language].of(segment, pairs["term"].astype(np.int64))
            stems = self._numbers[numbers + self._starts[language]]
            tf = pairs["x"].astype(np.float64)
            weights = tf / (tf + np.repeat(self._length_norms[own].astype(np.float64), lengths))
            usable = np.flatnonzero(stems >= 0)
            stems, weights = stems[usable], weights[usable]
            weights *= self._weights[stems]
            both = np.stack((stems, weights.astype(np.float32).view(np.int32)))
            edges = [0, *usable.searchsorted(np.cumsum(lengths)).tolist()]
            self._lengths[own] = np.diff(edges)
            for doc, (begin, end) in zip(own, pairwise(edges), strict=True):
                yield doc, both[:, begin:end].copy()


def gains(
    forward: ForwardIndex, docs: DocIds, known_words: float, by_stem: Numbers, is_wanted: Mask
) -> Numbers:
    """Return Z of each document, best first, without hint and recency.

    `known_words` is the sum of q over the words of the query that the index has. `by_stem` and
    `is_wanted` are zeros for each stem; they are left so.
    """
    stems, weights, lengths = forward.stem_weights(docs)
    lengths_read = lengths[:READ]
    read = int(lengths_read.sum())
    best = stems[:read].astype(np.int64)
    np.add.at(by_stem, best, weights[:read] * _BY_RANK[len(lengths_read)].repeat(lengths_read))
    e = by_stem.take(best)
    # One place of each stem: the last that wrote its own number there.
    places = np.arange(read)
    by_stem[best] = places
    once = (by_stem.take(best) == places).nonzero()[0]
    by_stem[best] = 0.0
    found, e = best.take(once), e.take(once)
    chosen = _greatest(forward, found, e)
    if not len(chosen):
        return np.zeros(len(docs))
    wanted, v = found.take(chosen), e.take(chosen)
    v *= SHARE * known_words / v.sum()
    by_stem[wanted] = v
    # Few of all stems are wanted: a narrow vector says which, and is read faster than a wide one.
    is_wanted[wanted] = True
    at = is_wanted.take(stems).nonzero()[0]
    lifts = by_stem.take(stems.take(at)) * weights.take(at)
    is_wanted[wanted] = False
    by_stem[wanted] = 0.0
    which = lengths.cumsum().searchsorted(at, "right")
    return np.bincount(which, lifts, len(docs)).astype(np.float64, copy=False)


def _greatest(forward: ForwardIndex, found: Ints, e: Numbers) -> Ints:
    """Return the places of the greatest, all of which are above 0; ties by name."""
    last = len(e) - TERMS
    if last <= 0:
        return np.arange(len(e))
    ordered = e.copy()
    ordered.partition(last)
    sure: Ints = (e > ordered[last] * (1 - TOLERANCE)).nonzero()[0]
    if len(sure) == TERMS:
        return sure
    level = np.round(e / e.max(), DIGITS)
    border = np.partition(level, last)[last]
    sure, tied = np.flatnonzero(level > border), np.flatnonzero(level == border)
    left = TERMS - len(sure)
    if len(tied) > left:
        by_name = sorted(tied.tolist(), key=lambda at: forward.name(int(found[at])))
        tied = np.array(by_name[:left])
    return np.concatenate((sure, tied))
