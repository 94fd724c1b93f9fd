"""docs/ranking.md, word by word over whole texts: no index, no shortcut, nothing of the engine's.

Slow and plain, so that what the engine answers can be held against it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import log, sqrt

from psgflask.search.documents import Document
from psgflask.search.language import ENGLISH, NAMES_IN_LIST, SPANISH, STOP_WORDS, Word, stem, words
from psgflask.search.query.clauses import Concept, Phrase, PlainWord, Query

BODY_STARTS_BEHIND_TITLE = 20


class Text:
    """A document as the recipe sees it: words with positions, title first."""

    def __init__(self, document: Document) -> None:
        self.document = document
        title, body = words(document.title), words(document.body)
        gap = len(title) + BODY_STARTS_BEHIND_TITLE
        self.title = list(enumerate(title))
        self.body = [(gap + place, word) for place, word in enumerate(body)]
        self.length, self.title_length = len(title) + len(body), len(title)

    def terms(self, field: str) -> tuple[Counter[str], Counter[str]]:
        """Return term -> x, and term -> y."""
        x: Counter[str] = Counter()
        y: Counter[str] = Counter()
        for part, weight in ((self.title, 2), (self.body, 1)):
            for _place, word in part:
                for term in self.forms(field, word):
                    x[term] += weight
                    y[term] += weight == 2
        return x, y

    def forms(self, field: str, word: Word) -> list[str]:
        """Return what a word is posted as in a field."""
        if field == "exact":
            return [word.folded, *filter(None, [word.accented])]
        return [stem(word.folded, field)] if field == self.document.language else []

    def places(self, term: str) -> set[int]:
        """Return where a stem stands."""
        language = self.document.language
        everywhere = [*self.title, *self.body]
        return {place for place, word in everywhere if stem(word.folded, language) == term}


class Collection:
    """All documents, and the statistics of the recipe."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.texts = {document.id: Text(document) for document in documents}
        self.fields = {
            field: {number: text.terms(field) for number, text in self.texts.items()}
            for field in ("en", "es", "exact")
        }
        titled = [text.title_length for text in self.texts.values() if text.title_length]
        self.mean = sum(text.length for text in self.texts.values()) / len(self.texts)
        self.title_mean = sum(titled) / len(titled)

    def idf(self, field: str, term: str) -> float:
        n = sum(1 for x, _y in self.fields[field].values() if x[term])
        return log(1 + (len(self.texts) - n + 0.5) / (n + 0.5))

    def w(self, field: str, term: str) -> float:
        counts = [x[term] for x, _y in self.fields[field].values() if x[term]]
        if not counts:
            return 0.0
        bursts = sum(min(count, 5) for count in counts)
        return sqrt((bursts + 1) / len(counts)) * self.idf(field, term)

    def score(self, query: Query, number: int, today: date | None = None) -> float:
        """Score one document for a query of plain words, phrases and concepts of them."""
        document = self.texts[number].document
        typed = placed(query)
        whose = {at: concept_at(query, at) for at, _word in typed}
        parts: dict[Concept | None, float] = dict.fromkeys([None, *query.concepts], 0.0)
        for at, word in typed:
            parts[whose[at]] += self.word(number, word)
        for pair, (at, then) in pairs_of(typed).items():
            together = whose[at] if whose[at] is whose[then] else None
            parts[together] += self.pair(number, *pair)
        base = parts.pop(None)
        for concept, score in parts.items():
            if concept is not None:
                others = (
                    other.boost * self.term(number, other.words) for other in concept.synonyms
                )
                base += max(concept.boost * score, *others)
        return base * hint(query, document.language) * recency(document.dated_to, today)

    def term(self, number: int, words: Sequence[Word]) -> float:
        """Score one document for words that must stand in it side by side, as if typed so."""
        text, folded = self.texts[number], [word.folded for word in words]
        sides = ([word.folded for _place, word in side] for side in (text.title, text.body))
        if not any(
            side[start : start + len(folded)] == folded
            for side in sides
            for start in range(len(side))
        ):
            return 0.0
        placed = telling(list(enumerate(words)))
        found = sum(self.word(number, word) for _place, word in placed)
        return found + sum(self.pair(number, *pair) for pair in pairs_of(placed))

    def word(self, number: int, word: Word) -> float:
        """Score one document for one word."""
        text = self.texts[number]
        language = text.document.language
        k = 0.9 * (0.6 + 0.4 * text.length / self.mean)
        t = 0.9 * (0.6 + 0.4 * text.title_length / self.title_mean)
        term = stem(word.folded, language)
        x, y = (counts[term] for counts in self.fields[language][number])
        score = self.w(language, term) * (x / (x + k) + 0.3 * y / (y + t))
        x = self.fields["exact"][number][0][word.folded]
        score += 0.2 * self.w("exact", word.folded) * x / (x + k)
        if word.accented:
            x = self.fields["exact"][number][0][word.accented]
            score += 0.1 * self.idf("exact", word.accented) * x / (x + k)
        return score

    def pair(self, number: int, a: str, b: str, gap: int) -> float:
        """Score one document for a word that stands behind another."""
        text = self.texts[number]
        language = text.document.language
        first, second = stem(a, language), stem(b, language)
        behind = text.places(second)
        p = sum(place + gap in behind for place in text.places(first))
        return 0.2 * min(self.w(language, first), self.w(language, second)) * p / (p + 1)


def pairs_of(placed: Sequence[tuple[int, Word]]) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Return the pairs of neighbours, each with the places where it is first."""
    pairs: dict[tuple[str, str, int], tuple[int, int]] = {}
    for (at, a), (then, b) in pairwise(placed):
        if 1 <= then - at <= 3:
            pairs.setdefault((a.folded, b.folded, then - at), (at, then))
    return pairs


def concept_at(query: Query, at: int) -> Concept | None:
    """Return the concept that a word typed is of."""
    found = [concept for concept in query.concepts if concept.first <= at <= concept.last]
    return found[0] if found else None


def telling(placed: list[tuple[int, Word]]) -> list[tuple[int, Word]]:
    """Return the words of a phrase that score."""
    found = [pair for pair in placed if pair[1].folded not in STOP_WORDS]
    return found or placed


def placed(query: Query) -> list[tuple[int, Word]]:
    """Return the words that score, with their places."""
    found: list[tuple[int, Word]] = []
    for clause in query.clauses:
        if isinstance(clause, PlainWord):
            found.append((clause.position, clause.word))
        elif isinstance(clause, Phrase):
            found += telling(list(enumerate(clause.words, clause.position)))
    return found


def hint(query: Query, language: str) -> float:
    english = sum(
        w in ENGLISH and w not in SPANISH and w not in {"s", "t"} for w in query.typed_words
    )
    spanish = sum(
        w in SPANISH and w not in ENGLISH and w not in NAMES_IN_LIST for w in query.typed_words
    )
    if english == spanish:
        return 1.0
    return 1.0 if language == ("en" if english > spanish else "es") else 0.95


def recency(dated: date | None, today: date | None) -> float:
    if dated is None or today is None:
        return 1.0
    years = max(0, (today - dated).days) / 365.25
    return float(1 + 0.05 * 2 ** (-years / 2))
