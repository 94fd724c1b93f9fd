"""Spelling: the best correction of a word, and words like it, from the lexicon alone.

    cost  = OSA distance (at most 2; below 5 letters at most 1)
            - 0.5 if the sound keys are equal, or the same letters stand in another order, or the
              words are equal with doubled letters single
            + 0.5 if the first letter differs
    score = ln(min(n, 100)) - 8 cost;  ties: greater n, then alphabetical

Numbers are not corrected, nor anything at a cost above 2: two edits and another first letter make
another word (decision 14).

Source: measured on English and Spanish error lists; distance after Damerau (1964), choice after
Norvig's "How to Write a Spelling Corrector".
"""

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from math import inf, log

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.fuzzy_lexicon import Near
from psgflask.search.engine.matching import in_language
from psgflask.search.engine.snapshot import MOST_COUNTED, Snapshot
from psgflask.search.engine.terms import Docs
from psgflask.search.index.columns import EXACT
from psgflask.search.language import LONGEST, stem
from psgflask.search.stopwords import STOP_WORDS

NEAREST = 20
LONG, LONGER = 5, 8  # letters from which more edits are looked at
COMMON = 100
RARE, TIMES_COMMONER, SURE_COST = 3, 20, 1.0
DEAREST = 2.0
ALIKE = 0.5  # less for words that sound alike or have the same letters


def best(snapshot: Snapshot, word: str) -> str | None:
    """Return the best correction of a word, None when nothing is near."""
    if _has_digit(word):
        return None
    found: list[str] = snapshot.keep(("best", word), lambda: ranked(snapshot, word, 1, DEAREST))
    return found[0] if found else None


def ranked(snapshot: Snapshot, word: str, most: int, dearest: float = inf) -> list[str]:
    """Return the best corrections of a word that cost no more than `dearest`, the best first."""
    candidates = {other: at for other, at in near(snapshot, word).items() if at.distance}
    chosen: list[str] = []
    while len(chosen) < most and (found := _best(snapshot, word, candidates, dearest)):
        chosen.append(found)
        del candidates[found]
    return chosen


def likelier(snapshot: Snapshot, word: str) -> str | None:
    """Return a far commoner spelling of a rare word, to be offered as a link only.

    Documents are counted in the word's own language, the one where its share is greater. Another
    form of the word is none: it is found anyway.
    """
    return snapshot.keep(("likelier", word), partial(_likelier, snapshot, word)) or None


def _likelier(snapshot: Snapshot, word: str) -> str:
    """Return the spelling, "" for none: nothing would be looked for again each time."""
    docs = snapshot.term(EXACT, word).docs
    if not len(docs) or _has_digit(word):
        return ""
    own = max(LANGUAGES, key=lambda spoken: _share(snapshot, docs, spoken))
    n = _spoken(snapshot, docs, own)
    if n > RARE:
        return ""
    # One edit is as far as the cost may go: two cost 1.5 at the least.
    candidates = {
        other: at
        for other, at in near(snapshot, word, 1).items()
        if at.distance and not _is_form(word, other)
    }
    return _best(snapshot, word, candidates, SURE_COST, own, TIMES_COMMONER * n) or ""


def like(snapshot: Snapshot, word: str) -> tuple[str, ...]:
    """Return the words within 1 edit from 5 letters, 2 from 8: the 20 nearest.

    Of equally near ones those in most documents, then alphabetical.
    """
    most = 2 if len(word) >= LONGER else 1 if len(word) >= LONG else 0
    if _has_digit(word):
        most = 0
    candidates = near(snapshot, word) if most else {}
    chosen: list[str] = []
    for step in range(most + 1):
        room = NEAREST - len(chosen)
        alike = {other: at.bound for other, at in candidates.items() if at.distance == step}
        chosen += snapshot.commonest(alike, room) if room else []
    return tuple(chosen)


def near(snapshot: Snapshot, word: str, most: int | None = None) -> dict[str, Near]:
    """Return the words within `most` edits, or as many as may be looked at.

    Stop words are left out: nobody is searching for one.
    """
    edits = most or (2 if len(word) >= LONG else 1)
    found = snapshot.near(word, edits)
    return {other: at for other, at in found.items() if other not in STOP_WORDS}


def _best(
    snapshot: Snapshot,
    word: str,
    candidates: Mapping[str, Near],
    dearest: float = inf,
    language: str | None = None,
    least: int = 1,
) -> str | None:
    """Return the candidate of the best score that stands in so many documents of a language.

    None that costs more than `dearest`. A candidate is priced, and its documents are counted, only
    while the least that it may cost and the most that may hold it could still win.
    """
    likely = sorted(
        (-score(at.bound, at.distance - ALIKE), -at.bound, other)
        for other, at in candidates.items()
    )
    found: tuple[float, int, str] | None = None
    for at_best in likely[:MOST_COUNTED]:
        if found is not None and at_best >= found:
            break
        other = at_best[2]
        bound, price = candidates[other].bound, cost(word, other, candidates[other].distance)
        is_beaten = found is not None and (-score(bound, price), -bound, other) >= found
        if is_beaten or price > dearest:
            continue
        docs = snapshot.term(EXACT, other).docs
        n = _spoken(snapshot, docs, language) if language else len(docs)
        key = (-score(n, price), -n, other)
        if n >= least and (found is None or key < found):
            found = key
    return found[2] if found else None


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_form(word: str, other: str) -> bool:
    return any(stem(word, language) == stem(other, language) for language in LANGUAGES)


def _spoken(snapshot: Snapshot, docs: Docs, language: str) -> int:
    return int((snapshot.language[docs] == LANGUAGES.index(language)).sum())


def _share(snapshot: Snapshot, docs: Docs, language: str) -> float:
    return _spoken(snapshot, docs, language) / max(1, len(in_language(snapshot, language)))


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
    return distance - ALIKE * alike + 0.5 * (word[0] != other[0])


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
_SOFT_C, _SOFT_G = re.compile(r"c(?=[eiy])"), re.compile(r"g(?=[ei])")
_DOUBLED = re.compile(r"(.)\1+")


def sound_key(word: str) -> str:
    """Return a key that words of the same sound in Spanish or English share."""
    return _sound_key(word) if len(word) <= LONGEST else _sounded(word)


def _sounded(word: str) -> str:
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    word = _SOFT_C.sub("s", word).replace("c", "k")
    word = _SOFT_G.sub("j", word).replace("h", "")
    return _single(word.replace("y", "i").replace("w", "u"))


_sound_key = lru_cache(maxsize=20_000)(_sounded)


def _single(word: str) -> str:
    return _DOUBLED.sub(r"\1", word)
