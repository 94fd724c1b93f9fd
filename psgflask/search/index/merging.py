"""Merges the postings of runs and segments field by field, a block of terms at a time.

Never posting by posting: of each block all documents, frequencies and positions are moved at once.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index.packed_arrays import ragged

# Numbers of postings that are held together, 4 bytes each; a single term may have more.
MOST = 1_000_000
GONE = -1

Ints = NDArray[np.int64]
PostingArrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]  # documents, frequencies, places


class Field(Protocol):
    """The terms of one field, in order, in a run or a segment."""

    documents: Ints  # how many documents each term has
    times: Ints  # how many places

    def terms(self, begin: int, end: int) -> list[bytes]:
        """Return some terms."""
        ...

    def postings(self, begin: int, end: int) -> PostingArrays:
        """Return the postings of some terms, one after the other; none but documents of the id."""
        ...


@dataclass(frozen=True)
class Block:
    """Some terms in order and their postings as they lie in a segment, term by term."""

    terms: list[bytes]
    documents: Ints
    times: Ints
    most: Ints  # the highest frequency of each
    starts: Ints  # where each term's numbers begin, and at last where they end
    packed: NDArray[np.uint32]


@dataclass(frozen=True)
class _Terms:
    terms: list[bytes]
    documents: Ints
    times: Ints
    postings: PostingArrays


def blocks(sources: Sequence[tuple[Field, Ints]]) -> Iterator[Block]:
    """Yield the terms of fields put together, in order.

    Each field comes with the new numbers of its documents, GONE for one that is left out; those
    of a later source must be higher.
    """
    share = MOST // max(1, len(sources))
    cursors = [_Cursor(field, new, share) for field, new in sources]
    while reached := [last for cursor in cursors if (last := cursor.reach()) is not None]:
        parts = [part for cursor in cursors if (part := cursor.take(min(reached))).terms]
        if parts:
            yield _joined(parts)


class _Cursor:
    """Goes through a field, as many terms at a time as have no more than `share` numbers."""

    def __init__(self, field: Field, new: Ints, share: int) -> None:
        self._field, self._new, self._share = field, new, share
        self._sizes = np.cumsum(2 * field.documents + field.times)
        self._at = 0
        self._terms: list[bytes] = []

    def reach(self) -> bytes | None:
        """Return the last term that can be taken now, None at the end."""
        if not self._terms and self._at < len(self._sizes):
            most = self._share + (self._sizes[self._at - 1] if self._at else 0)
            end = max(self._at + 1, int(np.searchsorted(self._sizes, most, "right")))
            self._terms = self._field.terms(self._at, end)
        return self._terms[-1] if self._terms else None

    def take(self, last: bytes) -> _Terms:
        """Return all terms up to this one that have a document left."""
        count = bisect_right(self._terms, last)
        terms, self._terms = self._terms[:count], self._terms[count:]
        begin, self._at = self._at, self._at + count
        documents = self._field.documents[begin : self._at]
        times = self._field.times[begin : self._at]
        numbers, counts, places = self._field.postings(begin, self._at)
        part = _Terms(terms, documents, times, (self._new[numbers], counts, places))
        return part if part.postings[0].min(initial=0) > GONE else _without_gone(part)


def _without_gone(part: _Terms) -> _Terms:
    numbers, counts, places = part.postings
    kept = numbers > GONE
    owners = np.repeat(np.arange(len(part.terms)), part.documents)[kept]
    if len(counts):
        places = places[np.repeat(kept, counts)]
        counts = counts[kept]
    documents = np.bincount(owners, minlength=len(part.terms))
    times = np.zeros(len(part.terms), np.int64)
    if len(counts):
        np.add.at(times, owners, counts)
    held = np.flatnonzero(documents)
    terms = [part.terms[place] for place in held.tolist()]
    return _Terms(terms, documents[held], times[held], (numbers[kept], counts, places))


def _joined(parts: list[_Terms]) -> Block:
    terms = sorted(set().union(*(part.terms for part in parts)))
    ranks = dict(zip(terms, range(len(terms)), strict=True))
    own = [np.fromiter(map(ranks.__getitem__, part.terms), np.int64) for part in parts]
    documents, times, most = (np.zeros(len(terms), np.int64) for _each in range(3))
    for part, places in zip(parts, own, strict=True):
        documents[places] += part.documents
        times[places] += part.times
        counts = part.postings[1]
        if len(counts):
            highest = np.maximum.reduceat(counts, np.cumsum(part.documents) - part.documents)
            most[places] = np.maximum(most[places], highest)
    # A field without places has no frequencies either.
    twice = 1 + (times > 0)
    starts = np.concatenate(([0], np.cumsum(twice * documents + times)))
    packed = np.empty(int(starts[-1]), np.uint32)
    free, free_places = starts[:-1].copy(), starts[:-1] + 2 * documents
    for part, places in zip(parts, own, strict=True):
        numbers, counts, found = part.postings
        at = ragged(free[places], part.documents)
        packed[at] = numbers
        if len(counts):
            packed[at + np.repeat(documents[places], part.documents)] = counts
            packed[ragged(free_places[places], part.times)] = found
        free[places] += part.documents
        free_places[places] += part.times
    return Block(terms, documents, times, np.maximum(most, 1), starts, packed)
