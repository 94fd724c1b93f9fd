"""The words of the synthetic archive: real ones for the common ranks, made-up ones without end."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate, product
from math import gcd
from pathlib import Path
from random import Random
from typing import Any

LISTS = Path(__file__).with_name("words")

# A text's commonest words fall off as 1/rank (Zipf, with Mandelbrot's shift); beyond some thousand
# ranks they fall off faster (Ferrer i Cancho and Solé 2001, "Two regimes"). A tail of exponent a
# makes the vocabulary grow as (number of words) ** (1/a), which is Heaps' law.
SHIFT = 2.7
TAIL_EXPONENT = 1.75

Coin = Callable[[int], str]


class Lexicon:
    """Words of one class, drawn as often as their rank says; there is always a rarer one."""

    def __init__(self, real: Sequence[str], coin: Coin, head: int) -> None:
        self.real = len(real)
        self.coin = coin
        self.head = head
        self.words: list[str | None] = [*real, *(coin(n) for n in range(head - len(real)))]
        weights = [1 / (rank + SHIFT) for rank in range(1, head + 1)]
        # The last entry stands for all rarer words together: the integral of the tail.
        self.words.append(None)
        weights.append(weights[-1] * head / (TAIL_EXPONENT - 1))
        self.cumulated = list(accumulate(weights))

    def draw(self, rng: Random, count: int) -> list[str]:
        """Return `count` words, independent of each other."""
        drawn = rng.choices(self.words, cum_weights=self.cumulated, k=count)
        return [word if word is not None else self._rare(rng) for word in drawn]

    def _rare(self, rng: Random) -> str:
        rank = int(self.head * (1 - rng.random()) ** (-1 / (TAIL_EXPONENT - 1)))
        return self.coin(rank - self.real)


class Closed:
    """A closed class of words, such as prepositions, the commonest first."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.cumulated = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def draw(self, rng: Random, count: int) -> list[str]:
        """Return `count` words, independent of each other."""
        return rng.choices(self.words, cum_weights=self.cumulated, k=count)


def coiner(syllables: Sequence[str], endings: Sequence[str]) -> Coin:
    """Return a function that gives the made-up word of a number, shorter ones first.

    An ending such as "la *ción" holds the place of the syllables as a star.
    """

    def coin(number: int) -> str:
        length, block = 1, len(syllables) * len(endings)
        while number >= block:
            number -= block
            length += 1
            block *= len(syllables)
        # Neighbours in rank shall not look alike: step through the block by its golden section.
        number = number * _step(block) % block
        number, place = divmod(number, len(endings))
        stem = ""
        for _ in range(length):
            number, syllable = divmod(number, len(syllables))
            stem += syllables[syllable]
        return endings[place].replace("*", stem)

    return coin


@cache
def _step(block: int) -> int:
    step = int(block * 0.6180339887) | 1
    while gcd(step, block) != 1:
        step += 2
    return step


def _syllables(onsets: str, vowels: str, unwritten: Sequence[str]) -> list[str]:
    made = [onset + vowel for onset, vowel in product(onsets.split(), vowels.split())]
    return [syllable for syllable in made if syllable not in unwritten]


# Left out: syllables that the language does not write, and those that begin what is not said.
ENGLISH = _syllables(
    "b br c cl d dr f fl g gr h k l m n p pl pr r s sh sl st t th tr v w",
    "a e i o u ea",
    ("cu", "fa", "fu", "ki", "ni", "pi", "shi", "slu", "ti"),
)
SPANISH = _syllables(
    "b br c ch d f g gr j l ll m n ñ p pl pr qu r s t tr v z",
    "a e i o u",
    ("qua", "quo", "quu", "ze", "zi", "ji", "llu", "ñu", "cu", "pe", "pi", "pu"),
)
ENDINGS = {
    ("en", "nouns"): (
        *("*n", "*rd", "*ll", "*sk", "*tion", "*ment", "*lity", "*ness", "*ring", "*ster", "*ge"),
        *("*dom", "*ntry", "*lect"),
    ),
    ("en", "verbs"): ("*ted", "*ned", "*lled", "*red", "*dged", "*nked", "*fied", "*shed"),
    ("en", "adjectives"): ("*dent", "*ral", "*rous", "*tive", "*nic", "*sh", "*nable", "*ly"),
    ("es", "nouns"): (
        *("la *ción", "la *dad", "el *smo", "el *nto", "la *nza", "el *rón", "la *ría", "el *dor"),
        *("la *da", "el *co", "la *ña", "el *lero", "la *tura", "el *ñal", "la *mbre"),
    ),
    ("es", "verbs"): ("*ntó", "*ró", "*lló", "*ció", "*ñó", "*só", "*tizó", "*gió"),
    ("es", "adjectives"): ("*nte", "*ral", "*ble", "*rio", "*tivo", "*ñoso", "*ndo", "*ncial"),
}
HEADS = {"nouns": 4000, "verbs": 1200, "adjectives": 1200}


@cache
def lists(name: str) -> dict[str, Any]:
    """Return one of the word lists beside this file: en, es, names or places."""
    return tomllib.loads((LISTS / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def lexicon(language: str, kind: str) -> Lexicon:
    """Return the nouns, verbs or adjectives of a language."""
    syllables = SPANISH if language == "es" else ENGLISH
    return Lexicon(lists(language)[kind], coiner(syllables, ENDINGS[language, kind]), HEADS[kind])


@cache
def closed(language: str, kind: str) -> Closed:
    """Return a closed class of words of a language, such as its prepositions."""
    return Closed(lists(language)[kind])


def endless(source: Lexicon | Closed, rng: Random, batch: int = 60) -> Iterator[str]:
    """Give words one by one, drawn a batch at a time because that is far cheaper."""
    while True:
        yield from source.draw(rng, batch)
