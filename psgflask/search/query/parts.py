"""What a query consists of: clauses that match articles, in groups."""

from dataclasses import dataclass, field
from datetime import date

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


Clause = Plain | Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | Dated


@dataclass(frozen=True)
class Query:
    """All of `groups` must match, of each any one clause, and none of `excluded`.

    `text` is what was read of what was typed, `cut` says whether that was not all. `typed` holds
    every word outside fields, stop words too: they tell the reader's language. `title` is the
    folded title that the plain words would be, "" when more than plain words were typed.
    """

    text: str
    groups: tuple[tuple[Clause, ...], ...] = ()
    excluded: tuple[Clause, ...] = ()
    cut: bool = False
    typed: tuple[str, ...] = ()
    title: str = ""

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded)

    @property
    def clauses(self) -> list[Clause]:
        """Return all that may match, in the order typed."""
        return [clause for group in self.groups for clause in group]

    @property
    def plain(self) -> list[Plain]:
        """Return the words that may be corrected or dropped, in the order typed."""
        return [clause for clause in self.clauses if isinstance(clause, Plain)]
