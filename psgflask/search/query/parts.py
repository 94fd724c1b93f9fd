"""What a query consists of: clauses that match articles, in groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from psgflask.search.language import Word


@dataclass(frozen=True)
class Plain:
    """A word that may be stemmed, corrected and dropped.

    `at` is its place among the words typed, `span` where it stands in the query's text.
    """

    word: Word
    at: int = 0
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Phrase:
    """These words as typed, in this order, side by side."""

    words: tuple[Word, ...]
    at: int = 0


@dataclass(frozen=True)
class Prefix:
    """Words that begin so."""

    folded: str


@dataclass(frozen=True)
class InTitle:
    """These words, stemmed, side by side in the title."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class OnTopic:
    """Articles of a topic, by name or slug in either language."""

    name: str


@dataclass(frozen=True)
class InIssue:
    """Articles of an issue of this number, in any series."""

    number: int


@dataclass(frozen=True)
class InLanguage:
    """Articles in a language."""

    language: str


@dataclass(frozen=True)
class Dated:
    """Articles whose dateline ends on or after `first` and begins on or before `last`."""

    first: date | None
    last: date | None


@dataclass(frozen=True)
class Other:
    """A term that means the same as words typed; it counts `q` times what it would if typed.

    `language` is "" for one of both languages.
    """

    words: tuple[Word, ...]
    text: str
    language: str
    q: float


@dataclass(frozen=True)
class Concept:
    """The words typed at the places `first` to `last`, for which other terms will do as well.

    Of what a document scores by the words typed, times `q`, and by each other term the best counts.
    """

    first: int
    last: int
    others: tuple[Other, ...]
    q: float = 1.0

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Return the other terms as what they are looked for."""
        return tuple(Phrase(other.words) for other in self.others)


Clause = Plain | Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | Dated


@dataclass(frozen=True)
class Query:
    """All of `groups` must match, of each any one clause, and none of `excluded`.

    `text` is what was read of what was typed, `cut` says whether that was not all. `typed` holds
    every word outside fields, stop words too: they tell the reader's language. `title` is the
    folded title that the plain words would be, "" when more than plain words were typed.
    `unsifted` are the plain words before stop words were dropped.

    The groups of a concept match together or by one of its other terms. With `own_first` what
    matches by the words typed stands before what does not.
    """

    text: str
    groups: tuple[tuple[Clause, ...], ...] = ()
    excluded: tuple[Clause, ...] = ()
    cut: bool = False
    typed: tuple[str, ...] = ()
    title: str = ""
    unsifted: tuple[Plain, ...] = ()
    concepts: tuple[Concept, ...] = ()
    own_first: bool = True

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded)

    @cached_property
    def clauses(self) -> Sequence[Clause]:
        """All that may match, in the order typed."""
        return tuple(clause for group in self.groups for clause in group)

    @cached_property
    def plain(self) -> Sequence[Plain]:
        """The words that may be corrected or dropped, in the order typed."""
        return tuple(clause for clause in self.clauses if isinstance(clause, Plain))

    @property
    def words_of_concepts(self) -> set[Word]:
        """Return the plain words that are of a term of the glossary: these are spelt well."""
        return {
            clause.word
            for concept in self.concepts
            for place in self.places_of(concept)
            for clause in self.groups[place]
            if isinstance(clause, Plain)
        }

    @property
    def others(self) -> list[Other]:
        """Return the terms that will do in place of words typed, each once."""
        return list({other.text: other for each in self.concepts for other in each.others}.values())

    def places_of(self, concept: Concept) -> list[int]:
        """Return which groups are the words typed of a concept."""
        return [
            place
            for place, group in enumerate(self.groups)
            if len(group) == 1
            and isinstance(group[0], Plain | Phrase)
            and concept.first <= group[0].at <= concept.last
        ]
