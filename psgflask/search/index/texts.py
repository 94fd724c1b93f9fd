"""The texts of a segment, `<segment>.texts`: what was indexed, as snippets show and search it.

Each document has two: the text in one line, and the same folded, character by character, with a
space for each that is no letter or digit; the second is left out where lower case is enough.
At the end of the file stands where each of them begins, and how many documents there are.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psgflask.core.folding import fold, normalise
from psgflask.search.index.generations import IndexBroken

TEXTS = ".texts"
NUMBER = 8  # bytes

# Characters that no text has, to mark places in one.
MARKS = ("\x02", "\x03")

Ints = NDArray[np.int64]
_BEYOND = re.compile(r"[^\x00-\x7f]")
# How ASCII is folded.
_PLAINLY = bytes(ord(chr(code).lower() if chr(code).isalnum() else " ") for code in range(128))
_PLAINLY += bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Text:
    """A text in one line, and the same folded by character: only letters, digits and spaces.

    That one has a space more at both ends: what stands at a place of `shown` has its space before
    it at the same place of `padded`.
    """

    shown: str
    padded: str


def prepared(text: str) -> Text:
    """Return a text as it is stored."""
    for mark in MARKS:  # a table of `translate` would be looked up for every character
        text = text.replace(mark, " ")
    shown = normalise("NFC", " ".join(text.split()))
    if shown.isascii():
        return Text(shown, f" {shown.encode().translate(_PLAINLY).decode()} ")
    plainly = _BEYOND.sub(lambda found: _folded(found[0]), shown)
    return Text(shown, f" {plainly.encode().translate(_PLAINLY).decode()} ")


def encoded(text: str) -> tuple[bytes, bytes]:
    """Return the two texts as they lie in the file; the second empty where it says no more."""
    stored = prepared(text)
    return stored.shown.encode(), b"" if stored.shown.isascii() else stored.padded[1:-1].encode()


@lru_cache(maxsize=5_000)
def _folded(character: str) -> str:
    if not character.isalnum():
        return " "
    folded = fold(character)
    return folded if len(folded) == 1 else character


class TextWriter:
    """Writes the texts of a segment's documents in their order."""

    def __init__(self, folder: Path, segment: str) -> None:
        self._file = (folder / f"{segment}{TEXTS}").open("wb")
        self._places: list[int] = []

    def put(self, shown: bytes, folded: bytes) -> None:
        """Write the two texts of the next document as `encoded` returns them."""
        at = self._file.tell()
        self._places += [at, at + len(shown)]
        self._file.write(shown)
        self._file.write(folded)

    def take(self, texts: "Texts", numbers: Iterable[int]) -> None:
        """Write those of another segment's documents. Raises IndexBroken."""
        for number in numbers:
            self.put(*texts.packed(number))

    def close(self) -> None:
        """Write where the texts begin."""
        ends = np.array([*self._places, self._file.tell(), len(self._places) // 2], np.int64)
        self._file.write(ends.tobytes())
        self._file.close()


class Texts:
    """Reads them; the caller closes it."""

    def __init__(self, folder: Path, segment: str) -> None:
        """Open the file. Raises OSError; IndexBroken when it is cut short."""
        self._file = os.open(folder / f"{segment}{TEXTS}", os.O_RDONLY)
        try:
            self._places = self._read_places()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def packed(self, number: int) -> tuple[bytes, bytes]:
        """Return the two texts of a document as they lie in the file. Raises IndexBroken."""
        begin, middle, end = self._places[2 * number : 2 * number + 3].tolist()
        found = os.pread(self._file, end - begin, begin)
        if len(found) != end - begin:
            raise IndexBroken("The texts are cut short")
        return found[: middle - begin], found[middle - begin :]

    def of(self, number: int) -> Text:
        """Return the text of a document. Raises IndexBroken."""
        shown, folded = self.packed(number)
        folded = folded or shown.translate(_PLAINLY)
        return Text(shown.decode(errors="replace"), f" {folded.decode(errors='replace')} ")

    def _read_places(self) -> Ints:
        size = os.fstat(self._file).st_size
        count = int(self._last(size, 1)[0])
        if not 0 <= count < size // (2 * NUMBER):
            raise IndexBroken("The texts are not as they were written")
        return self._last(size - NUMBER, 2 * count + 1)

    def _last(self, end: int, count: int) -> Ints:
        found = os.pread(self._file, count * NUMBER, max(0, end - count * NUMBER))
        if len(found) != count * NUMBER:
            raise IndexBroken("The texts are cut short")
        return np.frombuffer(found, np.int64)
