"""What a query consists of: clauses that match articles, in groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from psgflask.search.language import Word


@dataclass(frozen=True)
class PlainWord:
    """A word that may be stemmed, corrected and dropped.

    `position` is its place among the words typed, `span` where it stands in the query's text.
    """

    word: Word
    position: int = 0
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Phrase:
    """These words as typed, in this order, side by side."""

    words: tuple[Word, ...]
    position: int = 0


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
    """Articles on a topic, by name or slug in either language."""

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
class DateRange:
    """Articles whose dateline ends on or after `first` and begins on or before `last`."""

    first: date | None
    last: date | None


@dataclass(frozen=True)
class Synonym:
    """A term that means the same as words typed; it scores `boost` times what it would if typed.

    `language` is "" for a term of both languages.
    """

    words: tuple[Word, ...]
    text: str
    language: str
    boost: float


@dataclass(frozen=True)
class Concept:
    """The words typed at the positions `first` to `last`, with the synonyms that match as well.

    A document scores by the words typed, times `boost`, or by a synonym: the better counts.
    """

    first: int
    last: int
    synonyms: tuple[Synonym, ...]
    boost: float = 1.0

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Return the synonyms as the phrases that are searched for."""
        return tuple(Phrase(synonym.words) for synonym in self.synonyms)


Clause = PlainWord | Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | DateRange


@dataclass(frozen=True)
class Query:
    """All of `groups` must match, each by any one of its clauses, and none of `excluded`.

    `text` is the part of the input that was read, `truncated` says whether that was not all.
    `typed_words` holds every word outside fields, stop words too: they show the reader's language.
    `title` is the folded title that the plain words would be, "" when more than plain words were
    typed. `with_stop_words` are the plain words before stop words were dropped.

    The groups of a concept match together or by one of its synonyms. With `typed_first` what
    matches by the words typed stands before what does not.
    """

    text: str
    groups: tuple[tuple[Clause, ...], ...] = ()
    excluded: tuple[Clause, ...] = ()
    truncated: bool = False
    typed_words: tuple[str, ...] = ()
    title: str = ""
    with_stop_words: tuple[PlainWord, ...] = ()
    concepts: tuple[Concept, ...] = ()
    typed_first: bool = True

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded)

    @cached_property
    def clauses(self) -> Sequence[Clause]:
        """All that may match, in the order typed."""
        return tuple(clause for group in self.groups for clause in group)

    @cached_property
    def plain_words(self) -> Sequence[PlainWord]:
        """The words that may be corrected or dropped, in the order typed."""
        return tuple(clause for clause in self.clauses if isinstance(clause, PlainWord))

    @property
    def concept_words(self) -> set[Word]:
        """Return the plain words of terms of the glossary, which are spelt correctly."""
        return {
            clause.word
            for concept in self.concepts
            for place in self.groups_of(concept)
            for clause in self.groups[place]
            if isinstance(clause, PlainWord)
        }

    @property
    def synonyms(self) -> list[Synonym]:
        """Return the synonyms of all concepts, each once."""
        found = {synonym.text: synonym for each in self.concepts for synonym in each.synonyms}
        return list(found.values())

    def groups_of(self, concept: Concept) -> list[int]:
        """Return the indexes of the groups that are the words typed of a concept."""
        return [
            place
            for place, group in enumerate(self.groups)
            if len(group) == 1
            and isinstance(group[0], PlainWord | Phrase)
            and concept.first <= group[0].position <= concept.last
        ]
