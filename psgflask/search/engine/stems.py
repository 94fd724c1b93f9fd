"""The stems of all documents and their weights over all segments of the index, for feedback."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.terms import Docs, Floats
from psgflask.search.index.forward import MOST_REPEATED, PAIR

MOST_KEPT = 1_250_000  # stems of documents that are kept, 8 bytes each: of 9,000 articles or so
# RELEVANCE: terms of feedback are those with 2 <= n <= max(N/4, 5).
LEAST, FEW = 2, 5

Ints = NDArray[np.int64]
# Two rows: stems, and what each counts, as bits of 32-bit floats. In one array, since there are
# many to be joined, and narrow, since reading them takes longer than summing. What is the same in
# two documents is the same still, so terms that are equally good stay so.
Shares = NDArray[np.int32]


class Stems:
    """The stems of one language in all segments, under one number each.

    The stems of the largest segment have the numbers of their places in it, the others follow.
    """

    def __init__(self, kind: str, segments: list[Segment], dead: list[Ints]) -> None:
        self.kind = kind
        self.base = max(segments, key=lambda each: each.count, default=None)
        self.others: dict[bytes, int] = {}
        self.numbers: dict[str, Ints] = {}
        n, f = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        if self.base is not None:
            own = self.base.lexicons[kind]
            n, f = [own.n], [own.f]
            self.known = len(own.n)
        for each in segments:
            if each is not self.base:
                self.numbers[each.name] = self._numbers_in(each)
        n.append(np.zeros(len(self.others), np.int64))
        f.append(np.zeros(len(self.others), np.int64))
        self.n, self.f = np.concatenate(n), np.concatenate(f)
        for each, gone in zip(segments, dead, strict=True):
            if each is not self.base:
                own = each.lexicons[kind]
                self.n[self.numbers[each.name]] += own.n
                self.f[self.numbers[each.name]] += own.f
            self._without(each, gone)

    def of(self, segment: Segment, places: Ints) -> Ints:
        """Return the numbers of the stems at these places of a segment's lexicon."""
        return places if segment is self.base else self.numbers[segment.name][places]

    def text(self, number: int) -> bytes:
        """Return the stem of a number."""
        if self.base is not None and number < self.known:
            return self.base.term(self.kind, number)
        return list(self.others)[number - self.known]

    def let_go(self) -> None:
        """Forget what is needed no more once the stems are weighed."""
        self.n = self.f = np.zeros(0, np.int64)

    def _numbers_in(self, segment: Segment) -> Ints:
        assert self.base is not None  # noqa: S101  # there is a larger one than this
        numbers = segment.places_in(self.base, self.kind).astype(np.int64)
        for place in np.flatnonzero(numbers < 0).tolist():
            text = segment.term(self.kind, place)
            numbers[place] = self.others.setdefault(text, self.known + len(self.others))
        return numbers

    def _without(self, segment: Segment, gone: Ints) -> None:
        """Count no longer what stands in deleted documents."""
        mine = gone[segment.columns.language[gone] == LANGUAGES.index(self.kind)]
        if not len(mine):
            return
        pairs = np.concatenate([segment.pairs(document) for document in mine.tolist()])
        places = self.of(segment, pairs["term"].astype(np.int64))
        count = len(self.n)
        self.n -= np.bincount(places, minlength=count)
        repeated = np.minimum(pairs["x"], MOST_REPEATED)
        self.f -= np.bincount(places, repeated, minlength=count).astype(np.int64)

    def weights(self, documents: int) -> NDArray[np.float64]:
        """Return w of every stem."""
        n = np.maximum(self.n, 1)
        rarity = np.log(1 + (documents - self.n + 0.5) / (self.n + 0.5))
        return np.where(self.n > 0, np.sqrt((self.f + 1) / n) * rarity, 0.0)


class Forward:
    """The telling stems of each document: those neither too rare nor too common to be shared.

    They are numbered from the commonest to the rarest, so that what is looked up most lies
    together in memory; `count` says how many there are.
    """

    def __init__(
        self,
        parts: Sequence[tuple[Segment, Ints, int]],
        language: Ints,
        k: NDArray[np.float32],
        documents: int,
    ) -> None:
        """Take segments with the documents deleted from each and the number of its first."""
        self._segments = [segment for segment, _dead, _base in parts]
        self._bases = [base for _segment, _dead, base in parts]
        self._language, self._k = language, k
        dead = [gone for _segment, gone, _base in parts]
        self._stems = [Stems(kind, self._segments, dead) for kind in LANGUAGES]
        # Where the stems of each language begin among all, the English ones before the Spanish.
        self._starts = np.cumsum([0, *(len(each.n) for each in self._stems)]).tolist()
        n = np.concatenate([each.n for each in self._stems])
        telling = np.flatnonzero((n >= LEAST) & (n <= max(documents / 4, FEW)))
        # NumPy sorts 16-bit numbers in a tenth of the time; beyond that all are common.
        rarity = np.iinfo(np.uint16).max - np.minimum(n[telling], np.iinfo(np.uint16).max)
        self._telling = telling[rarity.astype(np.uint16).argsort(kind="stable")]
        self._numbers = np.full(len(n), -1, np.int32)
        self._numbers[self._telling] = np.arange(len(telling))
        weights = np.concatenate([each.weights(documents) for each in self._stems])
        self._weights = weights[self._telling]
        self.count = len(self._telling)
        for each in self._stems:
            each.let_go()
        self._kept: dict[int, Shares] = {}
        self._size = 0  # stems in all of these
        self._lengths = np.zeros(len(language), np.int32)  # of those that are or were kept

    def shares(self, docs: Docs) -> tuple[Docs, Floats, Docs]:
        """Return the telling stems of documents, one document after the other.

        With each stem w(t) x/(x+K), and of each document how many stems it has. Raises IndexBroken.
        """
        numbers = docs.tolist()
        kept = self._kept
        try:
            own = [kept[number] for number in numbers]
        except KeyError:
            if self._size > MOST_KEPT:
                kept, self._size = {}, 0
                self._kept = kept
            lacking = [number for number in numbers if number not in kept]
            for number, shares in self._read(lacking):
                kept[number] = shares
                self._size += shares.shape[1]
            own = [kept[number] for number in numbers]
        joined = np.concatenate(own, axis=1)
        return joined[0], joined[1].view(np.float32), self._lengths.take(docs)

    def name(self, stem: int) -> tuple[int, bytes]:
        """Return the place of a stem's language and its text."""
        number = int(self._telling[stem])
        spoken = bisect_right(self._starts, number) - 1
        return spoken, self._stems[spoken].text(number - self._starts[spoken])

    def _read(self, numbers: Sequence[int]) -> Iterator[tuple[int, Shares]]:
        """Yield documents with their shares: those of a segment and a language at once."""
        groups: dict[tuple[int, int], list[int]] = {}
        for number in numbers:
            index = bisect_right(self._bases, number) - 1
            groups.setdefault((index, int(self._language[number])), []).append(number)
        for (index, spoken), own in groups.items():
            segment, base = self._segments[index], self._bases[index]
            packed = [segment.packed_pairs(number - base) for number in own]
            lengths = [len(each) // PAIR.itemsize for each in packed]
            pairs = np.frombuffer(b"".join(packed), PAIR)
            places = self._stems[spoken].of(segment, pairs["term"].astype(np.int64))
            stems = self._numbers[places + self._starts[spoken]]
            x = pairs["x"].astype(np.float64)
            shares = x / (x + np.repeat(self._k[own].astype(np.float64), lengths))
            telling = np.flatnonzero(stems >= 0)
            stems, shares = stems[telling], shares[telling]
            shares *= self._weights[stems]
            both = np.stack((stems, shares.astype(np.float32).view(np.int32)))
            edges = [0, *telling.searchsorted(np.cumsum(lengths)).tolist()]
            self._lengths[own] = np.diff(edges)
            for number, (begin, end) in zip(own, pairwise(edges), strict=True):
                yield number, both[:, begin:end].copy()
