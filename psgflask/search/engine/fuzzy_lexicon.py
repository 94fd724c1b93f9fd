"""Fuzzy lexicon: the words of a segment within a few edits of one word."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import signatures
from psgflask.search.index.columns import Lexicon, Likeness
from psgflask.search.index.signatures import MAX_LENGTH


@dataclass(frozen=True, slots=True)
class FuzzyMatch:
    """How many edits a word is away, and the most documents that can have it."""

    distance: int
    max_df: int


class FuzzyLexicon:
    """The folded words of a segment's lexicon, searchable by edit distance."""

    def __init__(self, lexicon: Lexicon, likeness: Likeness) -> None:
        self._lexicon, self._likeness = lexicon, likeness
        self._letters = np.frombuffer(lexicon.blob, np.uint8)

    def matches(self, word: str, max_edits: int) -> Iterator[tuple[str, FuzzyMatch]]:
        """Yield the words within `max_edits` of a word, itself included."""
        if len(word) > MAX_LENGTH:
            return
        edits = EditDistance(word)
        for other, ordinal in self._others:
            if abs(len(other) - len(word)) > max_edits:
                continue
            if (distance := edits.to(other)) <= max_edits:
                yield other, FuzzyMatch(distance, self._max_df(ordinal))
        ordinals = self._candidates(word, max_edits)
        if not len(ordinals):
            return
        begins = self._lexicon.ends[ordinals]
        lengths = self._lexicon.ends[ordinals + 1] - begins
        table = signatures.table(self._letters, begins, lengths)
        distances = edits.to_all(table, lengths)
        for at in np.flatnonzero(distances <= max_edits).tolist():
            other = table[at, : lengths[at]].tobytes().decode()
            yield other, FuzzyMatch(int(distances[at]), self._max_df(int(ordinals[at])))

    def _candidates(self, word: str, max_edits: int) -> NDArray[np.int64]:
        """Return the ordinals of the ASCII words that their signatures do not rule out."""
        likeness, own = self._likeness, np.uint64(signatures.of_word(word))
        shortest, longest = max(1, len(word) - max_edits), min(MAX_LENGTH, len(word) + max_edits)
        begin, end = likeness.starts[[shortest, longest + 1]].tolist()
        differing = np.bitwise_count(likeness.signatures[begin:end] ^ own)
        allowed = np.empty(end - begin, differing.dtype)
        for length in range(shortest, longest + 1):
            first, last = (likeness.starts[length : length + 2] - begin).tolist()
            allowed[first:last] = 2 * max_edits - abs(length - len(word))
        found: NDArray[np.int64] = likeness.order[begin + (differing <= allowed).nonzero()[0]]
        return found

    def _max_df(self, ordinal: int) -> int:
        lexicon = self._lexicon
        return int(lexicon.body.documents[ordinal]) + int(lexicon.title.documents[ordinal])

    @cached_property
    def _others(self) -> list[tuple[str, int]]:
        """The words with characters beyond ASCII, with their ordinals."""
        ends, blob = self._lexicon.ends, self._lexicon.blob
        others = self._likeness.others.tolist()
        return [(blob[ends[at] : ends[at + 1]].decode(), at) for at in others]


class EditDistance:
    """Edit distances from one word: insert, delete, substitute, swap neighbours (OSA).

    Bit-parallel, one step for each letter of the other word. Source: Hyyrö, "A Bit-Vector
    Algorithm for Computing Levenshtein and Damerau Edit Distances", 2003.
    """

    def __init__(self, word: str) -> None:
        self.length = len(word)
        self.full = (1 << len(word)) - 1
        self.last = 1 << len(word) >> 1
        self.places: dict[str, int] = {}
        for place, letter in enumerate(word):
            self.places[letter] = self.places.get(letter, 0) | 1 << place

    def to(self, other: str) -> int:
        """Return the number of edits to another word."""
        full, last, places = self.full, self.last, self.places
        distance = self.length
        positive, negative, diagonal, before = full, 0, 0, 0
        for letter in other:
            match = places.get(letter, 0)
            swapped = ((~diagonal & match) << 1) & before
            diagonal = ((((match & positive) + positive) ^ positive) | match | negative) & full
            diagonal |= swapped & full
            up = (negative | ~(diagonal | positive)) & full
            down = diagonal & positive
            distance += (up & last != 0) - (down & last != 0)
            up = (up << 1 | 1) & full
            positive = (down << 1 | ~(diagonal | up)) & full
            negative = up & diagonal
            before = match
        return distance if self.length else len(other)

    def to_all(self, others: NDArray[np.uint8], lengths: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the number of edits to each of several words, one a row of ASCII characters.

        `lengths` are those of the words; a row may hold anything behind the end of its word.
        """
        matches = np.zeros(256, np.uint64)
        for letter, places in self.places.items():
            if ord(letter) < 128:
                matches[ord(letter)] = places
        one, full, last = np.uint64(1), np.uint64(self.full), np.uint64(self.last)
        distance = np.full(len(others), self.length, np.int64)
        result = np.zeros(len(others), np.int64)
        positive = np.full(len(others), full)
        negative = np.zeros(len(others), np.uint64)
        diagonal, before = negative, negative
        shortest = int(lengths.min(initial=0))
        for number, column in enumerate(others.T, 1):
            match = matches[column]
            swapped = ((~diagonal & match) << one) & before
            diagonal = (((match & positive) + positive) ^ positive) | match | negative | swapped
            diagonal &= full
            up = (negative | ~(diagonal | positive)) & full
            down = diagonal & positive
            distance += (up & last) != 0
            distance -= (down & last) != 0
            up = (up << one | one) & full
            positive = (down << one | ~(diagonal | up)) & full
            negative = up & diagonal
            before = match
            if number >= shortest:
                ended = lengths == number
                result[ended] = distance[ended]
        return result if self.length else lengths.astype(np.int64)
