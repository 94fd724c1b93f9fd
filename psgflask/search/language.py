"""Words, folding and stems of English and Spanish: how texts and queries become terms."""

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import local

import snowballstemmer

from psgflask.core import folding

# A letter or digit, with the combining marks that follow it in decomposed text.
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
_PLAIN_WORD = re.compile(r"[^\W_]+")
_ALGORITHMS = {"en": "english", "es": "spanish"}
_stemmers = local()
# Letters of a word that is kept once folded or stemmed: longer ones are no words, but there are
# endlessly many of them.
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: folded, and in lower case as typed where that has accents (else "")."""

    folded: str
    accented: str


def fold(text: str) -> str:
    """Drop case and combining marks: "Castañeda" gives "castaneda"."""
    return _folded(text) if len(text) <= LONGEST else folding.fold(text)


_folded = lru_cache(maxsize=20_000)(folding.fold)


def words(text: str) -> list[Word]:
    """Return the words of a text in order: maximal runs of letters and digits, folded.

    An apostrophe parts words: "Peru's" gives "peru" and "s".
    """
    return [word for each in typed(text) for word in parts(each)]


def located(text: str) -> list[tuple[int, int, Word]]:
    """Return (start, end, word) of each word, in positions of the text itself."""
    return [
        (match.start(), match.end(), word)
        for match in _WORD.finditer(text)
        for word in parts(match[0])
    ]


def typed(text: str) -> list[str]:
    """Return the words of a text as they stand in it; `parts` makes words of each."""
    return _WORD.findall(text)


def parts(typed: str) -> tuple[Word, ...]:
    """Return what a word as typed is read as: one word, rarely several or none."""
    return _parts(typed) if len(typed) <= LONGEST else _read_parts(typed)


def _read_parts(typed: str) -> tuple[Word, ...]:
    found = _PLAIN_WORD.findall(fold(typed))
    if len(found) != 1:  # such as a fraction sign, which folds to two numbers
        return tuple(Word(part, "") for part in found)
    lower = folding.normalize("NFC", typed).casefold()
    return (Word(found[0], lower if lower != found[0] else ""),)


_parts = lru_cache(maxsize=20_000)(_read_parts)


def stem(folded: str, language: str) -> str:
    """Return the Snowball stem of a folded word in "en" or "es"."""
    return _stem(folded, language) if len(folded) <= LONGEST else _stemmed(folded, language)


def _stemmed(folded: str, language: str) -> str:
    # A stemmer keeps the word that it works on, so each thread has its own.
    stemmer = getattr(_stemmers, language, None)
    if stemmer is None:
        stemmer = snowballstemmer.stemmer(_ALGORITHMS[language])
        setattr(_stemmers, language, stemmer)
    return str(stemmer.stemWord(folded))


_stem = lru_cache(maxsize=50_000)(_stemmed)
