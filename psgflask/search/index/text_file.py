"""The texts of a segment, `<segment>.texts`: what was indexed, as snippets show and search it.

Each document has two: the text in one line, and the same folded, character by character, with a
space for each that is no letter or digit; the second is left out where lower case is enough.
At the end of the file stands where each of them begins, and how many documents there are.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index.protocol import IndexBroken
from psgflask.search.texts import PLAINLY, Text, prepared

TEXTS = ".texts"
NUMBER = 8  # bytes

Ints = NDArray[np.int64]


def encoded(text: str) -> tuple[bytes, bytes]:
    """Return the two texts as they lie in the file; the second empty where it says no more."""
    stored = prepared(text)
    return stored.shown.encode(), b"" if stored.shown.isascii() else stored.padded[1:-1].encode()


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
        folded = folded or shown.translate(PLAINLY)
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
