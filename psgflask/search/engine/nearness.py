"""Nearness: the words of a lexicon that are few edits away from one word."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from psgflask.search.language import fold

LONGEST = 60  # letters; nobody mistypes a longer word into one that is there


class Neighbours:
    """The folded words of a lexicon, by their length, each with a signature of its letters.

    A signature has a bit for each letter that occurs and one for each that occurs again (some
    letters share theirs). Putting a letter in or taking one out changes one bit at most, putting
    one in the place of another two, a swap none: so most words are ruled out by counting bits.
    """

    def __init__(self, blob: bytes, ends: NDArray[np.int64]) -> None:
        letters = np.frombuffer(blob, np.uint8)
        lengths = np.diff(ends)
        # Where a word holds a byte of a letter beyond ASCII; accented forms are among these.
        beyond = np.concatenate(([0], np.cumsum(letters > 127)))
        plain = beyond[ends[1:]] == beyond[ends[:-1]]
        self._letters: dict[int, NDArray[np.uint8]] = {}
        self._signatures: dict[int, NDArray[np.uint64]] = {}
        for length in np.unique(lengths[plain]).tolist():
            if 0 < length <= LONGEST:
                starts = ends[:-1][plain & (lengths == length)]
                table = letters[starts[:, None] + np.arange(length)]
                self._letters[length] = table
                self._signatures[length] = _signatures(table)
        texts = (blob[ends[at] : ends[at + 1]].decode() for at in np.flatnonzero(~plain).tolist())
        self._others = [text for text in texts if fold(text) == text]

    def near(self, word: str, most: int) -> Iterator[tuple[str, int]]:
        """Yield (other, distance) for the words within `most` edits, the word itself too."""
        if len(word) > LONGEST:
            return
        edits = Edits(word)
        for other in self._others:
            if abs(len(other) - len(word)) <= most and (distance := edits.to(other)) <= most:
                yield other, distance
        own = signature(word)
        for length in range(max(1, len(word) - most), len(word) + most + 1):
            table = self._letters.get(length)
            if table is None:
                continue
            differing = np.bitwise_count(self._signatures[length] ^ np.uint64(own))
            likely = np.flatnonzero(differing <= 2 * most - abs(length - len(word)))
            if not len(likely):
                continue
            found = table[likely]
            distances = edits.to_all(found)
            for place in np.flatnonzero(distances <= most).tolist():
                yield found[place].tobytes().decode(), int(distances[place])


def signature(word: str) -> int:
    """Return the signature of a word."""
    once = again = 0
    for letter in word:
        bit = 1 << (ord(letter) & 31)
        again |= once & bit
        once |= bit
    return once | again << 32


def _signatures(table: NDArray[np.uint8]) -> NDArray[np.uint64]:
    once = np.zeros(len(table), np.uint64)
    again = np.zeros(len(table), np.uint64)
    for column in table.T:
        bits = np.left_shift(np.uint64(1), (column & 31).astype(np.uint64))
        again |= once & bits
        once |= bits
    return once | again << np.uint64(32)


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
