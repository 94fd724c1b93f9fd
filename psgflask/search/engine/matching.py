"""Matching: which documents a clause, a query and the filters choose."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from psgflask.search.engine import terms
from psgflask.search.engine.protocol import Ask
from psgflask.search.engine.snapshot import SIDES, Doc, Snapshot, bits
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

Likeness = Mapping[str, tuple[str, ...]]  # folded word typed -> words like it


def of_query(snapshot: Snapshot, query: Query, ask: Ask, likeness: Likeness) -> int:
    """Return the documents that match every group and nothing excluded, filters apart."""
    chosen = snapshot.everything
    for group in query.groups:
        chosen &= _any(of_clause(snapshot, clause, ask, likeness) for clause in group)
        if not chosen:
            return 0
    for clause in query.excluded:
        chosen &= ~of_clause(snapshot, clause, ask, {})
    return chosen


def of_clause(snapshot: Snapshot, clause: Clause, ask: Ask, likeness: Likeness) -> int:
    """Return the documents that match one clause."""
    match clause:
        case Plain(word):
            return of_word(snapshot, word, likeness)
        case Phrase(found):
            return _any(bits(_side_by_side(snapshot, f"{side}_exact", found)) for side in SIDES)
        case Prefix(folded):
            return bits(terms.union(snapshot, terms.beginning(snapshot, folded)).x)
        case InTitle(found):
            return _in_title(snapshot, found)
        case OnTopic(name):
            wanted = ask.named_topics.get(name)
            return where(snapshot, lambda doc: wanted in doc.topics)
        case InIssue(number):
            return where(snapshot, lambda doc: doc.issue == number)
        case InLanguage(language):
            return where(snapshot, lambda doc: doc.language == language)
        case Dated(first, last):
            return dated(snapshot, first, last)


def of_word(snapshot: Snapshot, word: Word, likeness: Likeness) -> int:
    """Return the documents that hold a word in any of its forms, or words like it."""
    like = likeness.get(word.folded)
    if like is not None:
        return bits(terms.union(snapshot, like).x)
    found = bits(terms.in_field(snapshot, "exact", word.folded).x)
    for term in terms.stems(snapshot, word.folded).values():
        found |= bits(term.x)
    return found


def dated(snapshot: Snapshot, first: date | None, last: date | None) -> int:
    """Return the documents whose dateline touches these days; undated ones never do."""

    def touches(doc: Doc) -> bool:
        if doc.dated_from is None or doc.dated_to is None:
            return False
        return (first is None or doc.dated_to >= first) and (last is None or doc.dated_from <= last)

    return where(snapshot, touches)


def _in_title(snapshot: Snapshot, found: tuple[Word, ...]) -> int:
    chosen = 0
    for language in terms.LANGUAGES:
        texts = [Word(stem(word.folded, language), "") for word in found]
        chosen |= bits(_side_by_side(snapshot, f"title_{language}", texts))
    return chosen


def _side_by_side(snapshot: Snapshot, field: str, found: Iterable[Word]) -> list[int]:
    """Return the documents in which the words follow each other in a field."""
    places = [snapshot.positions(field, word.folded) for word in found]
    if not places:
        return []
    rarest = min(places, key=len)
    matching = []
    for doc in rarest:
        if not all(doc in each for each in places):
            continue
        starts = set(places[0][doc])
        for step, each in enumerate(places[1:], 1):
            starts &= {place - step for place in each[doc]}
        if starts:
            matching.append(doc)
    return matching


def where(snapshot: Snapshot, holds: Callable[[Doc], bool]) -> int:
    """Return the documents of which a condition holds."""
    return bits(number for number, doc in snapshot.docs.items() if holds(doc))


def _any(sets: Iterable[int]) -> int:
    chosen = 0
    for each in sets:
        chosen |= each
    return chosen
