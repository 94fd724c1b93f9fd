"""What is asked: eleven kinds of query, twenty of each, drawn from the articles by a fixed seed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from psgflask.search.documents import Document
from psgflask.search.language import STOP_WORDS, words

OF_EACH, SEED = 20, 7
SINCE = 2010
SHORTEST, BEGINNING = 4, 4
RARE = range(2, 21)  # documents


class Unsupported(Exception):
    """An engine has no search of this kind."""


@dataclass(frozen=True)
class Question:
    """Folded words, and by its kind what is to be done with them.

    Of "boolean" the first two are alternatives and the third must not be there; of "dates" both
    must be, in an article of the year `since` or later; of "prefix" the word is a beginning; of
    "likeness" and "misspelt" it is a word with a mistake.
    """

    kind: str
    words: tuple[str, ...]
    since: int


def drawn(documents: Sequence[Document]) -> dict[str, list[Question]]:
    """Return the questions by their kind."""
    chance = Random(SEED)
    texts = [[word.folded for word in words(f"{each.title} {each.body}")] for each in documents]
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(text))
    newest = max(each.dated_from.year for each in documents if each.dated_from)
    return _Drawing(chance, documents, texts, counts, min(SINCE, newest)).all()


class _Drawing:
    def __init__(
        self,
        chance: Random,
        documents: Sequence[Document],
        texts: list[list[str]],
        counts: Counter[str],
        since: int,
    ) -> None:
        self.chance, self.documents, self.texts, self.counts = chance, documents, texts, counts
        self.since = since

    def all(self) -> dict[str, list[Question]]:
        makers: dict[str, Callable[[], tuple[str, ...]]] = {
            "two": lambda: self.side_by(2),
            "title": self.of_title,
            "or": lambda: tuple(self.word() for _ in range(3)),
            "phrase": self.phrase,
            "prefix": lambda: (self.word()[:BEGINNING],),
            "likeness": lambda: (self.mistyped(),),
            "boolean": lambda: tuple(self.word() for _ in range(3)),
            "dates": lambda: self.side_by(2),
            "misspelt": lambda: (self.mistyped(),),
        }
        found = {"common": self.by_count(common=True), "rare": self.by_count(common=False)}
        found |= {kind: [make() for _ in range(OF_EACH)] for kind, make in makers.items()}
        return {
            kind: [Question(kind, each, self.since) for each in asked]
            for kind, asked in found.items()
        }

    def by_count(self, *, common: bool) -> list[tuple[str, ...]]:
        drawn = dict.fromkeys(self.word() for _ in range(40 * OF_EACH))
        if common:
            chosen = sorted(drawn, key=lambda word: -self.counts[word])
        else:
            chosen = [word for word in drawn if self.counts[word] in RARE]
            chosen += sorted(drawn, key=lambda word: self.counts[word])
        return [(word,) for word in chosen[:OF_EACH]]

    def word(self) -> str:
        while True:
            word = self.chance.choice(self.chance.choice(self.texts) or ["x"])
            if self.is_telling(word):
                return word

    def is_telling(self, word: str) -> bool:
        return (
            len(word) >= SHORTEST and word.isalpha() and word.isascii() and word not in STOP_WORDS
        )

    def side_by(self, number: int) -> tuple[str, ...]:
        """Return words of one text, so that something is found."""
        while True:
            telling = [word for word in self.chance.choice(self.texts) if self.is_telling(word)]
            if len(telling) >= number:
                return tuple(self.chance.sample(telling, number))

    def of_title(self) -> tuple[str, ...]:
        while True:
            found = [word.folded for word in words(self.chance.choice(self.documents).title)]
            telling = [word for word in found if self.is_telling(word)]
            if len(telling) >= 3:
                return tuple(telling[: self.chance.choice((3, 4))])

    def phrase(self) -> tuple[str, ...]:
        while True:
            text = self.chance.choice(self.texts)
            at = self.chance.randrange(max(1, len(text) - 1))
            found = tuple(text[at : at + 2])
            if len(found) == 2 and all(map(self.is_telling, found)):
                return found

    def mistyped(self) -> str:
        """Return a word with one letter wrong that is in no article."""
        while True:
            word = self.word()
            at = self.chance.randrange(1, len(word))
            wrong = word[:at] + self.chance.choice("aeiourstln") + word[at + 1 :]
            if len(word) > 5 and self.counts[word] > 5 and not self.counts[wrong]:
                return wrong
