"""Segments: the columns and postings of one, and the terms and matches that postings make.

The formulas are those of docs/ranking.md:

    tf     = tf_body + 2 tf_title           title_tf = tf_title
    df     = documents with the term in title or body
    weight = sqrt((F+1)/df) idf             F = sum over documents of min(tf, 5)
    idf    = ln(1 + (N-df+0.5)/(df+0.5))    N = live documents
"""

import os
import weakref
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from math import log, sqrt
from pathlib import Path
from sys import getsizeof
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.engine.fuzzy_lexicon import FuzzyLexicon
from psgflask.search.index.codec import WIDTH
from psgflask.search.index.columns import EXACT, FORWARD, Columns, Lexicon, TermInfos
from psgflask.search.index.forward import MAX_REPEATED, PAIR, TITLE_COUNTS, pread
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.index.text_file import Texts
from psgflask.search.texts import Text

# Bytes of article texts that a segment caches: 2,500 articles or so.
MAX_CACHED_TEXTS = 10_000_000
# Bytes of a cached object besides its numbers: the object itself and its arrays.
OBJECT_OVERHEAD = 800
# From so many documents on, a vector over all of them for each word would fill the cache.
LARGE_INDEX = 25_000

DocIds = NDArray[np.int32]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
NO_DOCS: DocIds = np.zeros(0, np.int32)
NO_SCORES: Floats = np.zeros(0, np.float32)
# Vectors of zeros to borrow, returned as zeros. There are as many as were ever needed at once: few,
# since searches take slots. One for each thread would be many.
_spare: list[Floats] = []


class TermPositions:
    """Where a term occurs in one segment: document ids ascending, and its positions in each."""

    __slots__ = ("doc_ids", "ends", "freqs", "positions")

    def __init__(self, packed: NDArray[np.uint32], count: int) -> None:
        """Unpack the postings of `count` documents. Raises IndexBroken."""
        numbers = packed.view(np.int32)
        self.doc_ids: DocIds = numbers[:count]
        self.freqs: DocIds = numbers[count : 2 * count]
        self.positions: DocIds = numbers[2 * count :]
        self.ends = np.cumsum(self.freqs, dtype=np.int64)
        if count and self.ends[-1] != len(self.positions):
            raise IndexBroken("The postings are not as they were written")

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECT_OVERHEAD + 16 * len(self.doc_ids) + 4 * len(self.positions)


class Segment:
    """One segment; it never changes, except that documents are deleted from it."""

    def __init__(self, name: str, columns: Columns, folder: Path) -> None:
        """Open the files of a segment. Raises OSError."""
        self.name = name
        self.columns = columns
        self.max_doc = len(columns.ids)
        self._postings = os.open(folder / f"{name}.pst", os.O_RDONLY)
        weakref.finalize(self, os.close, self._postings)
        self._forward = os.open(folder / f"{name}{FORWARD}", os.O_RDONLY)
        weakref.finalize(self, os.close, self._forward)
        self._texts = Texts(folder, name)
        weakref.finalize(self, self._texts.close)
        self._ends = {kind: lexicon.ends.data for kind, lexicon in columns.lexicons.items()}
        self._ordinals: dict[tuple[str, str], DocIds] = {}
        self._cached_texts: dict[int, Text] = {}
        self._cached_size = 0  # bytes

    @property
    def lexicons(self) -> dict[str, Lexicon]:
        """The terms of each kind."""
        return self.columns.lexicons

    @cached_property
    def fuzzy_lexicon(self) -> FuzzyLexicon:
        """The words of the segment, searchable by edit distance."""
        return FuzzyLexicon(self.lexicons[EXACT], self.columns.likeness)

    @cached_property
    def topic_sets(self) -> list[tuple[int, ...]]:
        """The sets of topics that documents of the segment have."""
        flat, starts = self.columns.sets.tolist(), self.columns.set_starts.tolist()
        return [tuple(flat[begin:end]) for begin, end in pairwise(starts)]

    def find(self, kind: str, term: bytes) -> int:
        """Return the ordinal of a term in its lexicon, -1 when it is not there."""
        ordinal = self.first_from(kind, term)
        ends, blob = self._ends[kind], self.lexicons[kind].blob
        if ordinal < len(ends) - 1 and blob[ends[ordinal] : ends[ordinal + 1]] == term:
            return ordinal
        return -1

    def first_from(self, kind: str, term: bytes) -> int:
        """Return the ordinal of the first term that does not sort before this one."""
        ends, blob = self._ends[kind], self.lexicons[kind].blob
        low, high = 0, len(ends) - 1
        while low < high:
            middle = (low + high) // 2
            if blob[ends[middle] : ends[middle + 1]] < term:
                low = middle + 1
            else:
                high = middle
        return low

    def term(self, kind: str, ordinal: int) -> bytes:
        """Return the term at an ordinal."""
        ends = self._ends[kind]
        return self.lexicons[kind].blob[ends[ordinal] : ends[ordinal + 1]]

    def ordinals_in(self, other: "Segment", kind: str) -> DocIds:
        """Return for each term of this segment its ordinal in another one, -1 when not there."""
        if (other.name, kind) not in self._ordinals:
            texts = (self.term(kind, ordinal) for ordinal in range(len(self.lexicons[kind].n)))
            found = np.array([other.find(kind, text) for text in texts], np.int32)
            # The other one is the largest segment, which seldom changes.
            self._ordinals = {
                key: ordinals for key, ordinals in self._ordinals.items() if key[0] == other.name
            }
            self._ordinals[other.name, kind] = found
        return self._ordinals[other.name, kind]

    def frequencies(self, run: TermInfos, ordinal: int) -> tuple[DocIds, DocIds]:
        """Return document ids and frequencies of a term in one field. Raises IndexBroken."""
        count = int(run.documents[ordinal])
        found = pread(self._postings, 2 * WIDTH * count, int(run.at[ordinal])).view(np.int32)
        return found[:count], found[count:]

    def positions(self, run: TermInfos, ordinal: int) -> TermPositions:
        """Return the postings of a term in one field with positions. Raises IndexBroken."""
        count = int(run.documents[ordinal])
        length = WIDTH * (2 * count + int(run.times[ordinal]))
        return TermPositions(pread(self._postings, length, int(run.at[ordinal])), count)

    def text(self, doc: int) -> Text:
        """Return the text of a document without its title. Raises IndexBroken."""
        text = self._cached_texts.get(doc)
        if text is None:
            text = self._texts.of(doc)
            # A character takes one byte, two in a text with one typographic quotation mark.
            size = getsizeof(text.shown) + getsizeof(text.padded) + 300
            if self._cached_size + size > MAX_CACHED_TEXTS:
                self._cached_texts, self._cached_size = {}, 0
            self._cached_texts[doc] = text
            self._cached_size += size
        return text

    def pairs(self, doc: int) -> NDArray[Any]:
        """Return the (stem, tf) pairs of a document. Raises IndexBroken."""
        return np.frombuffer(self.packed_pairs(doc), PAIR)

    def packed_pairs(self, doc: int) -> bytes:
        """Return the (stem, tf) pairs of a document as bytes. Raises IndexBroken."""
        begin, end = self.columns.starts[doc : doc + 2].tolist()
        length = (end - begin) * PAIR.itemsize
        packed = os.pread(self._forward, length, begin * PAIR.itemsize)
        if len(packed) != length:
            raise IndexBroken("The forward index is cut short")
        return packed


class TermPostings:
    """One term over all segments: `docs` with their `tf`, `title_docs` with their `title_tf`."""

    __slots__ = ("df", "docs", "idf", "tf", "title_docs", "title_tf", "weight")

    def __init__(
        self, docs: DocIds, tf: Floats, title_docs: DocIds, title_tf: Floats, num_docs: int
    ) -> None:
        """Weight the term in an index of `num_docs` live documents."""
        self.docs, self.tf, self.title_docs, self.title_tf = docs, tf, title_docs, title_tf
        self.df = len(docs)
        self.idf = idf(self.df, num_docs)
        bursts = float(np.minimum(tf, MAX_REPEATED).sum(dtype=np.float64))
        self.weight = sqrt((bursts + 1) / self.df) * self.idf if self.df else 0.0

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECT_OVERHEAD + 8 * (len(self.docs) + len(self.title_docs))


def idf(df: int, num_docs: int) -> float:
    """Return ln(1 + (N-df+0.5)/(df+0.5)), 0 for a term in no document."""
    return log(1 + (num_docs - df + 0.5) / (df + 0.5)) if df else 0.0


def merge_fields(
    body: tuple[DocIds, DocIds], title: tuple[DocIds, DocIds], num_docs: int
) -> TermPostings:
    """Return the term with these documents and frequencies in body and title."""
    docs, tf = body[0], body[1].astype(np.float32)
    title_docs, title_tf = title[0], title[1].astype(np.float32)
    if len(title_docs):
        at = docs.searchsorted(title_docs)
        in_body = at < len(docs)
        in_body[in_body] = docs[at[in_body]] == title_docs[in_body]
        if in_body.all():
            tf[at] += TITLE_COUNTS * title_tf
        else:
            tf[at[in_body]] += TITLE_COUNTS * title_tf[in_body]
            new = ~in_body
            docs = np.insert(docs, at[new], title_docs[new])
            tf = np.insert(tf, at[new], TITLE_COUNTS * title_tf[new])
    return TermPostings(docs, tf, title_docs, title_tf, num_docs)


def union_of(terms: Sequence[TermPostings], num_docs: int, max_doc: int) -> TermPostings:
    """Return several terms as one: tf and title_tf summed, df that of the union."""
    if len(terms) == 1:
        return terms[0]

    def summed(parts: list[tuple[DocIds, Floats]]) -> tuple[DocIds, Floats]:
        whole = np.zeros(max_doc, np.float32)
        for docs, tf in parts:
            whole[docs] += tf
        union = np.flatnonzero(whole).astype(np.int32)
        return union, whole[union]

    return TermPostings(
        *summed([(term.docs, term.tf) for term in terms]),
        *summed([(term.title_docs, term.title_tf) for term in terms]),
        num_docs,
    )


class Matches:
    """The documents that a clause matches, ascending, and what each scores by it.

    Of a filter there are no scores (None). Terms in many documents have `dense_scores` too.
    """

    def __init__(
        self, docs: DocIds, scores: Floats | None, max_doc: int, mask: Mask | None = None
    ) -> None:
        self.docs, self.scores, self.max_doc, self._mask = docs, scores, max_doc, mask
        share = 64 if max_doc < LARGE_INDEX else 4
        # Whether so many documents match that a vector over all of them is worth its memory.
        self.is_dense = share * len(docs) > max_doc

    def __len__(self) -> int:
        return len(self.docs)

    @property
    def mask(self) -> Mask:
        """The documents as a mask over all ids, cached where there are no scores."""
        if self._mask is not None:
            return self._mask
        if self.scores is not None and self.is_dense:
            return self.dense_scores > 0
        mask = np.zeros(self.max_doc, np.bool_)
        mask[self.docs] = True
        if self.scores is None:
            self._mask = mask
        return mask

    def contains(self, docs: DocIds) -> Mask | None:
        """Return which of these documents match; None where no dense vector says so."""
        if self._mask is not None:
            return self._mask[docs]
        if self.is_dense:
            return self.mask[docs] if self.scores is None else self.dense_scores[docs] > 0
        return None

    @cached_property
    def dense_scores(self) -> Floats:
        """The scores by document id, 0 for those that do not match."""
        dense = np.zeros(self.max_doc, np.float32)
        if self.scores is not None:
            dense[self.docs] = self.scores
        return dense

    def scores_of(self, docs: DocIds) -> Floats:
        """Return the scores of these documents, 0 for those that do not match."""
        if not len(self.docs) or self.scores is None:
            return np.zeros(len(docs), np.float32)
        if self.is_dense:
            return self.dense_scores[docs]
        found: Floats
        if 8 * len(docs) > len(self.docs) and 64 * len(self.docs) > self.max_doc:
            whole = _borrow_zeros(self.max_doc)
            whole[self.docs] = self.scores
            found = whole[docs]
            whole[self.docs] = 0
            _spare.append(whole)
        else:
            at = self.docs.searchsorted(docs)
            at[at == len(self.docs)] = 0
            found = self.scores[at] * (self.docs[at] == docs)
        return found

    @property
    def size(self) -> int:
        """Bytes in memory at most, about, with the vectors that are made on first use."""
        dense = self.max_doc if self.scores is None else 4 * self.max_doc if self.is_dense else 0
        return OBJECT_OVERHEAD + 8 * len(self.docs) + dense


def _borrow_zeros(max_doc: int) -> Floats:
    """Return zeros for so many documents, a spare vector where there is one."""
    try:
        whole = _spare.pop()
    except IndexError:
        whole = NO_SCORES
    return whole if len(whole) >= max_doc else np.zeros(max_doc, np.float32)


def unscored(mask: Mask) -> Matches:
    """Return what a filter matches: documents without scores."""
    return Matches(np.flatnonzero(mask).astype(np.int32), None, len(mask), mask)
