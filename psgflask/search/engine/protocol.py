"""The interface of the search engine, behind which it can be replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Protocol

from psgflask.search.query.clauses import Query, Synonym
from psgflask.search.texts import Text

RELEVANCE, NEWEST, OLDEST = "relevance", "newest", "oldest"
SORTS = (RELEVANCE, NEWEST, OLDEST)
PAGE_SIZE = 10
LAST_PAGE = 50


class IndexUnavailable(RuntimeError):
    """There is no index that can be read now."""


class Relaxation(Enum):
    """What was done to the query so that it matches; the first of these with a result."""

    NONE = "as typed"
    CORRECTED = "words corrected"
    FUZZY = "words like those typed"
    WORDS_DROPPED = "words dropped"


@dataclass(slots=True)
class SearchOptions:
    """What is chosen beside the query; topic names in the query are resolved to ids already."""

    now: datetime
    topics: tuple[int, ...] = ()
    language: str | None = None
    first: date | None = None
    last: date | None = None
    sort: str = RELEVANCE
    page: int = 1
    named_topics: Mapping[str, int | None] = field(default_factory=dict)
    as_typed: bool = False  # these very words: no corrections, no synonyms
    recency: bool = True
    feedback: bool = True
    texts: bool = False  # return the articles' texts, for snippets
    scores: bool = True  # return the scores; without them a single match is not scored


@dataclass(slots=True)
class SearchResults:
    """What was found; `ids` are those of the requested page, best first.

    Facets count within all filters but their own.
    """

    total: int
    ids: tuple[int, ...]
    scores: tuple[float, ...] = ()
    texts: tuple[Text, ...] = ()  # of those articles, where they were requested
    relaxation: Relaxation = Relaxation.NONE
    query: Query | None = None  # the query that was evaluated, where it differs from the typed
    corrections: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    likelier: Mapping[str, str] = field(default_factory=dict)  # spellings to offer by a link
    topics: Mapping[int, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    years: Mapping[int, int] = field(default_factory=dict)
    expansions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def also_searched(self) -> list[Synonym]:
        """Return the synonyms that were searched for beside the words typed."""
        return self.query.synonyms if self.query else []


class SearchEngine(Protocol):
    """Runs queries over one installation's index."""

    def search(self, query: Query, options: SearchOptions) -> SearchResults:
        """Run a query. Raises IndexUnavailable."""
        ...

    def complete(self, prefix: str, limit: int) -> list[str]:
        """Return the folded words with a prefix, in most documents. Raises IndexUnavailable."""
        ...
