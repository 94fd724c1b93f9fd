"""One search: as typed, then corrected, then by likeness, then with words left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from psgflask.core.clock import london_day
from psgflask.search.engine import facets, spelling, term_scores, terms
from psgflask.search.engine.matching import Likeness, Mask, Matcher
from psgflask.search.engine.protocol import OLDEST, PAGE_SIZE, RELEVANCE, Answer, Ask, Step
from psgflask.search.engine.scoring import Scorer
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs
from psgflask.search.language import Word
from psgflask.search.query import Clause, Plain, Query


class Evaluation:
    """One query over one state of the index."""

    def __init__(self, snapshot: Snapshot, query: Query, ask: Ask) -> None:
        self.snapshot, self.query, self.ask = snapshot, query, ask
        self.matcher = Matcher(snapshot, ask)

    def answer(self) -> Answer:
        """Return the results of the first step that has any."""
        found = self._found(self.query, {})
        if self.matcher.any_filtered(found):
            doubt = {} if self.ask.as_typed else self._doubts()
            answer = self._page(self.query, found, {})
            return replace(answer, doubt=doubt) if doubt else answer
        corrected, corrections, absent = self._corrected()
        if corrections and self.matcher.any_filtered(found := self._found(corrected, {})):
            answer = self._page(corrected, found, {})
            return replace(answer, step=Step.CORRECTED, corrections=corrections)
        likeness = self._likeness(absent)
        if likeness and self.matcher.any_filtered(found := self._found(self.query, likeness)):
            answer = self._page(self.query, found, likeness)
            return replace(answer, step=Step.LIKENESS, expansions=likeness)
        for drop in self._drops(corrected):
            relaxed = _without(corrected, drop)
            if self.matcher.any_filtered(found := self._found(relaxed, {})):
                return replace(
                    self._page(relaxed, found, {}),
                    step=Step.RELAXED,
                    corrections=_used(corrections, relaxed),
                    dropped=_typed_words(self.query, drop),
                )
        return self._page(self.query, terms.NONE, {})

    def _found(self, query: Query, likeness: Likeness) -> Docs:
        return self.matcher.of_query(query, likeness)

    def _corrected(self) -> tuple[Query, dict[str, str], list[str]]:
        """Return the query with absent words corrected, the corrections, and the absent words."""
        if self.ask.as_typed:
            return self.query, {}, []
        words = dict.fromkeys(each.word for each in self.query.plain)
        known = self.query.words_of_concepts
        absent = [
            word.folded
            for word in words
            if word not in known and not len(term_scores.of_word(self.snapshot, word))
        ]
        corrections = {
            word: better for word in absent if (better := spelling.best(self.snapshot, word))
        }
        return _replaced(self.query, corrections), corrections, absent

    def _doubts(self) -> dict[str, str]:
        words = dict.fromkeys(each.word.folded for each in self.query.plain)
        return {
            word: better for word in words if (better := spelling.likelier(self.snapshot, word))
        }

    def _likeness(self, absent: list[str]) -> Likeness:
        return {word: like for word in absent if (like := spelling.like(self.snapshot, word))}

    def _drops(self, query: Query) -> Iterator[tuple[int, ...]]:
        """Yield what to leave out, as places of groups: fewest words first, then least weight.

        Groups of plain words alone may go, and something must stay that finds articles.
        """
        groups = query.groups
        plain = [
            place
            for place, group in enumerate(groups)
            if all(isinstance(clause, Plain) for clause in group)
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
        sets = [self.matcher.mask_of_group(group) for group in groups]
        concepts = [
            (set(query.places_of(concept)), self.matcher.mask_of_group(concept.phrases))
            for concept in query.concepts
        ]
        allowed = self._allowed(query)
        for drop in drops:
            left = allowed
            kept = set(range(len(groups))) - set(drop)
            for places, others in concepts:
                if places <= kept:
                    left = left & (np.logical_and.reduce([sets[p] for p in places]) | others)
                    kept -= places
            for place in kept:
                left = left & sets[place]
            if left.any():
                yield drop

    def _allowed(self, query: Query) -> Mask:
        allowed = self.snapshot.live.copy()
        for each in self.matcher.filters:
            if each is not None:
                allowed &= each
        for clause in query.excluded:
            allowed &= ~self.matcher.of_clause(clause, {}).mask
        return allowed

    def _weight(self, clause: Clause) -> float:
        if not isinstance(clause, Plain):
            return 0.0
        return max(term.weight for term in self.snapshot.stems(clause.word.folded).values())

    def _page(self, query: Query, found: Docs, likeness: Likeness) -> Answer:
        chosen = self.matcher.filtered(found)
        part = self._ranked(query, likeness, chosen)
        topics, languages, years = facets.of(self.snapshot, self.matcher, found, chosen)
        numbers = [number for number, _score in part]
        return Answer(
            len(chosen),
            tuple(self.snapshot.ids.take(numbers).tolist()),
            tuple(score for _number, score in part),
            self.snapshot.texts(numbers) if self.ask.texts else (),
            query=query,
            topics=topics,
            languages=languages,
            years=years,
        )

    def _ranked(self, query: Query, likeness: Likeness, docs: Docs) -> list[tuple[int, float]]:
        """Return the documents of the page asked for; undated ones are last by date."""
        ask, snapshot = self.ask, self.snapshot
        first = (ask.page - 1) * PAGE_SIZE
        if len(docs) <= 1 and not ask.scores:
            return [(number, 0.0) for number in docs.tolist()[first:]]
        if ask.sort == RELEVANCE and query.clauses:
            today = london_day(ask.now) if ask.recency else None
            scorer = Scorer(snapshot, self.matcher, query, likeness, today)
            return scorer.best(docs, first, PAGE_SIZE, with_feedback=ask.feedback)
        keys = snapshot.newness[docs]
        if ask.sort == OLDEST:
            keys = np.where(snapshot.last[docs] > 0, -keys, -(1 << 62) - keys)
        chosen = docs[_greatest(keys, first + PAGE_SIZE)[first:]]
        return [(number, 0.0) for number in chosen.tolist()]


def _greatest(keys: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return the places of the greatest keys, greatest first."""
    if len(keys) > most:
        likely = np.argpartition(keys, len(keys) - most)[len(keys) - most :]
    else:
        likely = np.arange(len(keys))
    return likely[np.argsort(-keys[likely])]


def _replaced(query: Query, corrections: Mapping[str, str]) -> Query:
    def change(clause: Clause) -> Clause:
        if isinstance(clause, Plain) and clause.word.folded in corrections:
            return replace(clause, word=Word(corrections[clause.word.folded], ""))
        return clause

    groups = tuple(tuple(change(clause) for clause in group) for group in query.groups)
    return replace(query, groups=groups)


def _without(query: Query, drop: tuple[int, ...]) -> Query:
    kept = tuple(group for place, group in enumerate(query.groups) if place not in drop)
    whole = tuple(each for each in query.concepts if not set(query.places_of(each)) & set(drop))
    return replace(query, groups=kept, concepts=whole)


def _typed_words(query: Query, drop: tuple[int, ...]) -> tuple[str, ...]:
    clauses = (clause for place in drop for clause in query.groups[place])
    return tuple(query.text[slice(*c.span)] for c in clauses if isinstance(c, Plain))


def _used(corrections: Mapping[str, str], evaluated: Query) -> dict[str, str]:
    """Return those corrections that still take part in what was evaluated."""
    left = {clause.word.folded for clause in evaluated.plain}
    return {word: better for word, better in corrections.items() if better in left}
