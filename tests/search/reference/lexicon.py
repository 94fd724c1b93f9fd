"""The words of a segment: those that begin alike, and those few edits away."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

_LETTERS = 31  # one bit of a mask for each remainder of a letter's code


class Lexicon:
    """Folded words in order, each with an upper bound of the documents that hold it."""

    def __init__(self, words: list[str], bounds: Sequence[int]) -> None:
        self.words = words
        self.bounds = bounds
        self._by_length: dict[int, tuple[list[int], array[int]]] | None = None

    def bound(self, word: str) -> int:
        """Return the most documents that can hold a word; deleted ones may be among them."""
        place = bisect_left(self.words, word)
        there = place < len(self.words) and self.words[place] == word
        return self.bounds[place] if there else 0

    def beginning(self, prefix: str) -> Iterator[str]:
        """Yield the words that begin so, in order."""
        for place in range(bisect_left(self.words, prefix), len(self.words)):
            if not self.words[place].startswith(prefix):
                return
            yield self.words[place]

    def near(self, word: str, most: int) -> Iterator[tuple[str, int]]:
        """Yield (other, distance) for the words within `most` edits, the word itself too."""
        letters = letters_of(word)
        edits = Edits(word)
        by_length = self._lengths()
        for length in range(max(1, len(word) - most), len(word) + most + 1):
            places, masks = by_length.get(length, ((), ()))
            for place, mask in zip(places, masks, strict=True):
                # One edit takes at most one letter out of the set of letters and puts one in.
                if (mask ^ letters).bit_count() <= 2 * most:
                    other = self.words[place]
                    distance = edits.to(other)
                    if distance <= most:
                        yield other, distance

    def _lengths(self) -> dict[int, tuple[list[int], "array[int]"]]:
        if self._by_length is None:
            by_length: dict[int, tuple[list[int], array[int]]] = {}
            for place, word in enumerate(self.words):
                places, masks = by_length.setdefault(len(word), ([], array("I")))
                places.append(place)
                masks.append(letters_of(word))
            self._by_length = by_length
        return self._by_length


def letters_of(word: str) -> int:
    """Return which letters a word has, one bit for each; some letters share a bit."""
    mask = 0
    for letter in word:
        mask |= 1 << (ord(letter) & _LETTERS)
    return mask


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
