"""RELEVANCE word by word over whole texts: no index, no shortcut, nothing of the engine's.

Slow and plain, so that what the engine answers can be held against it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import log, sqrt

from psgflask.search.index import Document
from psgflask.search.language import Word, stem, words
from psgflask.search.query import Phrase, Plain, Query
from psgflask.search.stopwords import ENGLISH, KEPT, SPANISH, STOP_WORDS

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
        """Score one document for a query of plain words and phrases."""
        text = self.texts[number]
        language = text.document.language
        k = 0.9 * (0.6 + 0.4 * text.length / self.mean)
        t = 0.9 * (0.6 + 0.4 * text.title_length / self.title_mean)
        typed = placed(query)
        base = 0.0
        for _place, word in typed:
            term = stem(word.folded, language)
            x, y = (counts[term] for counts in self.fields[language][number])
            base += self.w(language, term) * (x / (x + k) + 0.3 * y / (y + t))
            x = self.fields["exact"][number][0][word.folded]
            base += 0.2 * self.w("exact", word.folded) * x / (x + k)
            if word.accented:
                x = self.fields["exact"][number][0][word.accented]
                base += 0.1 * self.idf("exact", word.accented) * x / (x + k)
        pairs = {
            (a.folded, b.folded, then - at)
            for (at, a), (then, b) in pairwise(typed)
            if 1 <= then - at <= 3
        }
        for a, b, gap in pairs:
            first, second = stem(a, language), stem(b, language)
            behind = text.places(second)
            p = sum(place + gap in behind for place in text.places(first))
            base += 0.2 * min(self.w(language, first), self.w(language, second)) * p / (p + 1)
        return base * hint(query, language) * recency(text.document.dated_to, today)


def placed(query: Query) -> list[tuple[int, Word]]:
    """Return the words that score, with their places."""
    found: list[tuple[int, Word]] = []
    for clause in query.clauses:
        if isinstance(clause, Plain):
            found.append((clause.at, clause.word))
        elif isinstance(clause, Phrase):
            within = list(enumerate(clause.words, clause.at))
            telling = [pair for pair in within if pair[1].folded not in STOP_WORDS]
            found += telling or within
    return found


def hint(query: Query, language: str) -> float:
    english = sum(w in ENGLISH and w not in SPANISH and w not in {"s", "t"} for w in query.typed)
    spanish = sum(w in SPANISH and w not in ENGLISH and w not in KEPT for w in query.typed)
    if english == spanish:
        return 1.0
    return 1.0 if language == ("en" if english > spanish else "es") else 0.95


def recency(dated: date | None, today: date | None) -> float:
    if dated is None or today is None:
        return 1.0
    years = max(0, (today - dated).days) / 365.25
    return float(1 + 0.05 * 2 ** (-years / 2))
