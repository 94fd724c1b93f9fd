"""Spelling: the best correction of a word, and its fuzzy matches, from the lexicon alone.

    cost  = OSA distance (at most 2; below 5 letters at most 1)
            - 0.5 if the sound keys are equal, or the same letters stand in another order, or the
              words are equal with doubled letters single
            + 0.5 if the first letter differs
    score = ln(min(df, 100)) - 8 cost;  ties: greater df, then alphabetical

Numbers are not corrected, nor anything at a cost above 2: two edits and another first letter make
another word (decision 14).

As in docs/ranking.md; measured on English and Spanish error lists. Distance after Damerau (1964),
choice after Norvig's "How to Write a Spelling Corrector".
"""

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from math import inf, log

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.fuzzy_lexicon import FuzzyMatch
from psgflask.search.engine.matching import language_matches
from psgflask.search.engine.segments import DocIds
from psgflask.search.engine.snapshot import MAX_COUNTED, Snapshot
from psgflask.search.index.columns import EXACT
from psgflask.search.language import MAX_CACHED_WORD, STOP_WORDS, stem

MAX_EXPANSIONS = 20
ONE_EDIT_FROM, TWO_EDITS_FROM = 5, 8  # letters of a word that is expanded
CORRECTED_BY_TWO_FROM = 5  # letters of a word that is corrected
COMMON = 100
RARE, TIMES_COMMONER, MAX_LIKELIER_COST = 3, 20, 1.0
MAX_COST = 2.0
ALIKE = 0.5  # less for words that sound alike or have the same letters


def correction(snapshot: Snapshot, word: str) -> str | None:
    """Return the best correction of a word, None when nothing is near."""
    if _has_digit(word):
        return None
    best: list[str] = snapshot.cached(
        ("correction", word), lambda: corrections(snapshot, word, 1, MAX_COST)
    )
    return best[0] if best else None


def corrections(snapshot: Snapshot, word: str, limit: int, max_cost: float = inf) -> list[str]:
    """Return the best corrections of a word that cost no more than `max_cost`, best first."""
    candidates = {other: at for other, at in _near(snapshot, word).items() if at.distance}
    chosen: list[str] = []
    while len(chosen) < limit and (best := _best(snapshot, word, candidates, max_cost)):
        chosen.append(best)
        del candidates[best]
    return chosen


def likelier(snapshot: Snapshot, word: str) -> str | None:
    """Return a far commoner spelling of a rare word, to be offered as a link only.

    Documents are counted in the word's own language, the one where its share is greater. Another
    form of the word is not offered: it is found anyway.
    """
    return snapshot.cached(("likelier", word), partial(_likelier, snapshot, word)) or None


def _likelier(snapshot: Snapshot, word: str) -> str:
    """Return the spelling, "" for none: None would not be cached."""
    docs = snapshot.term(EXACT, word).docs
    if not len(docs) or _has_digit(word):
        return ""
    own = max(LANGUAGES, key=lambda language: _share(snapshot, docs, language))
    df = _df_in(snapshot, docs, own)
    if df > RARE:
        return ""
    # One edit is as far as the cost allows: two cost 1.5 at the least.
    candidates = {
        other: at
        for other, at in _near(snapshot, word, 1).items()
        if at.distance and not _is_form(word, other)
    }
    return _best(snapshot, word, candidates, MAX_LIKELIER_COST, own, TIMES_COMMONER * df) or ""


def fuzzy_expansions(snapshot: Snapshot, word: str) -> tuple[str, ...]:
    """Return the words within 1 edit from 5 letters, 2 from 8: the 20 nearest.

    Of equally near ones those in most documents, then alphabetical.
    """
    max_edits = 2 if len(word) >= TWO_EDITS_FROM else 1 if len(word) >= ONE_EDIT_FROM else 0
    if _has_digit(word):
        max_edits = 0
    candidates = _near(snapshot, word) if max_edits else {}
    chosen: list[str] = []
    for edits in range(max_edits + 1):
        left = MAX_EXPANSIONS - len(chosen)
        as_near = {other: at.max_df for other, at in candidates.items() if at.distance == edits}
        chosen += snapshot.most_frequent(as_near, left) if left else []
    return tuple(chosen)


def _near(snapshot: Snapshot, word: str, max_edits: int | None = None) -> dict[str, FuzzyMatch]:
    """Return the words within `max_edits`, by default as many as a correction may have.

    Stop words are left out: they are not searched for.
    """
    edits = max_edits or (2 if len(word) >= CORRECTED_BY_TWO_FROM else 1)
    found = snapshot.fuzzy_matches(word, edits)
    return {other: at for other, at in found.items() if other not in STOP_WORDS}


def _best(
    snapshot: Snapshot,
    word: str,
    candidates: Mapping[str, FuzzyMatch],
    max_cost: float = inf,
    language: str | None = None,
    min_df: int = 1,
) -> str | None:
    """Return the candidate of the best score that is in `min_df` documents of a language or more.

    None that costs more than `max_cost`. A candidate's cost and documents are counted only while
    the least that it may cost and the most that may have it could still win.
    """
    likely = sorted(
        (-score(at.max_df, at.distance - ALIKE), -at.max_df, other)
        for other, at in candidates.items()
    )
    best: tuple[float, int, str] | None = None
    for at_best in likely[:MAX_COUNTED]:
        if best is not None and at_best >= best:
            break
        other = at_best[2]
        max_df, price = candidates[other].max_df, cost(word, other, candidates[other].distance)
        is_beaten = best is not None and (-score(max_df, price), -max_df, other) >= best
        if is_beaten or price > max_cost:
            continue
        docs = snapshot.term(EXACT, other).docs
        df = _df_in(snapshot, docs, language) if language else len(docs)
        key = (-score(df, price), -df, other)
        if df >= min_df and (best is None or key < best):
            best = key
    return best[2] if best else None


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_form(word: str, other: str) -> bool:
    return any(stem(word, language) == stem(other, language) for language in LANGUAGES)


def _df_in(snapshot: Snapshot, docs: DocIds, language: str) -> int:
    return int((snapshot.language[docs] == LANGUAGES.index(language)).sum())


def _share(snapshot: Snapshot, docs: DocIds, language: str) -> float:
    return _df_in(snapshot, docs, language) / max(1, len(language_matches(snapshot, language)))


def score(df: int, price: float) -> float:
    """Return how good a correction is that stands in `df` documents."""
    return log(min(max(df, 1), COMMON)) - 8 * price


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
    return _sound_key(word) if len(word) <= MAX_CACHED_WORD else _sounded(word)


def _sounded(word: str) -> str:
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    word = _SOFT_C.sub("s", word).replace("c", "k")
    word = _SOFT_G.sub("j", word).replace("h", "")
    return _single(word.replace("y", "i").replace("w", "u"))


_sound_key = lru_cache(maxsize=20_000)(_sounded)


def _single(word: str) -> str:
    return _DOUBLED.sub(r"\1", word)
