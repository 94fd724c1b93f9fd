"""Matching: which documents a clause, a query and the filters choose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.language import Word, stem
from psgflask.search.query.clauses import (
    Clause,
    DateRange,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    PlainWord,
    Prefix,
    Query,
)
from tests.search.reference.bitsets import bits, members, union
from tests.search.reference.segments import SIDES, Doc
from tests.search.reference.snapshot import EXACT, Snapshot

MAX_EXPANSIONS = 50

FuzzyExpansions = Mapping[str, tuple[str, ...]]  # folded word typed -> words like it


class Matcher:
    """Chooses documents of one state of the index for one question."""

    def __init__(self, snapshot: Snapshot, options: SearchOptions) -> None:
        self.snapshot, self.options = snapshot, options
        self._cached: dict[Clause, int] = {}
        everything = snapshot.live_docs
        self.by_topics = everything
        if options.topics:
            self.by_topics = union(snapshot.topics.get(topic, 0) for topic in options.topics)
        self.by_language = everything
        if options.language:
            self.by_language = snapshot.languages.get(options.language, 0)
        self.by_dates = everything
        if options.first or options.last:
            self.by_dates = date_matches(snapshot, options.first, options.last)
        self.filtered = self.by_topics & self.by_language & self.by_dates

    def match_query(self, query: Query, expansions: FuzzyExpansions) -> int:
        """Return the documents that match every group and nothing excluded, filters apart.

        The groups of a concept match together, or by one of its other terms.
        """
        chosen = self.snapshot.live_docs
        sets = [self.match_group(group, expansions) for group in query.groups]
        in_concepts: set[int] = set()
        for concept in query.concepts:
            places = query.groups_of(concept)
            own = self.snapshot.live_docs
            for place in places:
                own &= sets[place]
            chosen &= own | self.match_group(concept.phrases, {})
            in_concepts.update(places)
        for place, each in enumerate(sets):
            if place not in in_concepts:
                chosen &= each
        return chosen & ~self.match_excluded(query) if chosen else 0

    def match_group(self, group: tuple[Clause, ...], expansions: FuzzyExpansions) -> int:
        """Return the documents that match any clause of a group."""
        return union(self.match_clause(clause, expansions) for clause in group)

    def match_excluded(self, query: Query) -> int:
        """Return the documents that a query excludes."""
        return union(self.match_clause(clause, {}) for clause in query.excluded)

    def match_clause(self, clause: Clause, expansions: FuzzyExpansions) -> int:
        """Return the documents that match one clause."""
        if isinstance(clause, PlainWord) and clause.word.folded in expansions:
            return self.snapshot.union(expansions[clause.word.folded]).docs
        if clause not in self._cached:
            self._cached[clause] = self._find(clause)
        return self._cached[clause]

    def _find(self, clause: Clause) -> int:
        snapshot = self.snapshot
        match clause:
            case PlainWord(word):
                return word_matches(snapshot, word)
            case Phrase(words):
                return phrase_matches(snapshot, words)
            case Prefix(folded):
                return snapshot.union(prefix_expansions(snapshot, folded)).docs
            case InTitle(words):
                return title_phrase_matches(snapshot, words)
            case OnTopic(name):
                topic = self.options.named_topics.get(name)
                return 0 if topic is None else snapshot.topics.get(topic, 0)
            case InIssue(number):
                return snapshot.issues.get(number, 0)
            case InLanguage(language):
                return snapshot.languages.get(language, 0)
            case DateRange(first, last):
                return date_matches(snapshot, first, last)


def word_matches(snapshot: Snapshot, word: Word) -> int:
    """Return the documents that hold a word in any of its forms."""
    stems = snapshot.stems(word.folded).values()
    return snapshot.term(EXACT, word.folded).docs | union(term.docs for term in stems)


def phrase_matches(snapshot: Snapshot, words: Sequence[Word]) -> int:
    """Return the documents in which these words stand side by side, in title or body."""
    terms = [snapshot.term(EXACT, word.folded) for word in words]
    among = _in_all(term.docs for term in terms)
    if len(words) == 1:
        return among
    texts = [word.folded for word in words]
    return union(_side_by_side(snapshot, f"{side}_{EXACT}", texts, among) for side in SIDES)


def title_phrase_matches(snapshot: Snapshot, words: Sequence[Word]) -> int:
    """Return the documents in whose title the stems of these words stand side by side."""
    chosen = 0
    for language in LANGUAGES:
        texts = [stem(word.folded, language) for word in words]
        among = _in_all(bits(snapshot.term(language, text).title_tf) for text in texts)
        if len(texts) > 1:
            among = _side_by_side(snapshot, f"title_{language}", texts, among)
        chosen |= among
    return chosen


def prefix_expansions(snapshot: Snapshot, prefix: str) -> list[str]:
    """Return the folded words that begin so: the 50 in most documents, then alphabetical."""
    found = (word for lexicon in snapshot.lexicons() for word in lexicon.beginning(prefix))
    return snapshot.most_frequent(found, MAX_EXPANSIONS)


def date_matches(snapshot: Snapshot, first: date | None, last: date | None) -> int:
    """Return the documents whose dateline touches these days; undated ones never do."""

    def touches(doc: Doc) -> bool:
        if doc.dated_from is None or doc.dated_to is None:
            return False
        return (first is None or doc.dated_to >= first) and (last is None or doc.dated_from <= last)

    return _where(snapshot, touches)


def _where(snapshot: Snapshot, holds: Callable[[Doc], bool]) -> int:
    return bits(number for number, doc in snapshot.docs.items() if holds(doc))


def _in_all(sets: Iterable[int]) -> int:
    chosen = -1
    for each in sets:
        chosen &= each
    return chosen


def _side_by_side(snapshot: Snapshot, field: str, texts: Sequence[str], among: int) -> int:
    """Return those documents in which the terms follow each other in a field."""
    numbers = members(among)
    starts: dict[int, set[int]] = {}
    places: dict[str, dict[int, Sequence[int]]] = {}
    for step, text in enumerate(texts):
        if text not in places:
            places[text] = snapshot.positions(field, text, numbers)
        if not step:
            starts = {doc: set(found) for doc, found in places[text].items()}
            continue
        behind = places[text]
        starts = {
            doc: left
            for doc, begun in starts.items()
            if (left := begun.intersection([place - step for place in behind.get(doc, ())]))
        }
        numbers = sorted(starts)
    return bits(starts)
