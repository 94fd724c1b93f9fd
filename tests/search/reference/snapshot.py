"""One state of the index: its documents, their statistics, and the postings of any term.

Postings are read below the filter of deleted documents, which are left out here: all numbers are
those of live documents alone.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeVar

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.protocol import IndexUnavailable
from psgflask.search.index.codec import StoredPostings, read
from psgflask.search.language import stem
from tests.search.reference.bitsets import bits
from tests.search.reference.lexicon import Lexicon
from tests.search.reference.segments import Doc, Segment
from tests.search.reference.terms import TermPostings, union_of

# Postings that are cached, of the terms last used: some 100 bytes each.
MAX_CACHED = 200_000
MAX_COUNTED = 1_000  # words whose documents are counted to find the commonest
MAX_FUZZY_CACHE = 50  # words whose fuzzy matches are cached
EXACT = "exact"

Read = TypeVar("Read")


class Snapshot:
    """The documents, lengths and postings of one state of the index.

    `segments` holds those of earlier states by their name; what this state lacks is added.
    Raises IndexUnavailable, now and whenever the index cannot be read.
    """

    def __init__(self, reader: Any, segments: dict[str, Segment]) -> None:
        self._reader = reader
        # The last search that reads it closes the files, in whichever thread that is.
        weakref.finalize(self, reader.close)
        self._lock = threading.RLock()
        self._cache: OrderedDict[tuple[str, ...], TermPostings] = OrderedDict()
        self._size = 0
        self._fuzzy: dict[tuple[str, int], dict[str, int]] = {}
        self.docs: dict[int, Doc] = {}
        self._leaves: list[tuple[Any, int, Segment]] = []
        self._read(lambda: self._read_docs(segments))
        self.num_docs = len(self.docs)
        self.live_docs = bits(self.docs)

    def term(self, field: str, text: str) -> TermPostings:
        """Return a term of the field "en", "es" (stems) or "exact" (folded or accented words)."""
        return self._cached(
            (field, text),
            lambda: TermPostings(
                self._frequencies(f"body_{field}", text),
                self._frequencies(f"title_{field}", text),
                self.num_docs,
            ),
        )

    def stems(self, folded: str) -> dict[str, TermPostings]:
        """Return language -> the term of a word's stem in that language's field."""
        return {language: self.term(language, stem(folded, language)) for language in LANGUAGES}

    def union(self, folded: Iterable[str]) -> TermPostings:
        """Return the exact terms of several words as one."""
        words = tuple(folded)
        return self._cached(
            ("union", *words),
            lambda: union_of([self.term(EXACT, word) for word in words], self.num_docs),
        )

    def positions(self, field: str, text: str, among: Iterable[int]) -> dict[int, Sequence[int]]:
        """Return document -> the places of a term in a field, of those documents that have it."""
        return self._read(lambda: self._read_positions(field, text, sorted(among)))

    def lexicons(self) -> list[Lexicon]:
        """Return the words of each segment."""
        return self._read(lambda: [segment.lexicon(leaf) for leaf, _base, segment in self._leaves])

    def fuzzy_matches(self, word: str, most: int) -> dict[str, int]:
        """Return word -> distance for the words of the index within `most` edits."""
        with self._lock:
            if (word, most) not in self._fuzzy:
                if len(self._fuzzy) >= MAX_FUZZY_CACHE:
                    self._fuzzy.clear()
                self._fuzzy[word, most] = {
                    other: distance
                    for lexicon in self.lexicons()
                    for other, distance in lexicon.near(word, most)
                }
            return self._fuzzy[word, most]

    def most_frequent(self, words: Iterable[str], most: int) -> list[str]:
        """Return the words in most live documents, then alphabetical; words in none are left out.

        Few are counted: those whose upper bound could not take them among the first are not,
        nor any after a thousand.
        """
        lexicons = self.lexicons()
        bounded = sorted((-sum(each.bound(word) for each in lexicons), word) for word in set(words))
        best: list[tuple[int, str]] = []
        for at_best, word in bounded[:MAX_COUNTED]:
            if len(best) == most and (at_best, word) >= best[-1]:
                break
            if n := len(self.term(EXACT, word)):
                best = sorted([*best, (-n, word)])[:most]
        return [word for _n, word in best]

    @cached_property
    def length_norms(self) -> dict[int, float]:
        """Return document -> K = 0.9 (0.6 + 0.4 L / mean L)."""
        lengths = {number: doc.words for number, doc in self.docs.items()}
        return _saturation(lengths, list(lengths.values()))

    @cached_property
    def title_norms(self) -> dict[int, float]:
        """Return document -> T, the same of titles; the mean is over documents with one."""
        lengths = {number: doc.title_words for number, doc in self.docs.items()}
        return _saturation(lengths, [length for length in lengths.values() if length])

    @cached_property
    def languages(self) -> dict[str, int]:
        """Return language -> its documents, as a bit set."""
        return self._grouped(lambda doc: (doc.language,))

    @cached_property
    def topics(self) -> dict[int, int]:
        """Return topic id -> its documents."""
        return self._grouped(lambda doc: doc.topics)

    @cached_property
    def issues(self) -> dict[int, int]:
        """Return the number of an issue -> its documents, in any series."""
        return self._grouped(lambda doc: () if doc.issue is None else (doc.issue,))

    @cached_property
    def years(self) -> dict[int, int]:
        """Return year -> the documents whose dateline touches it."""
        return self._grouped(_years)

    @cached_property
    def date_order(self) -> dict[int, int]:
        """Return document -> its place, from the oldest up; undated documents are lowest."""
        ordered = sorted(self.docs, key=lambda n: (self.docs[n].order, self.docs[n].id))
        return {number: place for place, number in enumerate(ordered)}

    def _grouped(self, keys_of: Callable[[Doc], Iterable[Any]]) -> dict[Any, int]:
        numbers: dict[Any, list[int]] = {}
        for number, doc in self.docs.items():
            for key in keys_of(doc):
                numbers.setdefault(key, []).append(number)
        return {key: bits(found) for key, found in numbers.items()}

    def _read_docs(self, segments: dict[str, Segment]) -> None:
        leaves = [each for each in self._reader.leaf_readers() if each[0].doc_count_all()]
        for leaf, base in leaves:
            name = leaf.segment().segment_id()
            if name not in segments:
                segments[name] = Segment(leaf)
            self._leaves.append((leaf, base, segments[name]))
            for number, doc in segments[name].docs.items():
                if not leaf.is_deleted(number):
                    self.docs[base + number] = doc
        gone = segments.keys() - {leaf.segment().segment_id() for leaf, _base in leaves}
        for name in gone:
            del segments[name]

    def _frequencies(self, field: str, text: str) -> dict[int, int]:
        found: dict[int, int] = {}
        for base, whole, there in self._postings(field, text):
            numbers = [base + number for number in there.documents]
            if whole:
                found.update(zip(numbers, there.frequencies, strict=True))
            else:
                pairs = zip(numbers, there.frequencies, strict=True)
                found.update((number, tf) for number, tf in pairs if number in self.docs)
        return found

    def _read_positions(self, field: str, text: str, wanted: list[int]) -> dict[int, Sequence[int]]:
        found: dict[int, Sequence[int]] = {}
        for base, _whole, there in self._postings(field, text):
            at = dict(zip(there.documents, range(len(there.documents)), strict=True))
            ends = list(accumulate(there.frequencies, initial=0))
            places = memoryview(there.positions).cast("I")
            for number in wanted:
                place = at.get(number - base)
                if place is not None:
                    found[number] = places[ends[place] : ends[place + 1]]
        return found

    def _postings(self, field: str, text: str) -> Iterator[tuple[int, bool, StoredPostings]]:
        """Yield (number of the first document, nothing deleted, postings) of each segment."""
        encoded = text.encode()
        for leaf, base, _segment in self._leaves:
            there = postings(leaf, field, encoded)
            if there is not None:
                yield base, not leaf.has_deletions(), there

    def _cached(self, key: tuple[str, ...], make: Callable[[], TermPostings]) -> TermPostings:
        with self._lock:
            term = self._cache.get(key)
            if term is not None:
                self._cache.move_to_end(key)
                return term
            term = self._read(make)
            self._cache[key] = term
            self._size += len(term) + 1
            while self._size > MAX_CACHED and len(self._cache) > 1:
                self._size -= len(self._cache.popitem(last=False)[1]) + 1
            return term

    def _read(self, read: Callable[[], Read]) -> Read:
        """Read from the files, one thread at a time: they are seeked."""
        with self._lock:
            try:
                return read()
            except IndexUnavailable:
                raise
            except Exception as error:  # whatever torn files make of Whoosh
                raise IndexUnavailable(f"The index cannot be read: {error!r}") from error


def _saturation(lengths: dict[int, int], counted: list[int]) -> dict[int, float]:
    mean = sum(counted) / len(counted) if any(counted) else 1.0
    return {number: 0.9 * (0.6 + 0.4 * length / mean) for number, length in lengths.items()}


def _years(doc: Doc) -> Iterable[int]:
    if doc.dated_from is None or doc.dated_to is None:
        return ()
    return range(doc.dated_from.year, doc.dated_to.year + 1)


def postings(leaf: Any, field: str, term: bytes) -> StoredPostings | None:
    """Return a term's postings in one segment, deleted documents among them; None if not there."""
    if (field, term) not in leaf:
        return None
    return read(leaf._terms._postfile, leaf.term_info(field, term))
