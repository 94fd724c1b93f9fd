"""Matching: which documents a clause, a query and the filters match."""

from collections.abc import Mapping
from datetime import date

import numpy as np

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine.facets import Filters, apply_filters
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.engine.proximity import phrase_matches, title_phrase_matches
from psgflask.search.engine.segments import DocIds, Mask, Matches, unscored
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.term_scores import fuzzy_matches, prefix_matches, word_matches
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

OtherClause = Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | DateRange
FuzzyExpansions = Mapping[str, tuple[str, ...]]  # folded word typed -> words like it


class Matcher:
    """Matches documents of one state of the index for one search."""

    def __init__(self, snapshot: Snapshot, options: SearchOptions) -> None:
        self.snapshot, self.options = snapshot, options
        self._cached: dict[Clause, Matches] = {}
        # The documents that pass each filter; None where it is not set.
        topics, language = frozenset(options.topics), options.language
        first, last = options.first, options.last
        self.filters: Filters = (
            topic_matches(snapshot, topics).mask if topics else None,
            language_matches(snapshot, language).mask if language else None,
            date_matches(snapshot, first, last).mask if first or last else None,
        )

    def filtered(self, docs: DocIds) -> DocIds:
        """Return the documents that pass every filter."""
        return apply_filters(docs, *self.filters)

    def any_filtered(self, docs: DocIds) -> bool:
        """Return whether any of the documents passes every filter."""
        return bool(len(self.filtered(docs)))

    def match_query(self, query: Query, expansions: FuzzyExpansions) -> DocIds:
        """Return the documents that match every group and nothing excluded, before filters.

        The groups of a concept match together, or by one of its synonyms.
        """
        groups = [
            [self.match_clause(clause, expansions) for clause in group] for group in query.groups
        ]
        if query.concepts:
            groups = self._with_concepts(query, groups)
        if groups:
            docs = self._in_every(groups)
        else:
            docs = np.flatnonzero(self.snapshot.live_docs).astype(np.int32)
        for clause in query.excluded:
            if not len(docs):
                break
            docs = docs[~self._contained(docs, self.match_clause(clause, {}))]
        return docs

    def match_group(self, group: tuple[Clause, ...]) -> Mask:
        """Return the documents that match any clause of a group, as a mask over all ids."""
        mask = np.zeros(self.snapshot.max_doc, np.bool_)
        mask[self._any([self.match_clause(clause, {}) for clause in group])] = True
        return mask

    def match_clause(self, clause: Clause, expansions: FuzzyExpansions) -> Matches:
        """Return the documents that match one clause, and what each scores by it."""
        if isinstance(clause, PlainWord) and clause.word.folded in expansions:
            return fuzzy_matches(self.snapshot, expansions[clause.word.folded])
        if isinstance(clause, PlainWord):
            return word_matches(self.snapshot, clause.word)
        if clause not in self._cached:
            self._cached[clause] = self._match(clause)
        return self._cached[clause]

    def _with_concepts(self, query: Query, groups: list[list[Matches]]) -> list[list[Matches]]:
        """Return groups with those of each concept as one, beside its synonyms."""
        left: dict[int, list[Matches]] = dict(enumerate(groups))
        for concept in query.concepts:
            places = query.groups_of(concept)
            typed = self._in_every([left.pop(place) for place in places])
            phrases = [self.match_clause(phrase, {}) for phrase in concept.phrases]
            left[places[0]] = [Matches(typed, None, self.snapshot.max_doc), *phrases]
        return list(left.values())

    def _in_every(self, groups: list[list[Matches]]) -> DocIds:
        groups.sort(key=_max_matches)
        docs = self._any(groups[0])
        for group in groups[1:]:
            if not len(docs):
                break
            docs = self._intersect(docs, group)
        return docs

    def _any(self, group: list[Matches]) -> DocIds:
        if len(group) == 1:
            return group[0].docs
        mask = np.zeros(self.snapshot.max_doc, np.bool_)
        for matches in group:
            if matches.is_dense:
                mask |= matches.mask
            else:
                mask[matches.docs] = True
        return np.flatnonzero(mask).astype(np.int32)

    def _intersect(self, docs: DocIds, group: list[Matches]) -> DocIds:
        if len(group) == 1:
            return docs[self._contained(docs, group[0])]
        contained = np.zeros(len(docs), np.bool_)
        for matches in group:
            contained |= self._contained(docs, matches)
        return docs[contained]

    def _contained(self, docs: DocIds, matches: Matches) -> Mask:
        """Return which of these documents match."""
        if not len(matches.docs):
            return np.zeros(len(docs), np.bool_)
        contained = matches.contains(docs)
        if contained is not None:
            return contained
        if 8 * len(docs) < len(matches):
            at = matches.docs.searchsorted(docs)
            at[at == len(matches)] = 0
            contained = matches.docs[at] == docs
        else:
            with self.snapshot.scratch("contained", self.snapshot.max_doc, np.bool_) as mask:
                mask[matches.docs] = True
                contained = mask[docs]
                mask[matches.docs] = False
        return contained

    def _match(self, clause: OtherClause) -> Matches:
        snapshot = self.snapshot
        match clause:
            case Phrase(words):
                return snapshot.cached(("phrase", words), lambda: phrase_matches(snapshot, words))
            case Prefix(folded):
                return prefix_matches(snapshot, folded)
            case InTitle(words):
                key = "title", words
                return snapshot.cached(key, lambda: title_phrase_matches(snapshot, words))
            case OnTopic(name):
                topic = self.options.named_topics.get(name)
                return topic_matches(snapshot, frozenset(() if topic is None else (topic,)))
            case InIssue(number):
                return unscored((snapshot.issue == number) & snapshot.live_docs)
            case InLanguage(language):
                return language_matches(snapshot, language)
            case DateRange(first, last):
                return date_matches(snapshot, first, last)


def _max_matches(group: list[Matches]) -> int:
    """Return how many documents match some clause of a group, at most."""
    return sum([len(matches.docs) for matches in group])


def date_matches(snapshot: Snapshot, first: date | None, last: date | None) -> Matches:
    """Return the documents whose dateline overlaps these days; undated ones never do."""

    def match() -> Matches:
        mask = snapshot.live_docs & (snapshot.last_day > 0)
        if first is not None:
            mask &= snapshot.last_day >= first.toordinal()
        if last is not None:
            mask &= snapshot.first_day <= last.toordinal()
        return unscored(mask)

    return snapshot.cached(("dates", first, last), match)


def language_matches(snapshot: Snapshot, language: str) -> Matches:
    """Return the documents in a language."""
    place = LANGUAGES.index(language)
    return snapshot.cached(
        ("language", language),
        lambda: unscored(snapshot.live_docs & (snapshot.language == place)),
    )


def topic_matches(snapshot: Snapshot, topics: frozenset[int]) -> Matches:
    """Return the documents on any of these topics."""

    def match() -> Matches:
        facets = snapshot.facets
        sets = np.array([not topics.isdisjoint(each) for each in facets.topic_sets], np.bool_)
        return unscored(snapshot.live_docs & sets[facets.topic_set])

    return snapshot.cached(("topics", topics), match)
