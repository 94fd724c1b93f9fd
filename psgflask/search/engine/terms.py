"""Terms: the postings of what a clause looks for, with the weights that the recipe gives it.

RELEVANCE: x = tf_body + 2 tf_title, y = tf_title; n = documents with the term in title or body;
F = sum over documents of min(x, 5); w = sqrt((F+1)/n) ln(1 + (N-n+0.5)/(n+0.5)).
"""

from collections.abc import Sequence
from functools import cached_property
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index.forward import MOST_REPEATED, TITLE_COUNTS

# Documents of which a vector over all would fill the memory that many words are kept in.
WIDE = 25_000

Docs = NDArray[np.int32]
Floats = NDArray[np.float32]
NONE: Docs = np.zeros(0, np.int32)
NOTHING: Floats = np.zeros(0, np.float32)
# Bytes of what stands around the numbers of something kept: itself, and its arrays.
OBJECTS = 800
# Zeros that whoever needs some takes, leaves so, and puts back. As many as there ever were needed
# at once, which is few: searches take slots. One for each thread would be many.
_spare: list[Floats] = []


class Term:
    """The postings of one term: documents with x, and those that have it in the title with y."""

    __slots__ = ("docs", "idf", "n", "titled", "weight", "x", "y")

    def __init__(self, docs: Docs, x: Floats, titled: Docs, y: Floats, documents: int) -> None:
        """Weigh a term among so many live documents."""
        self.docs, self.x, self.titled, self.y = docs, x, titled, y
        self.n = len(docs)
        self.idf = idf(self.n, documents)
        repeated = float(np.minimum(x, MOST_REPEATED).sum(dtype=np.float64))
        self.weight = sqrt((repeated + 1) / self.n) * self.idf if self.n else 0.0

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return OBJECTS + 8 * (len(self.docs) + len(self.titled))


def idf(n: int, documents: int) -> float:
    """Return ln(1 + (N-n+0.5)/(n+0.5)), 0 for a term that is nowhere."""
    return log(1 + (documents - n + 0.5) / (n + 0.5)) if n else 0.0


def joined(body: tuple[Docs, Docs], title: tuple[Docs, Docs], documents: int) -> Term:
    """Return the term with these documents and frequencies in body and title."""
    docs, x = body[0], body[1].astype(np.float32)
    titled, y = title[0], title[1].astype(np.float32)
    if len(titled):
        places = docs.searchsorted(titled)
        there = places < len(docs)
        there[there] = docs[places[there]] == titled[there]
        if there.all():
            x[places] += TITLE_COUNTS * y
        else:
            x[places[there]] += TITLE_COUNTS * y[there]
            new = ~there
            docs = np.insert(docs, places[new], titled[new])
            x = np.insert(x, places[new], TITLE_COUNTS * y[new])
    return Term(docs, x, titled, y, documents)


def union_of(terms: Sequence[Term], documents: int, room: int) -> Term:
    """Return several terms as one: x and y summed, n that of the union; `room` = all numbers."""
    if len(terms) == 1:
        return terms[0]
    summed: dict[str, tuple[Any, Any]] = {}
    for side in ("docs", "titled"):
        there = np.zeros(room, np.float32)
        for term in terms:
            there[getattr(term, side)] += term.x if side == "docs" else term.y
        docs = np.flatnonzero(there).astype(np.int32)
        summed[side] = docs, there[docs]
    return Term(*summed["docs"], *summed["titled"], documents)


class Found:
    """The documents that a clause matches, ascending, and what each scores by it.

    `dense` are scores by document number, kept for terms in many documents.
    """

    def __init__(
        self, docs: Docs, scores: Floats | None, room: int, mask: NDArray[np.bool_] | None = None
    ) -> None:
        self.docs, self.scores, self.room, self._mask = docs, scores, room, mask
        share = 64 if room < WIDE else 4
        # Whether so many documents match that a vector over all numbers is worth its room.
        self.is_dense = share * len(docs) > room

    def __len__(self) -> int:
        return len(self.docs)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The documents as a mask of all numbers, which is kept where there are no scores."""
        if self._mask is not None:
            return self._mask
        if self.scores is not None and self.is_dense:
            return self.dense > 0
        mask = np.zeros(self.room, np.bool_)
        mask[self.docs] = True
        if self.scores is None:
            self._mask = mask
        return mask

    def holds(self, docs: Docs) -> NDArray[np.bool_] | None:
        """Say which of these documents match, where a vector over all numbers knows it."""
        there: NDArray[np.bool_] | None = None
        if self._mask is not None:
            there = self._mask[docs]
        elif self.is_dense:
            there = self.mask[docs] if self.scores is None else self.dense[docs] > 0
        return there

    @cached_property
    def dense(self) -> Floats:
        """The scores of all numbers."""
        dense = np.zeros(self.room, np.float32)
        if self.scores is not None:
            dense[self.docs] = self.scores
        return dense

    def at(self, docs: Docs) -> Floats:
        """Return the scores of these documents, 0 of those that do not match."""
        if not len(self.docs) or self.scores is None:
            return np.zeros(len(docs), np.float32)
        if self.is_dense:
            return self.dense[docs]
        found: Floats
        if 8 * len(docs) > len(self.docs) and 64 * len(self.docs) > self.room:
            whole = _taken(self.room)
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
        """Bytes in memory at most, about; the vectors that are made when first asked for too."""
        wide = self.room if self.scores is None else 4 * self.room if self.is_dense else 0
        return OBJECTS + 8 * len(self.docs) + wide


def _taken(room: int) -> Floats:
    """Return zeros for so many documents, of those that were left so where there are any."""
    try:
        whole = _spare.pop()
    except IndexError:
        whole = NOTHING
    return whole if len(whole) >= room else np.zeros(room, np.float32)


def alone(mask: NDArray[np.bool_]) -> Found:
    """Return what a filter matches: documents without scores."""
    return Found(np.flatnonzero(mask).astype(np.int32), None, len(mask), mask)
