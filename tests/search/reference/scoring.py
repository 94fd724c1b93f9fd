"""Scoring: the first stage of the ranking recipe, followed term by term.

    stem   = sum q w(t) [ tf/(tf+K) + 0.3 title_tf/(title_tf+T) ]   by its own language's field
    exact  = 0.2 sum q w(t) tf/(tf+K)                               from the exact field
    phrase = 0.2 sum over neighbouring words a, b: min(w(a), w(b)) p/(p+1)
    accent = 0.1 sum over words typed with accents: idf tf/(tf+K) of the accented posting
    score  = (stem + exact + phrase + accent) * hint * recency

The words typed of a concept and its other terms score apart, the latter where they stand side by
side: concept = max( q (words typed), q (a term), q (another term) ... ).

BM25F (Robertson & Zaragoza 2009) with a burstiness factor (Amati & van Rijsbergen 2002) and
ordered pairs (Metzler & Croft 2005). What the recipe leaves open is settled here: stop words of
a phrase score nothing unless the phrase has no other words; `title:word` counts tf = 2 title_tf in
the stem and exact parts under the weights of the whole term; alternatives of OR are not neighbours.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import nlargest
from itertools import pairwise

from psgflask.core.language_names import LANGUAGES
from psgflask.search.language import (
    APOSTROPHE_REMNANTS,
    ENGLISH,
    NAMES_IN_LIST,
    SPANISH,
    STOP_WORDS,
    Word,
    stem,
)
from psgflask.search.query.clauses import Concept, InTitle, Phrase, PlainWord, Prefix, Query
from tests.search.reference.bitsets import members
from tests.search.reference.matching import FuzzyExpansions, Matcher, prefix_expansions
from tests.search.reference.segments import SIDES
from tests.search.reference.snapshot import EXACT, Snapshot
from tests.search.reference.terms import TITLE_COUNTS, TermPostings

TITLE_PART, EXACT_PART, PHRASE, ACCENT_PART = 0.3, 0.2, 0.2, 0.1
FUZZY_BOOST = 0.5
HINT = 0.95
RECENCY, HALF_LIFE_DAYS = 0.05, 2 * 365.25
MAX_GAP = 3

WordPair = tuple[Word, Word, int]  # b stands so many places behind a


@dataclass(frozen=True)
class _Part:
    """One sum's share: factor * weight * x/(x+bound) over the documents of `counts`."""

    counts: Mapping[int, int]
    weight: float
    bounds: Mapping[int, float]
    times: int = 1


class Scorer:
    """Scores documents for one query over one state of the index."""

    def __init__(
        self,
        snapshot: Snapshot,
        matcher: Matcher,
        query: Query,
        expansions: FuzzyExpansions,
        today: date | None,
    ) -> None:
        self.snapshot, self.matcher, self.query = snapshot, matcher, query
        self.today = today
        self.parts: list[_Part] = []
        self.placed: list[tuple[int, Word]] = []
        self.in_concept: dict[Concept, list[_Part]] = {each: [] for each in query.concepts}
        for clause in query.clauses:
            match clause:
                case PlainWord(word, at) if word.folded in expansions:
                    like = snapshot.union(expansions[word.folded])
                    self._parts_at(at).extend(self._stem(like, FUZZY_BOOST))
                case PlainWord(word, at):
                    self._add_word(word, at)
                case Phrase(words, at):
                    for place, word in _scored_words(words, at):
                        self._add_word(word, place)
                case Prefix(folded):
                    self.parts += self._stem(snapshot.union(prefix_expansions(snapshot, folded)))
                case InTitle(words):
                    for word in words:
                        self._add_title(word)
        self.pairs = _pairs(self.placed)
        self.foreign = _other_language(query)

    def top_docs(self, numbers: list[int], most: int, own: set[int]) -> list[tuple[int, float]]:
        """Return (document, score) of the best, best first; ties to the newest.

        A document whose title is just what was typed stands before all others, and then those
        that are in `own`.
        """
        score = dict.fromkeys(numbers, 0.0)
        for part in self.parts:
            _add(score, part)
        factor = self._factors(numbers)
        ceiling = PHRASE * sum(max(self._pair_weights(pair).values()) for pair in self.pairs)
        near = numbers
        if ceiling and not self.query.concepts:
            # Neighbours are looked up where they can still take a document among the best.
            sure = nlargest(most, (score[n] * factor[n] for n in numbers))
            enough = sure[-1] if len(sure) == most else 0.0
            near = [n for n in numbers if (score[n] + ceiling) * factor[n] >= enough]
        for pair, (at, then) in self.pairs.items():
            if not any(_covers(each, at) and _covers(each, then) for each in self.query.concepts):
                self._add_pair(score, pair, near)
        for concept, parts in self.in_concept.items():
            for number, more in self._of_concept(concept, parts, numbers).items():
                score[number] += more
        title, docs, newest = self.query.title, self.snapshot.docs, self.snapshot.date_order
        ranks = {
            n: (2, 0.0, newest[n])
            if title and docs[n].title == title
            else (int(n in own), score[n] * factor[n], newest[n])
            for n in numbers
        }
        chosen = nlargest(most, numbers, key=ranks.__getitem__)
        return [(number, score[number] * factor[number]) for number in chosen]

    def _of_concept(
        self, concept: Concept, parts: Sequence[_Part], numbers: list[int]
    ) -> dict[int, float]:
        """Return the better of the words typed and of each other term."""
        typed = dict.fromkeys(numbers, 0.0)
        for part in parts:
            _add(typed, part)
        for pair, (at, then) in self.pairs.items():
            if _covers(concept, at) and _covers(concept, then):
                self._add_pair(typed, pair, numbers)
        best = {number: concept.boost * score for number, score in typed.items()}
        for other in concept.synonyms:
            there = members(self.matcher.match_clause(Phrase(other.words), {}))
            by_term = {number: 0.0 for number in there if number in typed}
            placed = _scored_words(other.words, 0)
            for _at, word in placed:
                for part in self._word(word):
                    _add(by_term, part)
            for pair in _pairs(placed):
                self._add_pair(by_term, pair, list(by_term))
            for number, score in by_term.items():
                best[number] = max(best[number], other.boost * score)
        return best

    def _parts_at(self, at: int) -> list[_Part]:
        """Return the parts of the concept that a word typed is of, else those of the query."""
        held = [parts for each, parts in self.in_concept.items() if _covers(each, at)]
        return held[0] if held else self.parts

    def _add_word(self, word: Word, at: int) -> None:
        self._parts_at(at).extend(self._word(word))
        self.placed.append((at, word))

    def _word(self, word: Word) -> list[_Part]:
        parts: list[_Part] = []
        for term in self.snapshot.stems(word.folded).values():
            parts += self._stem(term)
        k = self.snapshot.length_norms
        exact = self.snapshot.term(EXACT, word.folded)
        parts.append(_Part(exact.tf, EXACT_PART * exact.weight, k))
        if word.accented:
            accented = self.snapshot.term(EXACT, word.accented)
            parts.append(_Part(accented.tf, ACCENT_PART * accented.idf, k))
        return parts

    def _stem(self, term: TermPostings, q: float = 1.0) -> list[_Part]:
        return [
            _Part(term.tf, q * term.weight, self.snapshot.length_norms),
            _Part(term.title_tf, q * term.weight * TITLE_PART, self.snapshot.title_norms),
        ]

    def _add_title(self, word: Word) -> None:
        k, t = self.snapshot.length_norms, self.snapshot.title_norms
        for term in self.snapshot.stems(word.folded).values():
            self.parts.append(_Part(term.title_tf, term.weight, k, TITLE_COUNTS))
            self.parts.append(_Part(term.title_tf, term.weight * TITLE_PART, t))
        exact = self.snapshot.term(EXACT, word.folded)
        self.parts.append(_Part(exact.title_tf, EXACT_PART * exact.weight, k, TITLE_COUNTS))

    def _pair_weights(self, pair: WordPair) -> dict[str, float]:
        first, second = (self.snapshot.stems(word.folded) for word in pair[:2])
        return {
            language: min(first[language].weight, second[language].weight) for language in LANGUAGES
        }

    def _add_pair(self, score: dict[int, float], pair: WordPair, near: Sequence[int]) -> None:
        """Add the part of two neighbours: p = times b stands exactly as far behind a as typed."""
        weights, gap = self._pair_weights(pair), pair[2]
        for language in LANGUAGES:
            texts = [stem(word.folded, language) for word in pair[:2]]
            first, second = (self.snapshot.term(language, text) for text in texts)
            both = [n for n in near if n in first.tf and n in second.tf]
            times: dict[int, int] = {}
            for side in SIDES if both else ():
                before = self.snapshot.positions(f"{side}_{language}", texts[0], both)
                behind = self.snapshot.positions(f"{side}_{language}", texts[1], list(before))
                for number, places in behind.items():
                    starts = {place - gap for place in places}
                    together = len(starts.intersection(before[number]))
                    times[number] = times.get(number, 0) + together
            for number, p in times.items():
                score[number] += PHRASE * weights[language] * p / (p + 1)

    def _factors(self, numbers: Sequence[int]) -> dict[int, float]:
        """Return document -> hint * recency."""
        docs, today, foreign = self.snapshot.docs, self.today, self.foreign
        by_day: dict[date | None, float] = {None: 1.0}
        factors = {}
        for number in numbers:
            doc = docs[number]
            day = doc.dated_to if today else None
            if day not in by_day:
                by_day[day] = _recency(day, today)
            factors[number] = by_day[day] * HINT if doc.language == foreign else by_day[day]
        return factors


def _add(score: dict[int, float], part: _Part) -> None:
    weight, bounds, times = part.weight, part.bounds, part.times
    counts: Iterable[tuple[int, int]] = part.counts.items()
    if len(score) < len(part.counts):
        get: Callable[[int, int], int] = part.counts.get
        counts = ((n, x) for n in score if (x := get(n, 0)))
    for number, count in counts:
        if number in score:
            x = times * count
            score[number] += weight * x / (x + bounds[number])


def _pairs(placed: Sequence[tuple[int, Word]]) -> dict[WordPair, tuple[int, int]]:
    """Return each pair of neighbours with the places where it is first."""
    pairs: dict[WordPair, tuple[int, int]] = {}
    for (at, first), (then, second) in pairwise(placed):
        if 1 <= then - at <= MAX_GAP:
            pair = (Word(first.folded, ""), Word(second.folded, ""), then - at)
            pairs.setdefault(pair, (at, then))
    return pairs


def _covers(concept: Concept, at: int) -> bool:
    return concept.first <= at <= concept.last


def _scored_words(words: Sequence[Word], at: int) -> list[tuple[int, Word]]:
    placed = list(enumerate(words, at))
    telling = [(place, word) for place, word in placed if word.folded not in STOP_WORDS]
    return telling or placed


def _recency(day: date | None, today: date | None) -> float:
    if day is None or today is None:
        return 1.0
    age = max(0, (today - day).days)
    return float(1 + RECENCY * 2 ** (-age / HALF_LIFE_DAYS))


def _other_language(query: Query) -> str | None:
    """Return the language that the reader's stop words speak against, None when they do not."""
    english = spanish = 0
    for word in query.typed_words:
        if word in NAMES_IN_LIST or word in APOSTROPHE_REMNANTS:
            continue
        english += word in ENGLISH and word not in SPANISH
        spanish += word in SPANISH and word not in ENGLISH
    if english == spanish:
        return None
    return "es" if english > spanish else "en"
