"""The plain engine: Whoosh's postings evaluated in Python, the reference for any faster one."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

from psgflask.caching import LONDON
from psgflask.search.engine import matching, spelling
from psgflask.search.engine.matching import Likeness
from psgflask.search.engine.protocol import NEWEST, OLDEST, PAGE_SIZE, Answer, Ask, Step
from psgflask.search.engine.scoring import Scorer
from psgflask.search.engine.snapshot import Doc, Snapshot, members
from psgflask.search.language import Word
from psgflask.search.query import Clause, Plain, Query


class PlainEngine:
    """Answers over the newest state of the index.

    `token` tells cheaply which state that is; `reader` opens it, and raises IndexUnusable.
    """

    def __init__(self, token: Callable[[], object], reader: Callable[[], Any]) -> None:
        self._token_now = token
        self._open = reader
        self._token: object = None
        self._snapshot: Snapshot | None = None
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the newest state; the one before is let go when nobody reads it."""
        token = self._token_now()
        with self._lock:
            if self._snapshot is None or token != self._token:
                self._snapshot = Snapshot(self._open())
                self._token = token
            return self._snapshot

    def search(self, query: Query, ask: Ask) -> Answer:
        """Answer a query: the first step that finds anything. Raises IndexUnusable."""
        return _Evaluation(self.snapshot(), query, ask).answer()


class _Evaluation:
    """One query over one state of the index."""

    def __init__(self, snapshot: Snapshot, query: Query, ask: Ask) -> None:
        self.snapshot, self.query, self.ask = snapshot, query, ask

    def answer(self) -> Answer:
        typed = self._found(self.query, {})
        if typed:
            doubt = {} if self.ask.as_typed else self._doubts()
            return self._page(self.query, {}, Step.TYPED, doubt=doubt)
        absent = [each for each in self.query.plain if self._is_absent(each.word)]
        corrections: dict[str, str] = {}
        if not self.ask.as_typed:
            for each in absent:
                if better := spelling.best(self.snapshot, each.word.folded):
                    corrections[each.word.folded] = better
        corrected = _corrected(self.query, corrections)
        if corrections and self._found(corrected, {}):
            return self._page(corrected, {}, Step.CORRECTED, corrections=corrections)
        likeness = self._likeness(absent, corrections)
        if likeness and self._found(corrected, likeness):
            return self._page(corrected, likeness, Step.LIKENESS, corrections=corrections)
        relaxed, dropped = self._relaxed(corrected, likeness)
        if dropped:
            return self._page(
                relaxed, likeness, Step.RELAXED, corrections=corrections, dropped=dropped
            )
        return self._page(self.query, {}, Step.TYPED)

    def _found(self, query: Query, likeness: Likeness) -> int:
        found = matching.of_query(self.snapshot, query, self.ask, likeness)
        return found & self._filter(topics=True, language=True, dates=True)

    def _filter(self, *, topics: bool, language: bool, dates: bool) -> int:
        chosen = self.snapshot.everything
        docs = self.snapshot.docs
        if topics and self.ask.topics:
            wanted = set(self.ask.topics)
            chosen &= matching.where(self.snapshot, lambda doc: not wanted.isdisjoint(doc.topics))
        if language and self.ask.language:
            chosen &= matching.where(self.snapshot, lambda doc: doc.language == self.ask.language)
        if dates and (self.ask.first or self.ask.last):
            chosen &= matching.dated(self.snapshot, self.ask.first, self.ask.last)
        return chosen if docs else 0

    def _is_absent(self, word: Word) -> bool:
        return not matching.of_word(self.snapshot, word, {})

    def _doubts(self) -> dict[str, str]:
        found = {}
        for each in self.query.plain:
            if better := spelling.likelier(self.snapshot, each.word.folded):
                found[each.word.folded] = better
        return found

    def _likeness(self, absent: list[Plain], corrections: dict[str, str]) -> Likeness:
        likeness = {}
        for each in absent:
            folded = each.word.folded
            if folded not in corrections and (found := spelling.like(self.snapshot, folded)):
                likeness[folded] = found
        return likeness

    def _relaxed(self, query: Query, likeness: Likeness) -> tuple[Query, tuple[str, ...]]:
        """Drop the fewest plain words that leave a result, among equals those of lowest weight."""
        alone = [
            place
            for place, group in enumerate(query.groups)
            if all(isinstance(clause, Plain) for clause in group)
        ]
        sets = [
            self._found(Query(query.text, (group,), query.excluded), likeness)
            for group in query.groups
        ]
        weights = {place: self._weight(query.groups[place], likeness) for place in alone}
        for number in range(1, min(len(alone), len(query.groups) - 1) + 1):
            drops = sorted(
                combinations(alone, number),
                key=lambda drop: sum(weights[place] for place in drop),
            )
            for drop in drops:
                chosen = self.snapshot.everything
                for place, each in enumerate(sets):
                    if place not in drop:
                        chosen &= each
                if chosen:
                    return _without(query, drop)
        return query, ()

    def _weight(self, group: tuple[Clause, ...], likeness: Likeness) -> float:
        scorer = Scorer(self.snapshot, Query("", (group,)), likeness, None)
        terms = [term for typed in scorer.typed for term in typed.stems.values()]
        terms += [term for _q, term in scorer.unions]
        return max((term.weight for term in terms), default=0.0)

    def _page(
        self,
        query: Query,
        likeness: Likeness,
        step: Step,
        *,
        corrections: dict[str, str] | None = None,
        dropped: tuple[str, ...] = (),
        doubt: dict[str, str] | None = None,
    ) -> Answer:
        found = matching.of_query(self.snapshot, query, self.ask, likeness)
        chosen = found & self._filter(topics=True, language=True, dates=True)
        ranked = self._ranked(query, likeness, members(chosen))
        start = (self.ask.page - 1) * PAGE_SIZE
        part = ranked[start : start + PAGE_SIZE]
        docs = self.snapshot.docs
        by_topic: Counter[int] = Counter()
        for doc in self._docs(found & self._filter(topics=False, language=True, dates=True)):
            by_topic.update(doc.topics)
        spoken = self._docs(found & self._filter(topics=True, language=False, dates=True))
        years: Counter[int] = Counter()
        for doc in self._docs(found & self._filter(topics=True, language=True, dates=False)):
            if doc.dated_from and doc.dated_to:
                years.update(range(doc.dated_from.year, doc.dated_to.year + 1))
        return Answer(
            len(ranked),
            tuple(docs[number].id for number, _score in part),
            tuple(score for _number, score in part),
            step,
            query,
            corrections or {},
            dropped,
            doubt or {},
            by_topic,
            Counter(doc.language for doc in spoken),
            years,
            likeness,
        )

    def _docs(self, chosen: int) -> list[Doc]:
        return [self.snapshot.docs[number] for number in members(chosen)]

    def _ranked(
        self, query: Query, likeness: Likeness, numbers: list[int]
    ) -> list[tuple[int, float]]:
        docs = self.snapshot.docs
        if self.ask.sort == OLDEST:
            # Undated articles come last in either order.
            key = {n: (docs[n].dated_to is None, docs[n].order, docs[n].id) for n in numbers}
            return [(number, 0.0) for number in sorted(numbers, key=key.__getitem__)]
        if self.ask.sort == NEWEST or not query.clauses:
            newest = {number: (docs[number].order, docs[number].id) for number in numbers}
            ordered = sorted(numbers, key=newest.__getitem__, reverse=True)
            return [(number, 0.0) for number in ordered]
        today = self.ask.now.astimezone(LONDON).date() if self.ask.recency else None
        scorer = Scorer(self.snapshot, query, likeness, today)
        scored = [(number, scorer.score(number)) for number in numbers]
        best = {
            number: (
                is_title := scorer.is_title(docs[number]),
                0.0 if is_title else score,
                docs[number].order,
                docs[number].id,
            )
            for number, score in scored
        }
        return sorted(scored, key=lambda pair: best[pair[0]], reverse=True)


def _corrected(query: Query, corrections: dict[str, str]) -> Query:
    def change(clause: Clause) -> Clause:
        if isinstance(clause, Plain) and clause.word.folded in corrections:
            return replace(clause, word=Word(corrections[clause.word.folded], ""))
        return clause

    groups = tuple(tuple(change(clause) for clause in group) for group in query.groups)
    return replace(query, groups=groups)


def _without(query: Query, drop: tuple[int, ...]) -> tuple[Query, tuple[str, ...]]:
    kept = tuple(group for place, group in enumerate(query.groups) if place not in drop)
    dropped = tuple(
        clause.word.folded
        for place in drop
        for clause in query.groups[place]
        if isinstance(clause, Plain)
    )
    return replace(query, groups=kept), dropped
