"""Scoring: the first stage of the ranking recipe, followed line by line.

    stem   = sum q w(t) [ x/(x+K) + 0.3 y/(y+T) ]     each document by its own language's field
    exact  = 0.2 sum q w(t) x/(x+K)                   from the exact field
    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)
    accent = 0.1 sum over words typed with accents: idf x/(x+K) of the accented posting
    score  = (stem + exact + phrase + accent) * hint * recency

K = 0.9 (0.6 + 0.4 L / mean L), T = 0.9 (0.6 + 0.4 Lt / mean Lt). BM25F (Robertson & Zaragoza
2009) with a burstiness factor (Amati & van Rijsbergen 2002) and ordered pairs (Metzler & Croft
2005).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from psgflask.search import stopwords
from psgflask.search.engine import terms
from psgflask.search.engine.matching import Likeness
from psgflask.search.engine.snapshot import SIDES, Doc, Snapshot
from psgflask.search.engine.terms import Term
from psgflask.search.language import Word, stem
from psgflask.search.query import InTitle, Phrase, Plain, Prefix, Query

TITLE, EXACT, PHRASE, ACCENT = 0.3, 0.2, 0.2, 0.1
LIKENESS = 0.5
HINT = 0.95
RECENCY, HALF_LIFE_DAYS = 0.05, 2 * 365.25
WIDEST_GAP = 3


@dataclass(frozen=True)
class _Typed:
    """A word that scores: its place among the words typed and its terms."""

    word: Word
    at: int
    stems: Mapping[str, Term]


class Scorer:
    """Scores documents for one query over one state of the index."""

    def __init__(
        self, snapshot: Snapshot, query: Query, likeness: Likeness, today: date | None
    ) -> None:
        self.snapshot = snapshot
        self.today = today
        self.typed: list[_Typed] = []
        self.unions: list[tuple[float, Term]] = []
        self.titles: list[Mapping[str, Term]] = []
        for clause in query.clauses:
            match clause:
                case Plain(word, at) if word.folded in likeness:
                    term = terms.union(snapshot, likeness[word.folded])
                    self.unions.append((LIKENESS, term))
                case Plain(word, at):
                    self._add([word], at)
                case Phrase(words, at):
                    self._add(words, at)
                case Prefix(folded):
                    found = terms.beginning(snapshot, folded)
                    self.unions.append((1.0, terms.union(snapshot, found)))
                case InTitle(words):
                    self.titles += [
                        {
                            language: terms.title_only(snapshot, term)
                            for language, term in terms.stems(snapshot, word.folded).items()
                        }
                        for word in words
                    ]
        self.exact = {
            typed.word.folded: terms.in_field(snapshot, "exact", typed.word.folded)
            for typed in self.typed
        }
        self.accented = {
            typed.word.accented: terms.in_field(snapshot, "exact", typed.word.accented)
            for typed in self.typed
            if typed.word.accented
        }
        self.pairs = self._pairs()
        self.foreign = _other_language(query)
        plain = [clause.word.folded for clause in query.plain]
        self.title = " ".join(plain) if len(plain) == len(query.clauses) else ""

    def _add(self, words: list[Word] | tuple[Word, ...], at: int) -> None:
        self.typed += [
            _Typed(word, at + step, terms.stems(self.snapshot, word.folded))
            for step, word in enumerate(words)
        ]

    def _pairs(self) -> list[tuple[_Typed, _Typed]]:
        """Return the neighbouring words, each pair of words once."""
        found: dict[tuple[str, str, int], tuple[_Typed, _Typed]] = {}
        for first, second in zip(self.typed, self.typed[1:], strict=False):
            gap = second.at - first.at
            if 1 <= gap <= WIDEST_GAP:
                found.setdefault((first.word.folded, second.word.folded, gap), (first, second))
        return list(found.values())

    def is_title(self, doc: Doc) -> bool:
        """Say whether the words typed are the whole title of a document."""
        return bool(self.title) and doc.title == self.title

    def score(self, number: int) -> float:
        """Return the score of a document by its number in the index."""
        doc = self.snapshot.docs[number]
        k = 0.9 * (0.6 + 0.4 * doc.words / self.snapshot.mean_words)
        t = 0.9 * (0.6 + 0.4 * doc.title_words / self.snapshot.mean_title_words)
        base = 0.0
        for typed in self.typed:
            base += _stem_part(typed.stems[doc.language], number, k, t)
            exact = self.exact[typed.word.folded]
            base += EXACT * exact.weight * _saturated(exact.x.get(number, 0), k)
            if typed.word.accented:
                term = self.accented[typed.word.accented]
                base += ACCENT * term.idf * _saturated(term.x.get(number, 0), k)
        for weight, term in self.unions:
            base += weight * _stem_part(term, number, k, t)
        for by_language in self.titles:
            base += _stem_part(by_language[doc.language], number, k, t)
        for first, second in self.pairs:
            times = self._times(first, second, number, doc.language)
            lesser = min(first.stems[doc.language].weight, second.stems[doc.language].weight)
            base += PHRASE * lesser * times / (times + 1)
        if doc.language == self.foreign:
            base *= HINT
        return base * self._recency(doc)

    def _times(self, first: _Typed, second: _Typed, number: int, language: str) -> int:
        """Return how often the second word stands exactly as far behind the first as typed."""
        if not (first.stems[language].x.get(number) and second.stems[language].x.get(number)):
            return 0
        gap = second.at - first.at
        times = 0
        for side in SIDES:
            field = f"{side}_{language}"
            before = self.snapshot.positions(field, stem(first.word.folded, language))
            behind = self.snapshot.positions(field, stem(second.word.folded, language))
            if number in before and number in behind:
                places = set(behind[number])
                times += sum(place + gap in places for place in set(before[number]))
        return times

    def _recency(self, doc: Doc) -> float:
        if self.today is None or doc.dated_to is None:
            return 1.0
        age = max(0, (self.today - doc.dated_to).days)
        return float(1 + RECENCY * 2 ** (-age / HALF_LIFE_DAYS))


def _stem_part(term: Term, number: int, k: float, t: float) -> float:
    return term.weight * (
        _saturated(term.x.get(number, 0), k) + TITLE * _saturated(term.y.get(number, 0), t)
    )


def _saturated(times: int, bound: float) -> float:
    return times / (times + bound) if times else 0.0


def _other_language(query: Query) -> str | None:
    """Return the language that the reader's stop words speak against, None when they do not."""
    english = spanish = 0
    for word in query.typed:
        if word in stopwords.KEPT or word in stopwords.LEFT_BY_APOSTROPHES:
            continue
        english += word in stopwords.ENGLISH and word not in stopwords.SPANISH
        spanish += word in stopwords.SPANISH and word not in stopwords.ENGLISH
    if english == spanish:
        return None
    return "es" if english > spanish else "en"
