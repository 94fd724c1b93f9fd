"""What search must answer: the seam behind which an engine can be replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Protocol

from psgflask.search.index import Text
from psgflask.search.query import Other, Query

RELEVANCE, NEWEST, OLDEST = "relevance", "newest", "oldest"
SORTS = (RELEVANCE, NEWEST, OLDEST)
PAGE_SIZE = 10
LAST_PAGE = 50


class IndexUnusable(RuntimeError):
    """There is no index that can be read now."""


class Step(Enum):
    """How the results came about: the first of these with a result."""

    TYPED = "as typed"
    CORRECTED = "words corrected"
    LIKENESS = "words like those typed"
    RELAXED = "words dropped"


@dataclass(slots=True)
class Ask:
    """What is asked beside the query; topic names in the query are resolved to ids already."""

    now: datetime
    topics: tuple[int, ...] = ()
    language: str | None = None
    first: date | None = None
    last: date | None = None
    sort: str = RELEVANCE
    page: int = 1
    named_topics: Mapping[str, int | None] = field(default_factory=dict)
    as_typed: bool = False  # the reader wants these very words: no correction, no other terms
    recency: bool = True
    feedback: bool = True
    texts: bool = False  # the articles' texts are wanted, for snippets
    scores: bool = True  # the scores are wanted; without them one article alone is not weighed


@dataclass(slots=True)
class Answer:
    """What was found; `ids` are those of the page asked for, best first.

    Facets count within all filters but their own.
    """

    total: int
    ids: tuple[int, ...]
    scores: tuple[float, ...] = ()
    texts: tuple[Text, ...] = ()  # of those articles, where they were asked for
    step: Step = Step.TYPED
    query: Query | None = None  # the query that was evaluated, where it differs from the typed
    corrections: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    doubt: Mapping[str, str] = field(default_factory=dict)  # a likelier spelling to offer
    topics: Mapping[int, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    years: Mapping[int, int] = field(default_factory=dict)
    expansions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def also_searched(self) -> list[Other]:
        """Return the terms that were searched for beside the words typed."""
        return self.query.others if self.query else []


class Engine(Protocol):
    """Evaluates queries over one installation's index."""

    def search(self, query: Query, ask: Ask) -> Answer:
        """Answer a query. Raises IndexUnusable."""
        ...

    def complete(self, prefix: str, most: int) -> list[str]:
        """Return the folded words that begin so, those in most documents. Raises IndexUnusable."""
        ...
