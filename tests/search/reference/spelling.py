"""Spelling: the best correction of a word, and words like it, from the lexicon alone.

    cost  = OSA distance (at most 2; below 5 letters at most 1)
            - 0.5 if the sound keys are equal, or the same letters stand in another order, or the
              words are equal with doubled letters single
            + 0.5 if the first letter differs
    score = ln(min(df, 100)) - 8 cost;  ties: greater df, then alphabetical

Source: measured on English and Spanish error lists; distance after Damerau (1964), choice after
Norvig's "How to Write a Spelling Corrector".
"""

import re
from functools import lru_cache
from math import log

from psgflask.core.language_names import LANGUAGES
from psgflask.search.language import STOP_WORDS, stem
from tests.search.reference.snapshot import EXACT, MAX_COUNTED, Snapshot

MAX_EXPANSIONS = 20
ONE_EDIT_FROM, TWO_EDITS_FROM = 5, 8  # letters from which more edits are looked at
COMMON = 100
RARE, TIMES_COMMONER, MAX_LIKELIER_COST = 3, 20, 1.0
MAX_COST = 2.0


def correction(snapshot: Snapshot, word: str) -> str | None:
    """Return the best correction of a word, None when nothing is near."""
    if any(map(str.isdigit, word)):
        return None
    costs = {
        other: price
        for other, distance in fuzzy_matches(snapshot, word).items()
        if distance and (price := cost(word, other, distance)) <= MAX_COST
    }
    return _best(snapshot, costs, snapshot.live_docs, 1)


def likelier(snapshot: Snapshot, word: str) -> str | None:
    """Return a far commoner spelling of a rare word, to be offered as a link only.

    Documents are counted in the word's own language, the one where its share is greater.
    """
    docs = snapshot.term(EXACT, word).docs
    if not docs or any(map(str.isdigit, word)):
        return None
    own = max(
        snapshot.languages.values(),
        key=lambda spoken: (docs & spoken).bit_count() / spoken.bit_count(),
    )
    n = (docs & own).bit_count()
    if n > RARE:
        return None
    # One edit is as far as the cost may go: two cost 1.5 at the least.
    costs = {
        other: price
        for other, distance in fuzzy_matches(snapshot, word, 1).items()
        if distance
        and (price := cost(word, other, distance)) <= MAX_LIKELIER_COST
        and all(stem(word, language) != stem(other, language) for language in LANGUAGES)
    }
    return _best(snapshot, costs, own, TIMES_COMMONER * n)


def fuzzy_expansions(snapshot: Snapshot, word: str) -> tuple[str, ...]:
    """Return the words within 1 edit from 5 letters, 2 from 8: the 20 nearest.

    Of equally near ones those in most documents, then alphabetical.
    """
    most = 2 if len(word) >= TWO_EDITS_FROM else 1 if len(word) >= ONE_EDIT_FROM else 0
    if any(map(str.isdigit, word)):
        most = 0
    distances = fuzzy_matches(snapshot, word) if most else {}
    chosen: list[str] = []
    for step in range(most + 1):
        room = MAX_EXPANSIONS - len(chosen)
        alike = (other for other, distance in distances.items() if distance == step)
        chosen += snapshot.most_frequent(alike, room) if room else []
    return tuple(chosen)


def fuzzy_matches(snapshot: Snapshot, word: str, most: int | None = None) -> dict[str, int]:
    """Return word -> distance within `most` edits, or as many as may be looked at.

    Stop words are left out: they are not searched for.
    """
    edits = most or (2 if len(word) >= ONE_EDIT_FROM else 1)
    found = snapshot.fuzzy_matches(word, edits)
    return {other: distance for other, distance in found.items() if other not in STOP_WORDS}


def _best(snapshot: Snapshot, costs: dict[str, float], among: int, least: int) -> str | None:
    """Return the word of the best score that stands in at least so many of these documents.

    Documents are counted only for words that by their upper bound may still win.
    """
    lexicons = snapshot.lexicons()
    bounds = {word: sum(each.bound(word) for each in lexicons) for word in costs}
    likely = sorted((-score(bounds[word], costs[word]), -bounds[word], word) for word in costs)
    found: tuple[float, int, str] | None = None
    for at_best in likely[:MAX_COUNTED]:
        if found is not None and at_best >= found:
            break
        word = at_best[2]
        n = (snapshot.term(EXACT, word).docs & among).bit_count()
        key = (-score(n, costs[word]), -n, word)
        if n >= least and (found is None or key < found):
            found = key
    return found[2] if found else None


def score(n: int, price: float) -> float:
    """Return how good a correction is that stands in `n` documents."""
    return log(min(max(n, 1), COMMON)) - 8 * price


def cost(word: str, other: str, distance: int) -> float:
    """Return the cost of a correction at a distance."""
    alike = (
        sound_key(word) == sound_key(other)
        or sorted(word) == sorted(other)
        or _single(word) == _single(other)
    )
    return distance - 0.5 * alike + 0.5 * (word[0] != other[0])


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
