"""Matching: which documents a clause, a query and the filters choose."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine import term_scores, terms
from psgflask.search.engine.protocol import Ask
from psgflask.search.engine.snapshot import SIDES, Snapshot
from psgflask.search.engine.terms import Docs, Found, alone
from psgflask.search.index.columns import EXACT
from psgflask.search.language import Word, stem
from psgflask.search.query import (
    Clause,
    Dated,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    Plain,
    Prefix,
    Query,
)

Other = Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | Dated
Likeness = Mapping[str, tuple[str, ...]]  # folded word typed -> words like it
Mask = NDArray[np.bool_]


class Matcher:
    """Chooses documents of one state of the index for one question."""

    def __init__(self, snapshot: Snapshot, ask: Ask) -> None:
        self.snapshot, self.ask = snapshot, ask
        self._kept: dict[Clause, Found] = {}
        # The documents that each filter lets through; None where all will do.
        self.by_topics = on_topics(snapshot, frozenset(ask.topics)).mask if ask.topics else None
        self.by_language = in_language(snapshot, ask.language).mask if ask.language else None
        self.by_dates = dated(snapshot, ask.first, ask.last).mask if ask.first or ask.last else None

    @property
    def filters(self) -> tuple[Mask | None, Mask | None, Mask | None]:
        """All filters."""
        return self.by_topics, self.by_language, self.by_dates

    def filtered(self, docs: Docs) -> Docs:
        """Return those documents that every filter lets through."""
        return within(docs, *self.filters)

    def any_filtered(self, docs: Docs) -> bool:
        """Say whether a filter lets any of the documents through."""
        return bool(len(self.filtered(docs)))

    def of_query(self, query: Query, likeness: Likeness) -> Docs:
        """Return the documents that match every group and nothing excluded, filters apart.

        The groups of a concept match together, or by one of its other terms.
        """
        groups = [[self.of_clause(clause, likeness) for clause in group] for group in query.groups]
        if query.concepts:
            groups = self._with_concepts(query, groups)
        if groups:
            chosen = self._in_every(groups)
        else:
            chosen = np.flatnonzero(self.snapshot.live).astype(np.int32)
        for clause in query.excluded:
            if not len(chosen):
                break
            chosen = chosen[~self._among(chosen, self.of_clause(clause, {}))]
        return chosen

    def of_group(self, group: tuple[Clause, ...], likeness: Likeness) -> Docs:
        """Return the documents that match any clause of a group."""
        return self._any([self.of_clause(clause, likeness) for clause in group])

    def mask_of_group(self, group: tuple[Clause, ...]) -> Mask:
        """Return the same as a mask of all numbers."""
        mask = np.zeros(self.snapshot.room, np.bool_)
        mask[self.of_group(group, {})] = True
        return mask

    def of_clause(self, clause: Clause, likeness: Likeness) -> Found:
        """Return the documents that match one clause, and what each scores by it."""
        if isinstance(clause, Plain) and clause.word.folded in likeness:
            return term_scores.of_likeness(self.snapshot, likeness[clause.word.folded])
        if isinstance(clause, Plain):
            return term_scores.of_word(self.snapshot, clause.word)
        if clause not in self._kept:
            self._kept[clause] = self._find(clause)
        return self._kept[clause]

    def _with_concepts(self, query: Query, groups: list[list[Found]]) -> list[list[Found]]:
        """Return groups with those of each concept as one, beside its other terms."""
        left: dict[int, list[Found]] = dict(enumerate(groups))
        for concept in query.concepts:
            places = query.places_of(concept)
            own = self._in_every([left.pop(place) for place in places])
            phrases = [self.of_clause(phrase, {}) for phrase in concept.phrases]
            left[places[0]] = [Found(own, None, self.snapshot.room), *phrases]
        return list(left.values())

    def _in_every(self, groups: list[list[Found]]) -> Docs:
        groups.sort(key=_number)
        chosen = self._any(groups[0])
        for group in groups[1:]:
            if not len(chosen):
                break
            chosen = self._kept_of(chosen, group)
        return chosen

    def _any(self, group: list[Found]) -> Docs:
        if len(group) == 1:
            return group[0].docs
        mask = np.zeros(self.snapshot.room, np.bool_)
        for found in group:
            if found.is_dense:
                mask |= found.mask
            else:
                mask[found.docs] = True
        return np.flatnonzero(mask).astype(np.int32)

    def _kept_of(self, chosen: Docs, group: list[Found]) -> Docs:
        if len(group) == 1:
            return chosen[self._among(chosen, group[0])]
        there = np.zeros(len(chosen), np.bool_)
        for found in group:
            there |= self._among(chosen, found)
        return chosen[there]

    def _among(self, chosen: Docs, found: Found) -> Mask:
        """Say of each chosen document whether it was found."""
        if not len(found.docs):
            return np.zeros(len(chosen), np.bool_)
        there = found.holds(chosen)
        if there is not None:
            return there
        if 8 * len(chosen) < len(found):
            at = found.docs.searchsorted(chosen)
            at[at == len(found)] = 0
            there = found.docs[at] == chosen
        else:
            with self.snapshot.scratch("found", self.snapshot.room, np.bool_) as mask:
                mask[found.docs] = True
                there = mask[chosen]
                mask[found.docs] = False
        return there

    def _find(self, clause: Other) -> Found:
        snapshot = self.snapshot
        match clause:
            case Phrase(words):
                return snapshot.keep(("phrase", words), lambda: of_phrase(snapshot, words))
            case Prefix(folded):
                return term_scores.of_prefix(snapshot, folded)
            case InTitle(words):
                return snapshot.keep(("title", words), lambda: in_title(snapshot, words))
            case OnTopic(name):
                topic = self.ask.named_topics.get(name)
                return on_topics(snapshot, frozenset(() if topic is None else (topic,)))
            case InIssue(number):
                return alone((snapshot.issue == number) & snapshot.live)
            case InLanguage(language):
                return in_language(snapshot, language)
            case Dated(first, last):
                return dated(snapshot, first, last)


def _number(group: list[Found]) -> int:
    """Return how many documents match some clause of a group, at most."""
    return sum([len(found.docs) for found in group])


def within(docs: Docs, *filters: Mask | None) -> Docs:
    """Return those documents that all filters let through."""
    for each in filters:
        if each is not None:
            docs = docs[each[docs]]
    return docs


def of_phrase(snapshot: Snapshot, words: Sequence[Word]) -> Found:
    """Return the documents in which these words stand side by side, in title or body."""
    among = in_all([snapshot.term(EXACT, word.folded).docs for word in words])
    if len(words) > 1 and len(among):
        texts = [word.folded for word in words]
        found = [side_by_side(snapshot, EXACT, side, texts, among) for side in SIDES]
        among = np.union1d(*found)
    return Found(among, None, snapshot.room)


def in_title(snapshot: Snapshot, words: Sequence[Word]) -> Found:
    """Return the documents in whose title the stems of these words stand side by side."""
    chosen = terms.NONE
    for language in LANGUAGES:
        texts = [stem(word.folded, language) for word in words]
        among = in_all([snapshot.term(language, text).titled for text in texts])
        if len(texts) > 1 and len(among):
            among = side_by_side(snapshot, language, "title", texts, among)
        chosen = np.union1d(chosen, among)
    return Found(chosen, None, snapshot.room)


def side_by_side(
    snapshot: Snapshot, kind: str, side: str, texts: Sequence[str], among: Docs
) -> Docs:
    """Return those documents in which the terms follow each other on one side."""
    starts = snapshot.places(kind, side, texts[0], among)
    for step, text in enumerate(texts[1:], 1):
        if not len(starts):
            break
        behind = snapshot.places(kind, side, text, among) - step
        starts = starts[_in(starts, behind)]
    return among[np.unique(starts >> 32)]


def _in(these: NDArray[np.int64], those: NDArray[np.int64]) -> Mask:
    """Say of each of `these` whether it is one of `those`; both ascend."""
    if not len(those):
        return np.zeros(len(these), np.bool_)
    at = those.searchsorted(these)
    at[at == len(those)] = 0
    there: Mask = those[at] == these
    return there


def dated(snapshot: Snapshot, first: date | None, last: date | None) -> Found:
    """Return the documents whose dateline touches these days; undated ones never do."""

    def choose() -> Found:
        mask = snapshot.live & (snapshot.last > 0)
        if first is not None:
            mask &= snapshot.last >= first.toordinal()
        if last is not None:
            mask &= snapshot.first <= last.toordinal()
        return alone(mask)

    return snapshot.keep(("dated", first, last), choose)


def in_language(snapshot: Snapshot, language: str) -> Found:
    """Return the documents in a language."""
    place = LANGUAGES.index(language)
    return snapshot.keep(
        ("language", language), lambda: alone(snapshot.live & (snapshot.language == place))
    )


def on_topics(snapshot: Snapshot, topics: frozenset[int]) -> Found:
    """Return the documents on any of these topics."""

    def choose() -> Found:
        sets = np.array(
            [not topics.isdisjoint(each) for each in snapshot.codes.topic_sets], np.bool_
        )
        return alone(snapshot.live & sets[snapshot.codes.topic_set])

    return snapshot.keep(("topics", topics), choose)


def in_all(sets: Iterable[Docs]) -> Docs:
    """Return the documents that all sets hold."""
    chosen, *others = sorted(sets, key=len)
    for each in others:
        if not len(chosen):
            break
        chosen = chosen[_in(chosen, each)]  # type: ignore[arg-type]  # any integers do
    return chosen
