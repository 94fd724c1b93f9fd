"""The shapes of a page of results, as search/search.html draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from psgflask.news.cards import Card
from psgflask.news.models import Topic
from psgflask.search.query import Other
from psgflask.web.paging import Pager


@dataclass(slots=True)
class Hit:
    """An article found; title and snippet are marked."""

    article: Card
    title: Markup
    snippet: Markup


@dataclass(frozen=True)
class Facet:
    """A filter to tick, and how many results it would leave."""

    label: str
    value: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class YearCount:
    """How many results a year has, and whether it is within the dates chosen."""

    year: int
    count: int
    chosen: bool


@dataclass(frozen=True)
class Choice:
    """An order to choose."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class Chip:
    """A filter in force; the address takes it away."""

    label: str
    href: str


@dataclass(frozen=True)
class Notice:
    """What was done with the words typed, and where to go instead."""

    text: str
    link_text: str = ""
    href: str = ""


@dataclass(frozen=True)
class Way:
    """Another search that finds something, and how much."""

    label: str
    count: int
    href: str


@dataclass(frozen=True)
class AlsoSearched:
    """The terms searched for beside the words typed, and where only those words are."""

    terms: Sequence[Other]
    href: str


@dataclass(frozen=True)
class Fault:
    """What cannot be read of the parameters, and what to do: said above and beside the field."""

    parameter: str
    advice: str


@dataclass(frozen=True)
class SearchPage:
    """All that search/search.html draws."""

    q: str
    total: int
    page: int
    last_page: int
    heading: str
    hits: Sequence[Hit]
    topics: Sequence[Facet]
    languages: Sequence[Facet]
    years: Sequence[YearCount]
    date_from: str
    date_to: str
    sort: str
    sorts: Sequence[Choice]
    chips: Sequence[Chip]
    clear_href: str
    notices: Sequence[Notice]
    did_you_mean: Notice | None
    also_searched: AlsoSearched | None
    as_typed: bool
    pager: Pager
    degraded: bool
    suggestions: Sequence[Topic]
    ways: Sequence[Way]
    fault: Fault | None = None
