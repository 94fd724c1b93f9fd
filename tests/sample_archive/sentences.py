"""Sentences of the synthetic archive: grammatical enough to be looked at, and without meaning."""

import re
from collections.abc import Callable, Sequence
from random import Random

from tests.sample_archive.words import closed, endless, lexicon, lists

# How often an article comes back to its own subjects: real texts repeat their rare words.
OWN_SUBJECT = 0.3
VOWELS = tuple("aeiouAEIOU")


class Voice:
    """What one article is written with: its words, its subjects, its place and its people."""

    def __init__(self, rng: Random, language: str, topics: Sequence[str], place: str) -> None:
        self.rng, self.language, self.place = rng, language, place
        self.lists = lists(language)
        nouns = lexicon(language, "nouns")
        themes = [noun for topic in topics for noun in self.lists["topics"].get(topic, ())]
        self.subjects: list[str] = [
            *rng.sample(themes, min(6, len(themes))),
            *nouns.draw(rng, 8),
        ]
        self.people = [person(rng) for _ in range(rng.randint(1, 3))]
        self._noun = endless(nouns, rng).__next__
        self.verb = endless(lexicon(language, "verbs"), rng).__next__
        self.adjective = endless(lexicon(language, "adjectives"), rng).__next__
        self.determiner = self._of("determiners")
        self.preposition = self._of("prepositions")
        self.conjunction = self._of("conjunctions")
        self.opener = self._of("openers")
        self.adverb = self._of("adverbs")
        self.phrase = self._spanish_phrase if language == "es" else self._english_phrase

    def _of(self, kind: str) -> Callable[[], str]:
        return endless(closed(self.language, kind), self.rng).__next__

    def noun(self) -> str:
        """Return a noun, in Spanish with its article."""
        if self.rng.random() < OWN_SUBJECT:
            return self.rng.choice(self.subjects)
        return self._noun()

    def sentence(self) -> str:
        """Return one sentence with its full stop."""
        at_random = self.rng.random
        words = self._report() if at_random() < 0.1 else self._clause()
        if at_random() < 0.35:
            comma = "," if at_random() < 0.4 else ""
            words = f"{words}{comma} {self.conjunction()} {self._clause()}"
        if at_random() < 0.2:
            words = f"{self.opener()}, {words}"
        return capitalised(f"{self._contracted(words)}.")

    def paragraph(self, longest: int) -> str:
        """Return sentences of at most about `longest` words together."""
        sentences, count = [], 0
        while count < longest:
            sentences.append(self.sentence())
            count += sentences[-1].count(" ") + 1
        return " ".join(sentences)

    def title(self, pattern: str) -> str:
        """Fill a headline's pattern: {noun}, {the_noun}, {adjective}, {place}."""
        filled = re.sub(r"\{(\w+)\}", self._fill, pattern)
        if self.language == "en":
            filled = re.sub(r"\ba (?=[aeiou])", "an ", filled)
        return capitalised(self._contracted(filled))

    def _fill(self, found: re.Match[str]) -> str:
        name = found[1]
        if name.casefold() == "place":
            return self.place
        if name.casefold() == "adjective":
            word = self.adjective()
        else:
            word = self.noun()
            if self.language == "es" and name.casefold() == "noun":
                word = word.partition(" ")[2]
        return capitalised(word) if name[0].isupper() else word

    def _clause(self) -> str:
        at_random = self.rng.random
        words = f"{self.phrase()} {self.verb()}"
        if at_random() < 0.15:
            words = f"{words} {self.adverb()}"
        words = f"{words} {self.phrase()}"
        if at_random() < 0.6:
            words = f"{words} {self.preposition()} {self.phrase()}"
        return words

    def _report(self) -> str:
        role, said = self.rng.choice(self.lists["roles"]), self.rng.choice(self.lists["said"])
        that = "que" if self.language == "es" else "that"
        return f"{self.rng.choice(self.people)}, {role}, {said} {that} {self._clause()}"

    def _named(self) -> str | None:
        roll = self.rng.random()
        if roll < 0.04:
            return self.place
        return self.rng.choice(self.people) if roll < 0.07 else None

    def _english_phrase(self) -> str:
        if named := self._named():
            return named
        words = self.noun()
        if self.rng.random() < 0.3:
            words = f"{self.adjective()} {words}"
        determiner = self.determiner()
        if determiner == "a" and words.startswith(VOWELS):
            determiner = "an"
        if self.rng.random() < 0.25:
            return f"{determiner} {words} {self.preposition()} the {self.noun()}"
        return f"{determiner} {words}"

    def _spanish_phrase(self) -> str:
        if named := self._named():
            return named
        article, _, word = self.noun().partition(" ")
        feminine = article == "la"
        if self.rng.random() < 0.4:
            article = self.determiner()
            if feminine:
                article = FEMININE.get(article, article)
        if self.rng.random() < 0.3:
            adjective = self.adjective()
            if feminine and adjective.endswith("o"):
                adjective = f"{adjective[:-1]}a"
            word = f"{word} {adjective}"
        if self.rng.random() < 0.25:
            word = f"{word} de {self.noun()}"
        return f"{article} {word}"

    def _contracted(self, words: str) -> str:
        if self.language == "es":
            return words.replace(" de el ", " del ").replace(" a el ", " al ")
        return words


FEMININE = {
    "el": "la",
    "un": "una",
    "este": "esta",
    "otro": "otra",
    "ningún": "ninguna",
    "algún": "alguna",
    "aquel": "aquella",
    "todo el": "toda la",
}


def person(rng: Random) -> str:
    """Return a name put together at random from common given names and surnames."""
    names = lists("names")
    surnames = rng.sample(names["surnames"], 2 if rng.random() < 0.4 else 1)
    return " ".join([rng.choice(names["given"]), *surnames])


def capitalised(words: str) -> str:
    """Return a text with its first letter as a capital."""
    start = 1 if words[:1] in "¿¡" else 0
    return words[:start] + words[start : start + 1].upper() + words[start + 1 :]
