"""One search: as typed, then corrected, then by fuzzy matches, then with words left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from psgflask.core.clock import london_day
from psgflask.search.engine import spelling
from psgflask.search.engine.matching import FuzzyExpansions, Matcher
from psgflask.search.engine.protocol import (
    OLDEST,
    PAGE_SIZE,
    RELEVANCE,
    Relaxation,
    SearchOptions,
    SearchResults,
)
from psgflask.search.engine.scoring import Scorer
from psgflask.search.engine.segments import NO_DOCS, DocIds, Mask
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.term_scores import word_matches
from psgflask.search.language import Word
from psgflask.search.query.clauses import Clause, PlainWord, Query


class Searcher:
    """Runs one query over one state of the index."""

    def __init__(self, snapshot: Snapshot, query: Query, options: SearchOptions) -> None:
        self.snapshot, self.query, self.options = snapshot, query, options
        self.matcher = Matcher(snapshot, options)

    def search(self) -> SearchResults:
        """Return the results as typed, or of the first relaxation that has any."""
        matched = self._match(self.query, {})
        if self.matcher.any_filtered(matched):
            likelier = {} if self.options.as_typed else self._likelier()
            results = self._results(self.query, matched, {})
            return replace(results, likelier=likelier) if likelier else results
        corrected, corrections, absent = self._corrected()
        if corrections and self.matcher.any_filtered(matched := self._match(corrected, {})):
            results = self._results(corrected, matched, {})
            return replace(results, relaxation=Relaxation.CORRECTED, corrections=corrections)
        expansions = self._fuzzy(absent)
        if expansions and self.matcher.any_filtered(matched := self._match(self.query, expansions)):
            results = self._results(self.query, matched, expansions)
            return replace(results, relaxation=Relaxation.FUZZY, expansions=expansions)
        for drop in self._drops(corrected):
            relaxed = _without(corrected, drop)
            if self.matcher.any_filtered(matched := self._match(relaxed, {})):
                return replace(
                    self._results(relaxed, matched, {}),
                    relaxation=Relaxation.WORDS_DROPPED,
                    corrections=_used(corrections, relaxed),
                    dropped=_as_typed(self.query, drop),
                )
        return self._results(self.query, NO_DOCS, {})

    def _match(self, query: Query, expansions: FuzzyExpansions) -> DocIds:
        return self.matcher.match_query(query, expansions)

    def _corrected(self) -> tuple[Query, dict[str, str], list[str]]:
        """Return the query with absent words corrected, the corrections, and the absent words."""
        if self.options.as_typed:
            return self.query, {}, []
        words = dict.fromkeys(each.word for each in self.query.plain_words)
        in_glossary = self.query.concept_words
        absent = [
            word.folded
            for word in words
            if word not in in_glossary and not len(word_matches(self.snapshot, word))
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
            word: found
            for word in absent
            if (found := spelling.fuzzy_expansions(self.snapshot, word))
        }

    def _drops(self, query: Query) -> Iterator[tuple[int, ...]]:
        """Yield what to leave out, as places of groups: fewest words first, then least weight.

        Only groups of plain words may go, and something must stay that finds articles.
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
        masks = [self.matcher.match_group(group) for group in groups]
        concepts = [
            (set(query.groups_of(concept)), self.matcher.match_group(concept.phrases))
            for concept in query.concepts
        ]
        allowed = self._allowed(query)
        for drop in drops:
            left = allowed
            kept = set(range(len(groups))) - set(drop)
            for places, synonyms in concepts:
                if places <= kept:
                    left = left & (np.logical_and.reduce([masks[p] for p in places]) | synonyms)
                    kept -= places
            for place in kept:
                left = left & masks[place]
            if left.any():
                yield drop

    def _allowed(self, query: Query) -> Mask:
        allowed = self.snapshot.live_docs.copy()
        for each in self.matcher.filters:
            if each is not None:
                allowed &= each
        for clause in query.excluded:
            allowed &= ~self.matcher.match_clause(clause, {}).mask
        return allowed

    def _weight(self, clause: Clause) -> float:
        if not isinstance(clause, PlainWord):
            return 0.0
        return max(term.weight for term in self.snapshot.stems(clause.word.folded).values())

    def _results(self, query: Query, matched: DocIds, expansions: FuzzyExpansions) -> SearchResults:
        filtered = self.matcher.filtered(matched)
        page = self._page(query, expansions, filtered)
        topics, languages, years = self.snapshot.facets.count(
            matched, filtered, self.matcher.filters
        )
        docs = [doc for doc, _score in page]
        return SearchResults(
            len(filtered),
            tuple(self.snapshot.ids.take(docs).tolist()),
            tuple(score for _doc, score in page),
            self.snapshot.texts(docs) if self.options.texts else (),
            query=query,
            topics=topics,
            languages=languages,
            years=years,
        )

    def _page(
        self, query: Query, expansions: FuzzyExpansions, docs: DocIds
    ) -> list[tuple[int, float]]:
        """Return (document, score) of the requested page; undated ones are last by date."""
        options, snapshot = self.options, self.snapshot
        offset = (options.page - 1) * PAGE_SIZE
        if len(docs) <= 1 and not options.scores:
            return [(doc, 0.0) for doc in docs.tolist()[offset:]]
        if options.sort == RELEVANCE and query.clauses:
            today = london_day(options.now) if options.recency else None
            scorer = Scorer(snapshot, self.matcher, query, expansions, today)
            return scorer.top_docs(docs, offset, PAGE_SIZE, with_feedback=options.feedback)
        keys = snapshot.date_order[docs]
        if options.sort == OLDEST:
            keys = np.where(snapshot.last_day[docs] > 0, -keys, -(1 << 62) - keys)
        top = docs[_greatest(keys, offset + PAGE_SIZE)[offset:]]
        return [(doc, 0.0) for doc in top.tolist()]


def _greatest(keys: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return the places of the greatest keys, greatest first."""
    if len(keys) > limit:
        likely = np.argpartition(keys, len(keys) - limit)[len(keys) - limit :]
    else:
        likely = np.arange(len(keys))
    return likely[np.argsort(-keys[likely])]


def _replaced(query: Query, corrections: Mapping[str, str]) -> Query:
    def correct(clause: Clause) -> Clause:
        if isinstance(clause, PlainWord) and clause.word.folded in corrections:
            return replace(clause, word=Word(corrections[clause.word.folded], ""))
        return clause

    groups = tuple(tuple(correct(clause) for clause in group) for group in query.groups)
    return replace(query, groups=groups)


def _without(query: Query, drop: tuple[int, ...]) -> Query:
    kept = tuple(group for place, group in enumerate(query.groups) if place not in drop)
    whole = tuple(each for each in query.concepts if not set(query.groups_of(each)) & set(drop))
    return replace(query, groups=kept, concepts=whole)


def _as_typed(query: Query, drop: tuple[int, ...]) -> tuple[str, ...]:
    clauses = (clause for place in drop for clause in query.groups[place])
    return tuple(query.text[slice(*c.span)] for c in clauses if isinstance(c, PlainWord))


def _used(corrections: Mapping[str, str], query: Query) -> dict[str, str]:
    """Return the corrections that are still part of a query."""
    left = {clause.word.folded for clause in query.plain_words}
    return {word: better for word, better in corrections.items() if better in left}
