"""Nearness: the words of a lexicon that are few edits away from one word."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import signatures
from psgflask.search.index.columns import Lexicon, Likeness
from psgflask.search.index.signatures import LONGEST


class Neighbours:
    """The folded words of a segment's lexicon."""

    def __init__(self, lexicon: Lexicon, likeness: Likeness) -> None:
        self._blob, self._ends, self._like = lexicon.blob, lexicon.ends, likeness
        self._letters = np.frombuffer(lexicon.blob, np.uint8)

    def near(self, word: str, most: int) -> Iterator[tuple[str, int]]:
        """Yield (other, distance) for the words within `most` edits, the word itself too."""
        if len(word) > LONGEST:
            return
        edits = Edits(word)
        for other in self._others:
            if abs(len(other) - len(word)) <= most and (distance := edits.to(other)) <= most:
                yield other, distance
        like, own = self._like, np.uint64(signatures.of_word(word))
        for length in range(max(1, len(word) - most), min(LONGEST, len(word) + most) + 1):
            begin, end = like.starts[length : length + 2].tolist()
            differing = np.bitwise_count(like.signatures[begin:end] ^ own)
            likely = np.flatnonzero(differing <= 2 * most - abs(length - len(word)))
            if not len(likely):
                continue
            begins = self._ends[like.order[begin + likely]]
            found = signatures.table(self._letters, begins, length)
            distances = edits.to_all(found)
            for place in np.flatnonzero(distances <= most).tolist():
                yield found[place].tobytes().decode(), int(distances[place])

    @cached_property
    def _others(self) -> list[str]:
        """Those with letters beyond ASCII."""
        ends = self._ends
        return [self._blob[ends[at] : ends[at + 1]].decode() for at in self._like.others.tolist()]


class Edits:
    """Distances from one word: insert, delete, substitute, swap neighbours (OSA).

    Bit-parallel, one step a letter of the other word. Source: Hyyrö, "A Bit-Vector Algorithm for
    Computing Levenshtein and Damerau Edit Distances", 2003.
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

    def to_all(self, others: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of edits to each of several words of one length, a word a row."""
        matches = np.zeros(256, np.uint64)
        for letter, places in self.places.items():
            if ord(letter) < 128:
                matches[ord(letter)] = places
        one, full, last = np.uint64(1), np.uint64(self.full), np.uint64(self.last)
        distance = np.full(len(others), self.length, np.int64)
        positive = np.full(len(others), full)
        negative = np.zeros(len(others), np.uint64)
        diagonal, before = negative, negative
        for column in others.T:
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
        return distance if self.length else np.full(len(others), others.shape[1], np.int64)
