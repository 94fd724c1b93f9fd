"""One state of the index: its documents as columns, their statistics, and any term's postings.

Documents have numbers: those of each segment follow those of the one before. Deleted ones keep
their number, and are in nothing else: all that is counted is counted of live documents alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from psgflask.languages import LANGUAGES
from psgflask.search.engine import terms
from psgflask.search.engine.nearness import Neighbours
from psgflask.search.engine.protocol import IndexUnusable
from psgflask.search.engine.segments import Postings, Segment
from psgflask.search.engine.terms import Docs, Found, Term, idf
from psgflask.search.index.columns import EXACT, KINDS, MOST_REPEATED
from psgflask.search.language import fold, stem

# Bytes that are kept of the postings last used.
MOST_KEPT = 64_000_000
MOST_COUNTED = 1_000  # words whose documents are counted to find the commonest
MOST_NEAR = 50  # words whose neighbours are kept
UNIX = 719_163  # date(1970, 1, 1).toordinal()
SIDES = ("title", "body")

Read = TypeVar("Read")
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


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
            for document in gone:
                if LANGUAGES[int(each.columns.language[document])] == kind:
                    pairs = each.pairs(int(document))
                    places = self.of(each, pairs["term"].astype(np.int64))
                    self.n[places] -= 1
                    self.f[places] -= np.minimum(pairs["x"], MOST_REPEATED).astype(np.int64)

    def of(self, segment: Segment, places: Ints) -> Ints:
        """Return the numbers of the stems at these places of a segment's lexicon."""
        return places if segment is self.base else self.numbers[segment.name][places]

    def text(self, number: int) -> bytes:
        """Return the stem of a number."""
        if self.base is not None and number < self.known:
            return self.base.term(self.kind, number)
        return list(self.others)[number - self.known]

    def _numbers_in(self, segment: Segment) -> Ints:
        assert self.base is not None  # noqa: S101  # there is a larger one than this
        count = len(segment.lexicons[self.kind].n)
        numbers = np.zeros(count, np.int64)
        for place in range(count):
            text = segment.term(self.kind, place)
            number = self.base.find(self.kind, text)
            if number < 0:
                number = self.others.setdefault(text, self.known + len(self.others))
            numbers[place] = number
        return numbers

    def weights(self, documents: int) -> NDArray[np.float64]:
        """Return w of every stem."""
        n = np.maximum(self.n, 1)
        rarity = np.log(1 + (documents - self.n + 0.5) / (self.n + 0.5))
        return np.where(self.n > 0, np.sqrt((self.f + 1) / n) * rarity, 0.0)


class Snapshot:
    """The columns, statistics and postings of one state of the index.

    `parts` are its segments with the numbers of the documents deleted from each. Raises
    IndexUnusable whenever the index cannot be read.
    """

    def __init__(self, parts: list[tuple[Segment, Ints]]) -> None:
        self.segments = [segment for segment, _dead in parts]
        self.dead = [dead for _segment, dead in parts]
        self.bases = [0]
        for segment in self.segments:
            self.bases.append(self.bases[-1] + segment.count)
        self.room = self.bases[-1]
        self._lock = threading.RLock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self._size = 0
        self._near: dict[tuple[str, int], dict[str, int]] = {}
        self._own = threading.local()
        self.live: Mask = np.ones(self.room, np.bool_)
        for base, gone in zip(self.bases, self.dead, strict=False):
            self.live[base + gone] = False
        self.whole = bool(self.live.all())
        self.count = int(self.live.sum())
        self.ids = self._column("ids")
        self.newness = (self._column("order") << 32) | self.ids
        self.first, self.last = self._column("first"), self._column("last")
        self.language, self.issue = self._column("language"), self._column("issue")
        self.k = _saturation(self._column("words"), self.live)
        self.t = _saturation(self._column("title_words"), self.live & (self._column("title_words") > 0))
        self._set_facets()

    def term(self, kind: str, text: str) -> Term:
        """Return a term of the kind "en", "es" (stems) or "exact" (folded or accented words)."""
        return self.keep((kind, text), lambda: self._read_term(kind, text.encode()))

    def stems(self, folded: str) -> dict[str, Term]:
        """Return language -> the term of a word's stem in that language."""
        return {language: self.term(language, stem(folded, language)) for language in LANGUAGES}

    def union(self, folded: Iterable[str]) -> Term:
        """Return the exact terms of several words as one."""
        words = tuple(folded)
        return self.keep(("union", *words), lambda: self._union(words))

    def _union(self, words: tuple[str, ...]) -> Term:
        found = [term for word in words if (term := self.term(EXACT, word)).n]
        return terms.union_of(found, self.count, self.room) if found else self._nothing

    def places(self, kind: str, side: str, text: str, among: Docs) -> Ints:
        """Return (place in `among` << 32) + place in the text, ascending, of a term on one side."""
        encoded = text.encode()
        found: list[Ints] = []
        for index, segment in enumerate(self.segments):
            base, end = self.bases[index], self.bases[index + 1]
            low, high = (0, len(among)) if len(self.segments) == 1 else np.searchsorted(among, (base, end))
            if low == high:
                continue
            there = self._postings(segment, kind, side, encoded)
            if there is None:
                continue
            wanted = among[low:high] - base
            at = np.searchsorted(there.documents, wanted)
            at[at == len(there.documents)] = 0
            which = np.flatnonzero(there.documents[at] == wanted)
            if not len(which):
                continue
            at = at[which]
            lengths = there.times[at].astype(np.int64)
            ends = np.cumsum(lengths)
            total = int(ends[-1])
            spread = np.arange(total)
            spread += np.repeat(there.ends[at] - ends, lengths)
            found.append((np.repeat(which + low, lengths) << 32) + there.places[spread])
        if not found:
            return np.zeros(0, np.int64)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def near(self, word: str, most: int) -> dict[str, int]:
        """Return word -> distance for the words of the index within `most` edits."""
        with self._lock:
            if (word, most) not in self._near:
                if len(self._near) >= MOST_NEAR:
                    self._near.clear()
                self._near[word, most] = {
                    other: distance
                    for neighbours in self._neighbours()
                    for other, distance in neighbours.near(word, most)
                }
            return self._near[word, most]

    def bound(self, word: str) -> int:
        """Return the most documents that can hold a folded word."""
        encoded, bound = word.encode(), 0
        for segment in self.segments:
            place = segment.find(EXACT, encoded)
            if place >= 0:
                own = segment.lexicons[EXACT]
                bound += int(own.body.documents[place]) + int(own.title.documents[place])
        return bound

    def beginning(self, prefix: str) -> dict[str, int]:
        """Return folded word -> the most documents that can hold it, of words that begin so."""
        encoded, found = prefix.encode(), dict[str, int]()
        for segment in self.segments:
            own = segment.lexicons[EXACT]
            first, last = segment.first_from(EXACT, encoded), segment.first_from(EXACT, encoded + b"\xff")
            bounds = (own.body.documents[first:last] + own.title.documents[first:last]).tolist()
            for place, bound in enumerate(bounds, first):
                word = segment.term(EXACT, place).decode()
                if word.isascii() or fold(word) == word:
                    found[word] = found.get(word, 0) + bound
        return found

    def commonest(self, bounds: Mapping[str, int], most: int) -> list[str]:
        """Return the words in most live documents, then alphabetical; words in none are left out.

        Few are counted: those whose upper bound could not take them among the first are not,
        nor any after a thousand.
        """
        bounded = sorted((-bound, word) for word, bound in bounds.items())
        best: list[tuple[int, str]] = []
        for at_best, word in bounded[:MOST_COUNTED]:
            if len(best) == most and (at_best, word) >= best[-1]:
                break
            if n := self.term(EXACT, word).n:
                best = sorted([*best, (-n, word)])[:most]
        return [word for _n, word in best]

    def keep(self, key: tuple[Any, ...], make: Callable[[], Read]) -> Read:
        """Return what was made under a key before, or make it; the least used is let go.

        What is kept has a `size` in bytes.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                found: Read = kept[0]
                return found
            made = self._reading(make)
            size: int = getattr(made, "size", 1_000)
            self._kept[key] = made, size
            self._size += size
            while self._size > MOST_KEPT and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1][1]
            return made

    def scratch(self) -> Mask:
        """Return a mask of all numbers, all off, for this thread; whoever uses it leaves it so."""
        mask: Mask | None = getattr(self._own, "mask", None)
        if mask is None:
            mask = self._own.mask = np.zeros(self.room, np.bool_)
        return mask

    def titled(self, hashed: int) -> Docs:
        """Return the live documents whose folded title has this hash."""
        found: list[Docs] = []
        for base, (hashes, numbers) in zip(self.bases, self._titles, strict=False):
            low, high = np.searchsorted(hashes, (hashed, hashed + 1))
            found.append((numbers[low:high] + base).astype(np.int32))
        docs = np.concatenate(found) if found else terms.NONE
        return np.sort(docs[self.live[docs]])

    def place_of(self, docs: Iterable[int]) -> list[tuple[int, int]]:
        """Return (which segment, number in it) of each document."""
        return [
            (index := int(np.searchsorted(self.bases, doc, "right")) - 1, doc - self.bases[index])
            for doc in docs
        ]

    @cached_property
    def all_stems(self) -> dict[str, Stems]:
        """The stems of each language, with n and F."""
        return self._reading(
            lambda: {kind: Stems(kind, self.segments, self.dead) for kind in LANGUAGES}
        )

    @cached_property
    def stem_weights(self) -> dict[str, NDArray[np.float64]]:
        """The weight of each stem."""
        return {kind: stems.weights(self.count) for kind, stems in self.all_stems.items()}

    @cached_property
    def _nothing(self) -> Term:
        return Term(terms.NONE, terms.NOTHING, terms.NONE, terms.NOTHING, self.count)

    @cached_property
    def _titles(self) -> list[tuple[Ints, Ints]]:
        sorted_by = [np.argsort(each.columns.title_hash) for each in self.segments]
        return [
            (each.columns.title_hash[order], order)
            for each, order in zip(self.segments, sorted_by, strict=True)
        ]

    def _neighbours(self) -> list[Neighbours]:
        return self._reading(lambda: [_neighbours_of(segment) for segment in self.segments])

    def _column(self, name: str) -> Ints:
        columns = [getattr(segment.columns, name) for segment in self.segments]
        if not columns:
            return np.zeros(0, np.int64)
        whole: Ints = columns[0] if len(columns) == 1 else np.concatenate(columns)
        return whole

    def _set_facets(self) -> None:
        """Number the sets of topics, and the spans of years with the language, of all documents."""
        sets: dict[tuple[int, ...], int] = {}
        codes = []
        for segment in self.segments:
            own = segment.columns
            named = [
                tuple(own.sets[a:b].tolist())
                for a, b in zip(own.set_starts[:-1], own.set_starts[1:], strict=True)
            ]
            table = np.array([sets.setdefault(each, len(sets)) for each in named], np.int64)
            codes.append(table[own.topic_set])
        self.topic_set: Ints = np.concatenate(codes) if codes else np.zeros(0, np.int64)
        self.topic_sets = list(sets)
        spans = (_years(self.first) << 32) | (_years(self.last) << 1) | self.language
        values, self.span = np.unique(spans, return_inverse=True)
        self.spans = [
            (int(value >> 32), int(value >> 1 & 0x7FFFFFFF), LANGUAGES[int(value & 1)])
            for value in values
        ]

    def _read_term(self, kind: str, encoded: bytes) -> Term:
        sides: dict[str, list[tuple[Docs, Docs]]] = {side: [] for side in SIDES}
        for base, segment, dead in zip(self.bases, self.segments, self.dead, strict=False):
            place = segment.find(kind, encoded)
            if place < 0:
                continue
            for side, found in sides.items():
                run = getattr(segment.lexicons[kind], side)
                if run.documents[place]:
                    documents, times = segment.frequencies(run, place)
                    documents = documents + np.int32(base)
                    if len(dead):
                        live = self.live[documents]
                        documents, times = documents[live], times[live]
                    found.append((documents, times))
        return terms.joined(_concatenated(sides["body"]), _concatenated(sides["title"]), self.count)

    def _postings(self, segment: Segment, kind: str, side: str, encoded: bytes) -> Postings | None:
        def read() -> Any:
            place = segment.find(kind, encoded)
            run = getattr(segment.lexicons[kind], side)
            if place < 0 or not run.documents[place]:
                return ()
            return segment.postings(run, place)

        found = self.keep((segment.name, side, kind, encoded), read)
        return found or None

    def _reading(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except IndexUnusable:
            raise
        except Exception as error:  # whatever torn files make of what reads them
            raise IndexUnusable(f"The index cannot be read: {error!r}") from error


def _concatenated(parts: list[tuple[Docs, Docs]]) -> tuple[Docs, Docs]:
    if not parts:
        return terms.NONE, terms.NONE
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([a for a, _b in parts]), np.concatenate([b for _a, b in parts])


def _saturation(lengths: Ints, counted: Mask) -> NDArray[np.float32]:
    """Return 0.9 (0.6 + 0.4 L / mean L) of each document; the mean is over those counted."""
    total = int(lengths[counted].sum())
    mean = total / int(counted.sum()) if total else 1.0
    return (0.9 * (0.6 + 0.4 * lengths / mean)).astype(np.float32)


def _years(days: Ints) -> Ints:
    """Return the year of each day, 0 for none."""
    years = (days - UNIX).astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970
    return np.where(days > 0, years, 0)


def _neighbours_of(segment: Segment) -> Neighbours:
    kept: Neighbours | None = getattr(segment, "neighbours", None)
    if kept is None:
        own = segment.lexicons[EXACT]
        kept = segment.neighbours = Neighbours(own.blob, own.ends)  # type: ignore[attr-defined]
    return kept
