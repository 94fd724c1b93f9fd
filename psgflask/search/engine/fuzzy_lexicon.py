"""Nearness: the words of a lexicon that are few edits away from one word."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index import signatures
from psgflask.search.index.columns import Lexicon, Likeness
from psgflask.search.index.signatures import LONGEST


@dataclass(frozen=True, slots=True)
class Near:
    """How many edits a word is away, and the most documents that can hold it."""

    distance: int
    bound: int


class Neighbours:
    """The folded words of a segment's lexicon."""

    def __init__(self, lexicon: Lexicon, likeness: Likeness) -> None:
        self._lexicon, self._like = lexicon, likeness
        self._letters = np.frombuffer(lexicon.blob, np.uint8)

    def near(self, word: str, most: int) -> Iterator[tuple[str, Near]]:
        """Yield the words within `most` edits, the word itself too."""
        if len(word) > LONGEST:
            return
        edits = Edits(word)
        for other, place in self._others:
            if abs(len(other) - len(word)) <= most and (distance := edits.to(other)) <= most:
                yield other, Near(distance, self._bound(place))
        places = self._likely(word, most)
        if not len(places):
            return
        begins = self._lexicon.ends[places]
        lengths = self._lexicon.ends[places + 1] - begins
        found = signatures.table(self._letters, begins, lengths)
        distances = edits.to_all(found, lengths)
        for at in np.flatnonzero(distances <= most).tolist():
            other = found[at, : lengths[at]].tobytes().decode()
            yield other, Near(int(distances[at]), self._bound(int(places[at])))

    def _likely(self, word: str, most: int) -> NDArray[np.int64]:
        """Return the places of those ASCII words that their signatures do not rule out."""
        like, own = self._like, np.uint64(signatures.of_word(word))
        shortest, longest = max(1, len(word) - most), min(LONGEST, len(word) + most)
        begin, end = like.starts[[shortest, longest + 1]].tolist()
        differing = np.bitwise_count(like.signatures[begin:end] ^ own)
        allowed = np.empty(end - begin, differing.dtype)
        for length in range(shortest, longest + 1):
            first, last = (like.starts[length : length + 2] - begin).tolist()
            allowed[first:last] = 2 * most - abs(length - len(word))
        likely: NDArray[np.int64] = like.order[begin + (differing <= allowed).nonzero()[0]]
        return likely

    def _bound(self, place: int) -> int:
        own = self._lexicon
        return int(own.body.documents[place]) + int(own.title.documents[place])

    @cached_property
    def _others(self) -> list[tuple[str, int]]:
        """Those with letters beyond ASCII, with their places."""
        ends, blob = self._lexicon.ends, self._lexicon.blob
        return [(blob[ends[at] : ends[at + 1]].decode(), at) for at in self._like.others.tolist()]


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

    def to_all(self, others: NDArray[np.uint8], lengths: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the number of edits to each of several words, a word a row.

        Behind the end of a word, which is as long as `lengths` says, a row may hold anything.
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
