"""Signatures of words: bits by which most of a lexicon is ruled out as too far from one word.

A signature has a bit for each letter that occurs and one for each that occurs again (some letters
share theirs). Putting a letter in or taking one out changes one bit at most, putting one in the
place of another two, a swap none.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.language import fold

MAX_LENGTH = 60  # letters; nobody mistypes a longer word into one that is there


def of_word(word: str) -> int:
    """Return the signature of a word."""
    once = again = 0
    for letter in word:
        bit = 1 << (ord(letter) & 31)
        again |= once & bit
        once |= bit
    return once | again << 32


def of_words(blob: bytes, ends: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `columns.Likeness` by name, for the words of a lexicon."""
    letters = np.frombuffer(blob, np.uint8)
    lengths = np.diff(ends)
    # Where a word holds a byte of a letter beyond ASCII; accented forms are among these.
    beyond = np.concatenate(([0], np.cumsum(letters > 127)))
    plain = beyond[ends[1:]] == beyond[ends[:-1]]
    usable = np.flatnonzero(plain & (lengths > 0) & (lengths <= MAX_LENGTH))
    order = usable[np.argsort(lengths[usable], kind="stable")]
    starts = np.searchsorted(lengths[order], np.arange(MAX_LENGTH + 2))
    found = [np.zeros(0, np.uint64)]
    for length in range(1, MAX_LENGTH + 1):
        own = order[starts[length] : starts[length + 1]]
        found.append(_of_table(table(letters, ends[own], np.full(len(own), length))))
    texts = ((at, blob[ends[at] : ends[at + 1]].decode()) for at in np.flatnonzero(~plain).tolist())
    others = np.array([at for at, text in texts if fold(text) == text], np.int64)
    return {
        "order": order,
        "starts": starts,
        "signatures": np.concatenate(found),
        "others": others,
    }


def table(
    letters: NDArray[np.uint8], begins: NDArray[Any], lengths: NDArray[Any]
) -> NDArray[np.uint8]:
    """Return words that begin at these places of a blob, a word a row as long as the longest.

    Behind the end of a shorter word stands what follows it in the blob.
    """
    places = begins[:, None] + np.arange(lengths.max(initial=0))
    return letters.take(places, mode="clip")


def _of_table(words: NDArray[np.uint8]) -> NDArray[np.uint64]:
    once = np.zeros(len(words), np.uint64)
    again = np.zeros(len(words), np.uint64)
    for column in words.T:
        bits = np.left_shift(np.uint64(1), (column & 31).astype(np.uint64))
        again |= once & bits
        once |= bits
    return once | again << np.uint64(32)
