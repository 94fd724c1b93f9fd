"""One search: as typed, then corrected, then by fuzzy matches, then with words left out."""

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
    """Runs one query over one state of the index."""

    def __init__(self, snapshot: Snapshot, query: Query, options: SearchOptions) -> None:
        self.snapshot, self.query, self.options = snapshot, query, options
        self.matcher = Matcher(snapshot, options)

    def search(self) -> SearchResults:
        """Return the results as typed, or of the first relaxation that has any."""
        matched = self._match(self.query, {})
        if matched & self.matcher.filtered:
            likelier = {} if self.options.as_typed else self._likelier()
            return replace(self._results(self.query, matched, {}), likelier=likelier)
        corrected, corrections, absent = self._corrected()
        if corrections and (matched := self._match(corrected, {})) & self.matcher.filtered:
            results = self._results(corrected, matched, {})
            return replace(results, relaxation=Relaxation.CORRECTED, corrections=corrections)
        expansions = self._fuzzy(absent)
        if expansions and (matched := self._match(self.query, expansions)) & self.matcher.filtered:
            results = self._results(self.query, matched, expansions)
            return replace(results, relaxation=Relaxation.FUZZY, expansions=expansions)
        for drop in self._drops(corrected):
            relaxed = _without(corrected, drop)
            if (matched := self._match(relaxed, {})) & self.matcher.filtered:
                return replace(
                    self._results(relaxed, matched, {}),
                    relaxation=Relaxation.WORDS_DROPPED,
                    corrections=_used(corrections, relaxed),
                    dropped=_as_typed(self.query, drop),
                )
        return self._results(self.query, 0, {})

    def _match(self, query: Query, expansions: FuzzyExpansions) -> int:
        return self.matcher.match_query(query, expansions)

    def _corrected(self) -> tuple[Query, dict[str, str], list[str]]:
        """Return the query with absent words corrected, the corrections, and the absent words."""
        if self.options.as_typed:
            return self.query, {}, []
        words = dict.fromkeys(each.word for each in self.query.plain_words)
        known = self.query.concept_words
        absent = [
            word.folded
            for word in words
            if word not in known and not word_matches(self.snapshot, word)
        ]
        corrections = {
            word: better for word in absent if (better := spelling.correction(self.snapshot, word))
        }
        return _replaced(self.query, corrections), corrections, absent

    def _likelier(self) -> dict[str, str]:
        words = dict.fromkeys(each.word.folded for each in self.query.plain_words)
        return {
            word: better for word in words if (better := spelling.likelier(self.snapshot, word))
        }

    def _fuzzy(self, absent: list[str]) -> FuzzyExpansions:
        return {
            word: like
            for word in absent
            if (like := spelling.fuzzy_expansions(self.snapshot, word))
        }

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
        sets = [self.matcher.match_group(group, {}) for group in groups]
        allowed = self.matcher.filtered & ~self.matcher.match_excluded(query)
        others = {each: self.matcher.match_group(each.phrases, {}) for each in query.concepts}
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

    def _results(self, query: Query, matched: int, expansions: FuzzyExpansions) -> SearchResults:
        snapshot, matcher = self.snapshot, self.matcher
        chosen = matched & matcher.filtered
        ranked = self._page(query, expansions, members(chosen), self.options.page * PAGE_SIZE)
        part = ranked[(self.options.page - 1) * PAGE_SIZE :]
        return SearchResults(
            chosen.bit_count(),
            tuple(snapshot.docs[number].id for number, _score in part),
            tuple(score for _number, score in part),
            query=query,
            # Each facet counts within all filters but its own.
            topics=_counts(snapshot.topics, matched & matcher.by_language & matcher.by_dates),
            languages=_counts(snapshot.languages, matched & matcher.by_topics & matcher.by_dates),
            years=_counts(snapshot.years, matched & matcher.by_topics & matcher.by_language),
        )

    def _page(
        self, query: Query, expansions: FuzzyExpansions, numbers: list[int], limit: int
    ) -> list[tuple[int, float]]:
        """Return the first documents in the order asked for; undated ones are last by date."""
        newest, docs = self.snapshot.date_order, self.snapshot.docs
        if self.options.sort == OLDEST:
            numbers.sort(key=lambda number: (docs[number].dated_to is None, newest[number]))
            return [(number, 0.0) for number in numbers[:limit]]
        if self.options.sort == NEWEST or not query.clauses:
            numbers.sort(key=newest.__getitem__, reverse=True)
            return [(number, 0.0) for number in numbers[:limit]]
        today = london_day(self.options.now) if self.options.recency else None
        own = set(numbers)
        if query.typed_first and query.concepts:
            own = set(members(self.matcher.match_query(replace(query, concepts=()), expansions)))
        scorer = Scorer(self.snapshot, self.matcher, query, expansions, today)
        return scorer.top_docs(numbers, limit, own)


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


def _as_typed(query: Query, drop: tuple[int, ...]) -> tuple[str, ...]:
    clauses = (clause for place in drop for clause in query.groups[place])
    return tuple(query.text[slice(*c.span)] for c in clauses if isinstance(c, PlainWord))


def _used(corrections: Mapping[str, str], evaluated: Query) -> dict[str, str]:
    """Return those corrections that still take part in what was evaluated."""
    left = {clause.word.folded for clause in evaluated.plain_words}
    return {word: better for word, better in corrections.items() if better in left}
