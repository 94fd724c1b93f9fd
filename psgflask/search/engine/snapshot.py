"""A snapshot: one state of the index, with its columns, statistics and the postings of any term.

Document ids number all documents of all segments, deleted ones too (`max_doc`); those of a segment
follow its doc base. Everything that is counted is counted over live documents only (`num_docs`).
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
from psgflask.search.engine.facets import FacetColumns
from psgflask.search.engine.feedback import ForwardIndex
from psgflask.search.engine.fuzzy_lexicon import FuzzyLexicon, FuzzyMatch
from psgflask.search.engine.protocol import IndexUnavailable
from psgflask.search.engine.segments import (
    NO_DOCS,
    NO_SCORES,
    DocIds,
    Floats,
    Mask,
    Segment,
    TermPositions,
    TermPostings,
    merge_fields,
    union_of,
)
from psgflask.search.index.columns import EXACT
from psgflask.search.language import fold, stem
from psgflask.search.texts import Text

MAX_COUNTED = 1_000  # words whose documents are counted to find the most frequent
# Bytes of cached scores, masks and counts, and of postings with positions: pairs of words are
# counted from the latter, and their counts go into the former.
MAX_CACHE, MAX_POSITIONS_CACHE = 54_000_000, 8_000_000
MAX_FUZZY_CACHE = 8_000_000  # bytes
FUZZY_MATCH_SIZE = 250  # bytes of one
# Bytes of the largest term that is cached: the scores made of a term are cached, and are smaller.
MAX_CACHED_TERM = 50_000
FIELDS = ("title", "body")

Made = TypeVar("Made")
Ints = NDArray[np.int64]


class Snapshot:
    """The columns, statistics and postings of one state of the index.

    `parts` are its segments, each with the ids of the documents deleted from it. Raises
    IndexUnavailable whenever the index cannot be read.
    """

    def __init__(self, parts: list[tuple[Segment, Ints]]) -> None:
        self.segments = [segment for segment, _deleted in parts]
        self.deleted = [deleted for _segment, deleted in parts]
        self.doc_bases = [0]
        for segment in self.segments:
            self.doc_bases.append(self.doc_bases[-1] + segment.max_doc)
        self.max_doc = self.doc_bases[-1]
        self.cache = LRUCache(MAX_CACHE)
        self._positions = LRUCache(MAX_POSITIONS_CACHE)
        self._fuzzy = LRUCache(MAX_FUZZY_CACHE)
        self._spare: dict[str, list[NDArray[Any]]] = {}
        self.live_docs: Mask = np.ones(self.max_doc, np.bool_)
        for base, deleted in zip(self.doc_bases, self.deleted, strict=False):
            self.live_docs[base + deleted] = False
        self.num_docs = int(self.live_docs.sum())
        self.ids = self._column("ids")
        # Ascending from the oldest; of one day, by id.
        self.date_order = (self._column("order").astype(np.int64) << 32) | self.ids
        self.first_day, self.last_day = self._column("first"), self._column("last")
        self.language, self.issue = self._column("language"), self._column("issue")
        self.length_norms = _norms(self._column("words"), self.live_docs)
        title_lengths = self._column("title_words")
        self.title_norms = _norms(title_lengths, self.live_docs & (title_lengths > 0))
        self.facets = FacetColumns(self.segments, self.language)

    def warm(self) -> None:
        """Make what every search needs before the first search."""
        assert self.forward_index is not None  # noqa: S101  # it is made on first use

    def term(self, kind: str, text: str) -> TermPostings:
        """Return a term of the kind "en", "es" (stems) or "exact" (folded or accented words)."""
        key = kind, text
        found: TermPostings | None = self.cache.get(key)
        if found is None:
            found = self._read(lambda: self._read_term(kind, text.encode()))
            if found.size <= MAX_CACHED_TERM:
                self.cache.get_or_create(key, lambda: found)
        return found

    def stems(self, folded: str) -> dict[str, TermPostings]:
        """Return language -> the term of a word's stem in that language."""
        return {language: self.term(language, stem(folded, language)) for language in LANGUAGES}

    def union(self, folded: Iterable[str]) -> TermPostings:
        """Return the exact terms of several words as one."""
        words = tuple(folded)
        return self.cached(("union", *words), lambda: self._union(words))

    def _union(self, words: tuple[str, ...]) -> TermPostings:
        found = [term for word in words if (term := self.term(EXACT, word)).df]
        return union_of(found, self.num_docs, self.max_doc) if found else self._no_term

    def positions(self, kind: str, field: str, text: str, docs: DocIds) -> Ints:
        """Return where a term stands in a field of these documents.

        As (place in `docs` << 32) + position, ascending.
        """
        encoded = text.encode()
        found: list[Ints] = []
        for index, segment in enumerate(self.segments):
            base, end = self.doc_bases[index], self.doc_bases[index + 1]
            low, high = docs.searchsorted((base, end)).tolist()
            if low == high:
                continue
            postings = self._segment_positions(segment, kind, field, encoded)
            if postings is None:
                continue
            wanted = docs[low:high] - base
            at = postings.doc_ids.searchsorted(wanted)
            at[at == len(postings.doc_ids)] = 0
            which = np.flatnonzero(postings.doc_ids[at] == wanted)
            if not len(which):
                continue
            at = at[which]
            freqs = postings.freqs[at].astype(np.int64)
            ends = np.cumsum(freqs)
            spread = np.arange(int(ends[-1]))
            spread += np.repeat(postings.ends[at] - ends, freqs)
            found.append((np.repeat(which + low, freqs) << 32) + postings.positions[spread])
        if not found:
            return np.zeros(0, np.int64)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def fuzzy_matches(self, word: str, max_edits: int) -> dict[str, FuzzyMatch]:
        """Return the words of the index within `max_edits` of a word."""
        key = word, max_edits
        return self._fuzzy.get_or_create(key, lambda: self._read_fuzzy(word, max_edits)).words

    def _read_fuzzy(self, word: str, max_edits: int) -> "_FuzzyMatches":
        found: dict[str, FuzzyMatch] = {}
        for lexicon in self._fuzzy_lexicons():
            for other, match in lexicon.matches(word, max_edits):
                elsewhere = found[other].max_df if other in found else 0
                found[other] = FuzzyMatch(match.distance, elsewhere + match.max_df)
        return _FuzzyMatches(found)

    def words_with_prefix(self, prefix: str) -> dict[str, int]:
        """Return the folded words with a prefix, each with the most documents that can hold it."""
        encoded, found = prefix.encode(), dict[str, int]()
        for segment in self.segments:
            lexicon = segment.lexicons[EXACT]
            first, last = (
                segment.first_from(EXACT, encoded),
                segment.first_from(EXACT, encoded + b"\xff"),
            )
            bounds = (
                lexicon.body.documents[first:last] + lexicon.title.documents[first:last]
            ).tolist()
            for ordinal, bound in enumerate(bounds, first):
                word = segment.term(EXACT, ordinal).decode()
                if word.isascii() or fold(word) == word:
                    found[word] = found.get(word, 0) + bound
        return found

    def most_frequent(self, bounds: Mapping[str, int], limit: int) -> list[str]:
        """Return the words in most live documents, then alphabetical; words in none are left out.

        `bounds` are the most documents that can hold each. Words that by their bound cannot be
        among the first are not counted, nor any after a thousand.
        """
        bounded = sorted((-bound, word) for word, bound in bounds.items())
        best: list[tuple[int, str]] = []
        for at_best, word in bounded[:MAX_COUNTED]:
            if len(best) == limit and (at_best, word) >= best[-1]:
                break
            if df := self.term(EXACT, word).df:
                best = sorted([*best, (-df, word)])[:limit]
        return [word for _df, word in best]

    def cached(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        """Return what is cached under a key, or make it."""
        found: Made | None = self.cache.peek(key)
        if found is not None:
            return found
        return self.cache.get_or_create(key, lambda: self._read(make))

    @contextmanager
    def scratch(self, name: str, size: int, dtype: Any) -> Iterator[NDArray[Any]]:
        """Lend zeros to the block, which leaves them so; there are as many as searches at once.

        A name has one size and type. Where the block fails they are not lent again.
        """
        spare = self._spare.setdefault(name, [])
        try:
            lent = spare.pop()
        except IndexError:
            lent = np.zeros(size, dtype)
        yield lent
        spare.append(lent)

    def with_title(self, title_hash: int) -> DocIds:
        """Return the live documents whose folded title has this hash."""
        found: list[DocIds] = []
        for base, segment in zip(self.doc_bases, self.segments, strict=False):
            columns = segment.columns
            low = int(columns.title_hashes.searchsorted(title_hash))
            if low < len(columns.title_hashes) and columns.title_hashes[low] == title_hash:
                high = int(columns.title_hashes.searchsorted(title_hash, "right"))
                found.append((columns.titled[low:high] + base).astype(np.int32))
        if not found:
            return NO_DOCS
        docs = np.concatenate(found)
        return np.sort(docs[self.live_docs[docs]])

    def texts(self, docs: Sequence[int]) -> tuple[Text, ...]:
        """Return the texts of documents, without their titles."""
        return self._read(lambda: tuple([self._text(doc) for doc in docs]))

    def _text(self, doc: int) -> Text:
        index = bisect_right(self.doc_bases, doc) - 1
        return self.segments[index].text(doc - self.doc_bases[index])

    @cached_property
    def forward_index(self) -> ForwardIndex:
        """The stems of each document."""
        parts = list(zip(self.segments, self.deleted, self.doc_bases, strict=False))
        return self._read(
            lambda: ForwardIndex(parts, self.language, self.length_norms, self.num_docs)
        )

    @cached_property
    def _no_term(self) -> TermPostings:
        return TermPostings(NO_DOCS, NO_SCORES, NO_DOCS, NO_SCORES, self.num_docs)

    def _fuzzy_lexicons(self) -> list[FuzzyLexicon]:
        return self._read(lambda: [segment.fuzzy_lexicon for segment in self.segments])

    def _column(self, name: str) -> Ints:
        columns = [getattr(segment.columns, name) for segment in self.segments]
        if not columns:
            return np.zeros(0, np.int64)
        whole: Ints = columns[0] if len(columns) == 1 else np.concatenate(columns)
        return whole

    def _read_term(self, kind: str, encoded: bytes) -> TermPostings:
        fields: dict[str, list[tuple[DocIds, DocIds]]] = {field: [] for field in FIELDS}
        for base, segment, deleted in zip(
            self.doc_bases, self.segments, self.deleted, strict=False
        ):
            ordinal = segment.find(kind, encoded)
            if ordinal < 0:
                continue
            for field, found in fields.items():
                run = getattr(segment.lexicons[kind], field)
                if run.documents[ordinal]:
                    docs, freqs = segment.frequencies(run, ordinal)
                    docs = docs + np.int32(base)
                    if len(deleted):
                        live = self.live_docs[docs]
                        docs, freqs = docs[live], freqs[live]
                    found.append((docs, freqs))
        body, title = _concatenated(fields["body"]), _concatenated(fields["title"])
        return merge_fields(body, title, self.num_docs)

    def _segment_positions(
        self, segment: Segment, kind: str, field: str, encoded: bytes
    ) -> TermPositions | None:
        def read() -> Any:
            ordinal = segment.find(kind, encoded)
            run = getattr(segment.lexicons[kind], field)
            if ordinal < 0 or not run.documents[ordinal]:
                return ()
            return segment.positions(run, ordinal)

        key = segment.name, field, kind, encoded
        found = self._positions.get_or_create(key, lambda: self._read(read))
        return found or None

    def _read(self, read: Callable[[], Made]) -> Made:
        try:
            return read()
        except IndexUnavailable:
            raise
        except Exception as error:  # torn files make readers raise anything
            raise IndexUnavailable(f"The index cannot be read: {error!r}") from error


@dataclass(frozen=True, slots=True)
class _FuzzyMatches:
    """The fuzzy matches of one word, with their size for the cache."""

    words: dict[str, FuzzyMatch]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return FUZZY_MATCH_SIZE * (len(self.words) + 1)


def _concatenated(parts: list[tuple[DocIds, DocIds]]) -> tuple[DocIds, DocIds]:
    if not parts:
        return NO_DOCS, NO_DOCS
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([a for a, _b in parts]), np.concatenate([b for _a, b in parts])


def _norms(lengths: Ints, counted: Mask) -> Floats:
    """Return K = 0.9 (0.6 + 0.4 L / mean L) of each document; the mean is over those counted."""
    total = int(lengths[counted].sum())
    mean = total / int(counted.sum()) if total else 1.0
    return (0.9 * (0.6 + 0.4 * lengths / mean)).astype(np.float32)
