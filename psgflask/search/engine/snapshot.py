"""One state of the index: its documents as columns, their statistics, and any term's postings.

Documents have numbers: those of each segment follow those of the one before. Deleted ones keep
their number, and are in nothing else: all that is counted is counted of live documents alone.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.core.lru_cache import LRUCache
from psgflask.search.engine import terms
from psgflask.search.engine.codes import Codes
from psgflask.search.engine.fuzzy_lexicon import Near, Neighbours
from psgflask.search.engine.protocol import IndexUnusable
from psgflask.search.engine.segments import Postings, Segment
from psgflask.search.engine.stems import Forward
from psgflask.search.engine.terms import Docs, Term
from psgflask.search.index import Text
from psgflask.search.index.columns import EXACT
from psgflask.search.language import fold, stem

MOST_COUNTED = 1_000  # words whose documents are counted to find the commonest
# Bytes that are kept of what was made of postings, and of postings with their places: from these
# neighbours are counted, and what was counted is kept among the former.
MOST_KEPT, MOST_PLACES = 54_000_000, 8_000_000
MOST_NEAR = 8_000_000  # bytes of words' neighbours
NEIGHBOUR = 250  # bytes of one
# Bytes of the largest term that is kept: what is made of one is kept, which is smaller than it.
LARGEST_TERM = 50_000
SIDES = ("title", "body")

Read = TypeVar("Read")
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


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
        self.kept = LRUCache(MOST_KEPT)
        self._places = LRUCache(MOST_PLACES)
        self._near = LRUCache(MOST_NEAR)
        self._spare: dict[str, list[NDArray[Any]]] = {}
        self.live: Mask = np.ones(self.room, np.bool_)
        for base, gone in zip(self.bases, self.dead, strict=False):
            self.live[base + gone] = False
        self.whole = bool(self.live.all())
        self.count = int(self.live.sum())
        self.ids = self._column("ids")
        self.newness = (self._column("order").astype(np.int64) << 32) | self.ids
        self.first, self.last = self._column("first"), self._column("last")
        self.language, self.issue = self._column("language"), self._column("issue")
        self.k = _saturation(self._column("words"), self.live)
        in_titles = self._column("title_words")
        self.t = _saturation(in_titles, self.live & (in_titles > 0))
        self.codes = Codes(self.segments)

    def warm(self) -> None:
        """Make what every search needs, before the first one does."""
        assert self.forward is not None  # noqa: S101  # it is made when it is first asked for

    def term(self, kind: str, text: str) -> Term:
        """Return a term of the kind "en", "es" (stems) or "exact" (folded or accented words)."""
        key = kind, text
        found: Term | None = self.kept.get(key)
        if found is None:
            found = self._reading(lambda: self._read_term(kind, text.encode()))
            if found.size <= LARGEST_TERM:
                self.kept.get_or_create(key, lambda: found)
        return found

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
            low, high = among.searchsorted((base, end)).tolist()
            if low == high:
                continue
            there = self._postings(segment, kind, side, encoded)
            if there is None:
                continue
            wanted = among[low:high] - base
            at = there.documents.searchsorted(wanted)
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

    def near(self, word: str, most: int) -> dict[str, Near]:
        """Return the words of the index within `most` edits."""
        return self._near.get_or_create((word, most), lambda: self._read_near(word, most)).words

    def _read_near(self, word: str, most: int) -> "_Nearby":
        found: dict[str, Near] = {}
        for neighbours in self._neighbours():
            for other, near in neighbours.near(word, most):
                elsewhere = found[other].bound if other in found else 0
                found[other] = Near(near.distance, elsewhere + near.bound)
        return _Nearby(found)

    def beginning(self, prefix: str) -> dict[str, int]:
        """Return folded word -> the most documents that can hold it, of words that begin so."""
        encoded, found = prefix.encode(), dict[str, int]()
        for segment in self.segments:
            own = segment.lexicons[EXACT]
            first, last = (
                segment.first_from(EXACT, encoded),
                segment.first_from(EXACT, encoded + b"\xff"),
            )
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
        """Return what was made under a key before, or make it."""
        found: Read | None = self.kept.peek(key)
        return self.kept.get_or_create(key, lambda: self._reading(make)) if found is None else found

    @contextmanager
    def scratch(self, name: str, size: int, kind: Any) -> Iterator[NDArray[Any]]:
        """Lend zeros to the block, which leaves them so; there are as many as searches at once.

        A name has one size and kind. Where the block fails they are not lent again.
        """
        spare = self._spare.setdefault(name, [])
        try:
            lent = spare.pop()
        except IndexError:
            lent = np.zeros(size, kind)
        yield lent
        spare.append(lent)

    def titled(self, hashed: int) -> Docs:
        """Return the live documents whose folded title has this hash."""
        found: list[Docs] = []
        for base, segment in zip(self.bases, self.segments, strict=False):
            own = segment.columns
            low = int(own.title_hashes.searchsorted(hashed))
            if low < len(own.title_hashes) and own.title_hashes[low] == hashed:
                high = int(own.title_hashes.searchsorted(hashed, "right"))
                found.append((own.titled[low:high] + base).astype(np.int32))
        if not found:
            return terms.NONE
        docs = np.concatenate(found)
        return np.sort(docs[self.live[docs]])

    def texts(self, numbers: Sequence[int]) -> tuple[Text, ...]:
        """Return the texts of documents, their titles apart."""
        return self._reading(lambda: tuple([self._text(number) for number in numbers]))

    def _text(self, number: int) -> Text:
        index = bisect_right(self.bases, number) - 1
        return self.segments[index].text(number - self.bases[index])

    @cached_property
    def forward(self) -> Forward:
        """The stems of each document."""
        parts = list(zip(self.segments, self.dead, self.bases, strict=False))
        return self._reading(lambda: Forward(parts, self.language, self.k, self.count))

    @cached_property
    def _nothing(self) -> Term:
        return Term(terms.NONE, terms.NOTHING, terms.NONE, terms.NOTHING, self.count)

    def _neighbours(self) -> list[Neighbours]:
        return self._reading(lambda: [segment.neighbours for segment in self.segments])

    def _column(self, name: str) -> Ints:
        columns = [getattr(segment.columns, name) for segment in self.segments]
        if not columns:
            return np.zeros(0, np.int64)
        whole: Ints = columns[0] if len(columns) == 1 else np.concatenate(columns)
        return whole

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

        key = segment.name, side, kind, encoded
        found = self._places.get_or_create(key, lambda: self._reading(read))
        return found or None

    def _reading(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except IndexUnusable:
            raise
        except Exception as error:  # whatever torn files make of what reads them
            raise IndexUnusable(f"The index cannot be read: {error!r}") from error


@dataclass(frozen=True, slots=True)
class _Nearby:
    """The words near one, as they are kept."""

    words: dict[str, Near]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return NEIGHBOUR * (len(self.words) + 1)


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
