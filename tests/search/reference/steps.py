"""One search: as typed, then corrected, then by likeness, then with words left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from psgflask.core.clock import london_day
from psgflask.search.engine.protocol import (
    NEWEST,
    OLDEST,
    PAGE_SIZE,
    Relaxation,
    SearchOptions,
    SearchResults,
)
from psgflask.search.language import Word
from psgflask.search.query.clauses import Clause, PlainWord, Query
from tests.search.reference import spelling
from tests.search.reference.bitsets import members
from tests.search.reference.matching import FuzzyExpansions, Matcher, word_matches
from tests.search.reference.scoring import Scorer
from tests.search.reference.snapshot import Snapshot


class Searcher:
    """One query over one state of the index."""

    def __init__(self, snapshot: Snapshot, query: Query, ask: SearchOptions) -> None:
        self.snapshot, self.query, self.ask = snapshot, query, ask
        self.matcher = Matcher(snapshot, ask)

    def answer(self) -> SearchResults:
        """Return the results of the first step that has any."""
        found = self._found(self.query, {})
        if found & self.matcher.filtered:
            doubt = {} if self.ask.as_typed else self._doubts()
            return replace(self._page(self.query, found, {}), likelier=doubt)
        corrected, corrections, absent = self._corrected()
        if corrections and (found := self._found(corrected, {})) & self.matcher.filtered:
            answer = self._page(corrected, found, {})
            return replace(answer, relaxation=Relaxation.CORRECTED, corrections=corrections)
        likeness = self._likeness(absent)
        if likeness and (found := self._found(self.query, likeness)) & self.matcher.filtered:
            answer = self._page(self.query, found, likeness)
            return replace(answer, relaxation=Relaxation.FUZZY, expansions=likeness)
        for drop in self._drops(corrected):
            relaxed = _without(corrected, drop)
            if (found := self._found(relaxed, {})) & self.matcher.filtered:
                return replace(
                    self._page(relaxed, found, {}),
                    relaxation=Relaxation.WORDS_DROPPED,
                    corrections=_used(corrections, relaxed),
                    dropped=_typed_words(self.query, drop),
                )
        return self._page(self.query, 0, {})

    def _found(self, query: Query, likeness: FuzzyExpansions) -> int:
        return self.matcher.of_query(query, likeness)

    def _corrected(self) -> tuple[Query, dict[str, str], list[str]]:
        """Return the query with absent words corrected, the corrections, and the absent words."""
        if self.ask.as_typed:
            return self.query, {}, []
        words = dict.fromkeys(each.word for each in self.query.plain_words)
        known = self.query.concept_words
        absent = [
            word.folded
            for word in words
            if word not in known and not word_matches(self.snapshot, word)
        ]
        corrections = {
            word: better for word in absent if (better := spelling.best(self.snapshot, word))
        }
        return _replaced(self.query, corrections), corrections, absent

    def _doubts(self) -> dict[str, str]:
        words = dict.fromkeys(each.word.folded for each in self.query.plain_words)
        return {
            word: better for word in words if (better := spelling.likelier(self.snapshot, word))
        }

    def _likeness(self, absent: list[str]) -> FuzzyExpansions:
        return {word: like for word in absent if (like := spelling.like(self.snapshot, word))}

    def _drops(self, query: Query) -> Iterator[tuple[int, ...]]:
        """Yield what to leave out, as places of groups: fewest words first, then least weight.

        Groups of plain words alone may go, and something must stay that finds articles.
        """
        groups = query.groups
        plain = [
            place
            for place, group in enumerate(groups)
            if all(isinstance(clause, PlainWord) for clause in group)
        ]
        sizes = {place: len(groups[place]) for place in plain}
        weights = {place: sum(map(self._weight, groups[place])) for place in plain}
        drops = [
            drop
            for number in range(1, min(len(plain), len(groups) - 1) + 1)
            for drop in combinations(plain, number)
        ]
        drops.sort(
            key=lambda drop: (sum(sizes[p] for p in drop), sum(weights[p] for p in drop), drop)
        )
        sets = [self.matcher.of_group(group, {}) for group in groups]
        allowed = self.matcher.filtered & ~self.matcher.of_excluded(query)
        others = {each: self.matcher.of_group(each.phrases, {}) for each in query.concepts}
        for drop in drops:
            left = allowed
            whole: set[int] = set()
            for concept, by_others in others.items():
                places = query.groups_of(concept)
                # A concept of which a word is dropped is no more: what is left of it are words.
                if not set(places) & set(drop):
                    own = left
                    for place in places:
                        own &= sets[place]
                    left = own | (left & by_others)
                    whole.update(places)
            for place, each in enumerate(sets):
                if place not in drop and place not in whole:
                    left &= each
            if left:
                yield drop

    def _weight(self, clause: Clause) -> float:
        if not isinstance(clause, PlainWord):
            return 0.0
        return max(term.weight for term in self.snapshot.stems(clause.word.folded).values())

    def _page(self, query: Query, found: int, likeness: FuzzyExpansions) -> SearchResults:
        snapshot, matcher = self.snapshot, self.matcher
        chosen = found & matcher.filtered
        ranked = self._ranked(query, likeness, members(chosen), self.ask.page * PAGE_SIZE)
        part = ranked[(self.ask.page - 1) * PAGE_SIZE :]
        return SearchResults(
            chosen.bit_count(),
            tuple(snapshot.docs[number].id for number, _score in part),
            tuple(score for _number, score in part),
            query=query,
            # Each facet counts within all filters but its own.
            topics=_counts(snapshot.topics, found & matcher.by_language & matcher.by_dates),
            languages=_counts(snapshot.languages, found & matcher.by_topics & matcher.by_dates),
            years=_counts(snapshot.years, found & matcher.by_topics & matcher.by_language),
        )

    def _ranked(
        self, query: Query, likeness: FuzzyExpansions, numbers: list[int], most: int
    ) -> list[tuple[int, float]]:
        """Return the first documents in the order asked for; undated ones are last by date."""
        newest, docs = self.snapshot.newest, self.snapshot.docs
        if self.ask.sort == OLDEST:
            numbers.sort(key=lambda number: (docs[number].dated_to is None, newest[number]))
            return [(number, 0.0) for number in numbers[:most]]
        if self.ask.sort == NEWEST or not query.clauses:
            numbers.sort(key=newest.__getitem__, reverse=True)
            return [(number, 0.0) for number in numbers[:most]]
        today = london_day(self.ask.now) if self.ask.recency else None
        own = set(numbers)
        if query.typed_first and query.concepts:
            own = set(members(self.matcher.of_query(replace(query, concepts=()), likeness)))
        scorer = Scorer(self.snapshot, self.matcher, query, likeness, today)
        return scorer.best(numbers, most, own)


def _counts(groups: Mapping[Any, int], chosen: int) -> dict[Any, int]:
    return {key: count for key, docs in groups.items() if (count := (docs & chosen).bit_count())}


def _replaced(query: Query, corrections: Mapping[str, str]) -> Query:
    def change(clause: Clause) -> Clause:
        if isinstance(clause, PlainWord) and clause.word.folded in corrections:
            return replace(clause, word=Word(corrections[clause.word.folded], ""))
        return clause

    groups = tuple(tuple(change(clause) for clause in group) for group in query.groups)
    return replace(query, groups=groups)


def _without(query: Query, drop: tuple[int, ...]) -> Query:
    kept = tuple(group for place, group in enumerate(query.groups) if place not in drop)
    whole = tuple(each for each in query.concepts if not set(query.groups_of(each)) & set(drop))
    return replace(query, groups=kept, concepts=whole)


def _typed_words(query: Query, drop: tuple[int, ...]) -> tuple[str, ...]:
    clauses = (clause for place in drop for clause in query.groups[place])
    return tuple(query.text[slice(*c.span)] for c in clauses if isinstance(c, PlainWord))


def _used(corrections: Mapping[str, str], evaluated: Query) -> dict[str, str]:
    """Return those corrections that still take part in what was evaluated."""
    left = {clause.word.folded for clause in evaluated.plain_words}
    return {word: better for word, better in corrections.items() if better in left}
