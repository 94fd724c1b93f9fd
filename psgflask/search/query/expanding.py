"""Expanding: words of a query that are a term of the glossary stand for its other terms too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from psgflask.search.language import Word, stem, words
from psgflask.search.query.parts import Concept, InLanguage, Other, Phrase, Plain, Query

# How many terms may be searched for beside the words typed: for one concept, and for a query.
MOST_OTHERS, MOST_IN_ALL = 4, 12
# What a term counts beside the words typed; where a language is asked for, what one of the other
# language counts, whoever typed it.
LESS = 0.5


@dataclass(frozen=True)
class Term:
    """What something is called in a language, or in both."""

    text: str
    languages: frozenset[str]


class Glossary:
    """Concepts by each of their terms; of terms that fold alike the first counts."""

    def __init__(self, concepts: Iterable[Sequence[Term]] = ()) -> None:
        self._found: dict[str, Sequence[Term]] = {}
        self.longest: dict[str, int] = {}  # words of the longest term that begins with a word
        for terms in concepts:
            for term in terms:
                found = folded(term.text)
                self._found.setdefault(" ".join(found), terms)
                self.longest[found[0]] = max(self.longest.get(found[0], 0), len(found))

    def __len__(self) -> int:
        return len(self._found)

    def terms(self, typed: Sequence[str]) -> Sequence[Term]:
        """Return the terms of the concept that these folded words are a term of, or none."""
        return self._found.get(" ".join(typed), ())


def folded(text: str) -> list[str]:
    """Return the folded words of a term: those that are alike in them are the same term."""
    return [word.folded for word in words(text)]


def expanded(query: Query, glossary: Glossary, language: str | None = None) -> Query:
    """Return a query with its concepts: words side by side, or phrases, that are terms.

    `language` is the one chosen beside the query. What is excluded, in fields or an alternative
    of OR stays as typed.
    """
    if not (glossary and query.groups):
        return query
    found = _terms(query, glossary)
    if not found:
        return query
    spoken = language or _asked_for(query)
    concepts: list[Concept] = []
    room = MOST_IN_ALL
    for first, last, typed, is_phrase in found:
        others = _others(glossary.terms(typed), typed, spoken, is_phrase=is_phrase)[:room]
        if others:
            q = _q_of_typed(glossary.terms(typed), typed, spoken)
            concepts.append(Concept(first, last, tuple(others), q))
            room -= len(others)
    return replace(query, concepts=tuple(concepts), own_first=spoken is None)


def _asked_for(query: Query) -> str | None:
    for group in query.groups:
        if len(group) == 1 and isinstance(group[0], InLanguage):
            return group[0].language
    return None


def _terms(query: Query, glossary: Glossary) -> list[tuple[int, int, list[str], bool]]:
    """Return (first place, last place, folded words, is a phrase) of each term, in order typed."""
    found = list(_plain_terms(query, glossary))
    for group in query.groups:
        if len(group) == 1 and isinstance(group[0], Phrase):
            phrase = group[0]
            typed = [word.folded for word in phrase.words]
            if glossary.terms(typed):
                found.append((phrase.at, phrase.at + len(typed) - 1, typed, True))
    return sorted(found)


def _plain_terms(query: Query, glossary: Glossary) -> Iterator[tuple[int, int, list[str], bool]]:
    """Yield the terms among plain words, of those that begin with a word the longest."""
    if not any(word.word.folded in glossary.longest for word in query.unsifted):
        return
    kept = {
        clause.at: len(group) == 1
        for group in query.groups
        for clause in group
        if isinstance(clause, Plain)
    }
    typed = [word for word in query.unsifted if word.at <= max(kept, default=-1)]
    begin = 0
    while begin < len(typed):
        end = _end_of_term(typed, begin, kept, glossary)
        if end > begin:
            found = [word.word.folded for word in typed[begin:end]]
            yield typed[begin].at, typed[end - 1].at, found, False
        begin = max(end, begin + 1)


def _end_of_term(
    typed: Sequence[Plain], begin: int, kept: Mapping[int, bool], glossary: Glossary
) -> int:
    """Return where the longest term ends that begins at a place, that place when none does."""
    end = begin
    longest = glossary.longest.get(typed[begin].word.folded, 0)
    while end < min(len(typed), begin + longest):
        side_by_side = typed[end].at - typed[begin].at == end - begin
        if not (side_by_side and kept.get(typed[end].at, True)):
            break
        end += 1
    while end > begin:
        places = [word.at for word in typed[begin:end]]
        # Stop words alone, which were dropped, are no term.
        if any(place in kept for place in places) and glossary.terms(
            [word.word.folded for word in typed[begin:end]]
        ):
            break
        end -= 1
    return end


def _others(
    terms: Sequence[Term], typed: Sequence[str], spoken: str | None, *, is_phrase: bool
) -> list[Other]:
    others: dict[str, Other] = {}
    for term in terms:
        found = tuple(words(term.text))
        if not _finds_more(found, term, typed, is_phrase=is_phrase):
            continue
        language = next(iter(term.languages)) if len(term.languages) == 1 else ""
        other = Other(found, term.text, language, 1.0 if spoken in term.languages else LESS)
        # Spelt otherwise in the other language, as Petroperú: the same words.
        alike = others.setdefault(" ".join(folded(term.text)), other)
        if alike is not other:
            both = replace(alike, language="", q=max(alike.q, other.q))
            others[" ".join(folded(term.text))] = both
    return list(others.values())[:MOST_OTHERS]


def _finds_more(
    found: Sequence[Word], term: Term, typed: Sequence[str], *, is_phrase: bool
) -> bool:
    """Say whether a term finds what the words typed do not.

    Plain words find all their forms in any order, so a term that has them all finds nothing more.
    """
    its = [word.folded for word in found]
    if is_phrase:
        return its != list(typed)
    return not all(
        {stem(word, language) for word in typed} <= {stem(word, language) for word in its}
        for language in term.languages
    )


def _q_of_typed(terms: Sequence[Term], typed: Sequence[str], spoken: str | None) -> float:
    own = [term for term in terms if folded(term.text) == list(typed)]
    its_own = spoken is None or any(spoken in term.languages for term in own)
    return 1.0 if its_own else LESS
