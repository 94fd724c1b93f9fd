"""Query expansion: words that are a term of the glossary are searched for by its synonyms too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from psgflask.search.language import Word, stem, words
from psgflask.search.query.clauses import Concept, InLanguage, Phrase, PlainWord, Query, Synonym

# The most synonyms of one concept, and of a query.
MAX_SYNONYMS, MAX_IN_QUERY = 4, 12
# The boost of a synonym beside the words typed; where a language is chosen, that of a term of the
# other language, typed or not.
LOWER_BOOST = 0.5


@dataclass(frozen=True)
class ConceptTerm:
    """What something is called in a language, or in both."""

    text: str
    languages: frozenset[str]


class Glossary:
    """Concepts by each of their terms; of terms that fold alike the first counts."""

    def __init__(self, concepts: Iterable[Sequence[ConceptTerm]] = ()) -> None:
        self._concepts: dict[str, Sequence[ConceptTerm]] = {}
        self.max_words: dict[str, int] = {}  # of the terms that begin with a word
        for terms in concepts:
            for term in terms:
                key = folded_words(term.text)
                self._concepts.setdefault(" ".join(key), terms)
                self.max_words[key[0]] = max(self.max_words.get(key[0], 0), len(key))

    def __len__(self) -> int:
        return len(self._concepts)

    def terms(self, typed: Sequence[str]) -> Sequence[ConceptTerm]:
        """Return the terms of the concept that has these folded words as a term, or none."""
        return self._concepts.get(" ".join(typed), ())


def folded_words(text: str) -> list[str]:
    """Return the folded words of a term: terms with the same ones are the same term."""
    return [word.folded for word in words(text)]


def expand(query: Query, glossary: Glossary, language: str | None = None) -> Query:
    """Return a query with its concepts: words side by side, or phrases, that are terms.

    `language` is the one chosen beside the query. What is excluded, in fields or an alternative
    of OR stays as typed.
    """
    if not (glossary and query.groups):
        return query
    found = _terms(query, glossary)
    if not found:
        return query
    chosen = language or _language_field(query)
    concepts: list[Concept] = []
    left = MAX_IN_QUERY
    for first, last, typed, is_phrase in found:
        terms = glossary.terms(typed)
        synonyms = _synonyms(terms, typed, chosen, is_phrase=is_phrase)[:left]
        if synonyms:
            boost = _boost_of_typed(terms, typed, chosen)
            concepts.append(Concept(first, last, tuple(synonyms), boost))
            left -= len(synonyms)
    return replace(query, concepts=tuple(concepts), typed_first=chosen is None)


def _language_field(query: Query) -> str | None:
    for group in query.groups:
        if len(group) == 1 and isinstance(group[0], InLanguage):
            return group[0].language
    return None


def _terms(query: Query, glossary: Glossary) -> list[tuple[int, int, list[str], bool]]:
    """Return (first position, last position, folded words, is a phrase) of each term, in order."""
    found = list(_plain_terms(query, glossary))
    for group in query.groups:
        if len(group) == 1 and isinstance(group[0], Phrase):
            phrase = group[0]
            typed = [word.folded for word in phrase.words]
            if glossary.terms(typed):
                found.append((phrase.position, phrase.position + len(typed) - 1, typed, True))
    return sorted(found)


def _plain_terms(query: Query, glossary: Glossary) -> Iterator[tuple[int, int, list[str], bool]]:
    """Yield the terms among plain words; of those that begin with the same word the longest."""
    if not any(word.word.folded in glossary.max_words for word in query.with_stop_words):
        return
    # Position -> whether the word is no alternative of OR. Dropped stop words are not in it.
    kept = {
        clause.position: len(group) == 1
        for group in query.groups
        for clause in group
        if isinstance(clause, PlainWord)
    }
    typed = [word for word in query.with_stop_words if word.position <= max(kept, default=-1)]
    begin = 0
    while begin < len(typed):
        end = _end_of_term(typed, begin, kept, glossary)
        if end > begin:
            found = [word.word.folded for word in typed[begin:end]]
            yield typed[begin].position, typed[end - 1].position, found, False
        begin = max(end, begin + 1)


def _end_of_term(
    typed: Sequence[PlainWord], begin: int, kept: Mapping[int, bool], glossary: Glossary
) -> int:
    """Return the end of the longest term that begins at `begin`, `begin` when none does."""
    end = begin
    longest = glossary.max_words.get(typed[begin].word.folded, 0)
    while end < min(len(typed), begin + longest):
        side_by_side = typed[end].position - typed[begin].position == end - begin
        if not (side_by_side and kept.get(typed[end].position, True)):
            break
        end += 1
    while end > begin:
        positions = [word.position for word in typed[begin:end]]
        # Stop words alone, which were dropped, are no term.
        if any(position in kept for position in positions) and glossary.terms(
            [word.word.folded for word in typed[begin:end]]
        ):
            break
        end -= 1
    return end


def _synonyms(
    terms: Sequence[ConceptTerm], typed: Sequence[str], language: str | None, *, is_phrase: bool
) -> list[Synonym]:
    synonyms: dict[str, Synonym] = {}
    for term in terms:
        found = tuple(words(term.text))
        if not _finds_more(found, term, typed, is_phrase=is_phrase):
            continue
        own = next(iter(term.languages)) if len(term.languages) == 1 else ""
        boost = 1.0 if language in term.languages else LOWER_BOOST
        synonym = Synonym(found, term.text, own, boost)
        # Spelt otherwise in the other language, as Petroperú: the same words.
        key = " ".join(folded_words(term.text))
        same = synonyms.setdefault(key, synonym)
        if same is not synonym:
            synonyms[key] = replace(same, language="", boost=max(same.boost, synonym.boost))
    return list(synonyms.values())[:MAX_SYNONYMS]


def _finds_more(
    found: Sequence[Word], term: ConceptTerm, typed: Sequence[str], *, is_phrase: bool
) -> bool:
    """Return whether a term matches what the words typed do not.

    Plain words match all their forms in any order, so a term that has them all matches no more.
    """
    its = [word.folded for word in found]
    if is_phrase:
        return its != list(typed)
    return not all(
        {stem(word, language) for word in typed} <= {stem(word, language) for word in its}
        for language in term.languages
    )


def _boost_of_typed(
    terms: Sequence[ConceptTerm], typed: Sequence[str], language: str | None
) -> float:
    own = [term for term in terms if folded_words(term.text) == list(typed)]
    in_language = language is None or any(language in term.languages for term in own)
    return 1.0 if in_language else LOWER_BOOST
