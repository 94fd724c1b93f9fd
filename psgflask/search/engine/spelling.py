"""Spelling: the best correction of a word, and words like it, from the lexicon alone.

    cost  = OSA distance (at most 2; below 5 letters at most 1)
            - 0.5 if the sound keys are equal, or the same letters stand in another order, or the
              words are equal with doubled letters single
            + 0.5 if the first letter differs
    score = ln(min(n, 100)) - 8 cost;  ties: greater n, then alphabetical

Source: measured on English and Spanish error lists; distance after Damerau (1964), choice after
Norvig's "How to Write a Spelling Corrector".
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from math import log

from psgflask.search.engine.snapshot import Snapshot

NEAREST = 20
RARE, TIMES_COMMONER, SURE_COST = 3, 20, 1.0


def best(snapshot: Snapshot, word: str) -> str | None:
    """Return the best correction of a word, None when nothing is near."""
    most = 2 if len(word) >= 5 else 1
    candidates = [
        (score(word, other, distance, snapshot.documents_with(other)), other)
        for other, distance in near(snapshot.lexicon(), word, most)
        if distance
    ]
    candidates = [found for found in candidates if found[0][1] > 0]
    return (
        max(candidates, key=lambda found: (found[0], _backwards(found[1])))[1]
        if candidates
        else None
    )


def likelier(snapshot: Snapshot, word: str) -> str | None:
    """Return a far commoner spelling of a rare word, to be offered as a link only."""
    n = snapshot.documents_with(word)
    if not 0 < n <= RARE:
        return None
    found = best(snapshot, word)
    if found is None or snapshot.documents_with(found) < TIMES_COMMONER * n:
        return None
    distance = osa(word, found, 2)
    return found if distance is not None and cost(word, found, distance) <= SURE_COST else None


def like(snapshot: Snapshot, word: str) -> tuple[str, ...]:
    """Return the words within 1 edit from 5 letters, 2 from 8: the 20 nearest."""
    most = 2 if len(word) >= 8 else 1 if len(word) >= 5 else 0
    if not most:
        return ()
    found = sorted(
        near(snapshot.lexicon(), word, most),
        key=lambda pair: (pair[1], -snapshot.lexicon()[pair[0]], pair[0]),
    )
    return tuple(other for other, _distance in found[:NEAREST])


def score(word: str, other: str, distance: int, n: int) -> tuple[float, int]:
    """Return how good a correction is, and how common for ties."""
    return log(min(max(n, 1), 100)) - 8 * cost(word, other, distance), n


def cost(word: str, other: str, distance: int) -> float:
    """Return the cost of a correction at a distance."""
    alike = (
        sound_key(word) == sound_key(other)
        or sorted(word) == sorted(other)
        or _single(word) == _single(other)
    )
    return distance - 0.5 * alike + 0.5 * (word[0] != other[0])


def near(lexicon: Iterable[str], word: str, most: int) -> list[tuple[str, int]]:
    """Return (word, distance) for the words within `most` edits."""
    letters = _letters(word)
    found = []
    for other in lexicon:
        if abs(len(other) - len(word)) > most:
            continue
        # One edit changes at most two letters of the set of letters.
        if (letters ^ _letters(other)).bit_count() > 2 * most:
            continue
        distance = osa(word, other, most)
        if distance is not None:
            found.append((other, distance))
    return found


@lru_cache(maxsize=200_000)
def _letters(word: str) -> int:
    mask = 0
    for character in word:
        mask |= 1 << (ord(character) & 63)
    return mask


def osa(word: str, other: str, most: int) -> int | None:
    """Return the edits (insert, delete, substitute, swap neighbours), None beyond `most`."""
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(word, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            value = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and word[i - 2] == b:
                value = min(value, before_last[j - 2] + 1)
            row.append(value)
        if min(row) > most:
            return None
        before_last, last = last, row
    return last[-1] if last[-1] <= most else None


_SOUNDS = (
    ("ph", "f"),
    ("ll", "y"),
    ("qu", "k"),
    ("ck", "k"),
    ("sh", "s"),
    ("ch", "C"),
    ("hu", "w"),
    ("v", "b"),
    ("z", "s"),
    ("x", "s"),
)


@lru_cache(maxsize=20_000)
def sound_key(word: str) -> str:
    """Return a key that words of the same sound in Spanish or English share."""
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    word = re.sub(r"c(?=[eiy])", "s", word).replace("c", "k")
    word = re.sub(r"g(?=[ei])", "j", word).replace("h", "")
    return _single(word.replace("y", "i").replace("w", "u"))


def _single(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _backwards(word: str) -> tuple[int, ...]:
    """Order words so that the greatest is the first of the alphabet."""
    return tuple(-ord(character) for character in word)
