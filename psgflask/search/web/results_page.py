"""The page of results: hits, filters, notices, and where to go on, as search.html renders it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup
from sqlalchemy.orm import Session

from psgflask.core.language_names import NATIVE_NAMES
from psgflask.news import catalogue
from psgflask.news.cards import Card
from psgflask.news.models import Topic
from psgflask.search.engine.protocol import LAST_PAGE, PAGE_SIZE, SORTS, SearchResults
from psgflask.search.texts import Text, prepared
from psgflask.search.web import highlighting, notices
from psgflask.search.web.highlighting import Highlighter
from psgflask.search.web.notices import AlsoSearched, AlternativeSearch, Notice
from psgflask.search.web.search_request import SearchRequest, name_of_topic
from psgflask.web.paging import PageLink, Pager

MAX_TOPICS, FIRST_TOPICS = 100, 12
AROUND = 2


@dataclass(slots=True)
class Hit:
    """An article found; title and snippet are marked."""

    article: Card
    title: Markup
    snippet: Markup


@dataclass(frozen=True)
class Facet:
    """A filter to choose, and how many results it would leave."""

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
class SortLink:
    """A link that sorts the results."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class FilterChip:
    """A filter that is set; the link removes it."""

    label: str
    href: str


@dataclass(frozen=True)
class ParameterError:
    """An invalid parameter and what to do about it, for the summary and beside the field."""

    parameter: str
    advice: str


@dataclass(frozen=True)
class SearchPage:
    """All that search/search.html renders."""

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
    sorts: Sequence[SortLink]
    chips: Sequence[FilterChip]
    clear_href: str
    notices: Sequence[Notice]
    did_you_mean: Notice | None
    also_searched: AlsoSearched | None
    as_typed: bool
    pager: Pager
    degraded: bool
    suggestions: Sequence[Topic]
    alternatives: Sequence[AlternativeSearch]
    error: ParameterError | None = None


def results_page(
    session: Session,
    request: SearchRequest,
    results: SearchResults,
    *,
    degraded: bool,
    alternatives: Sequence[AlternativeSearch] = (),
) -> SearchPage:
    """Return the page of results; `alternatives` are shown where there are no results."""
    topics = request.content.topics
    last_page = last_page_of(results)
    return SearchPage(
        q=request.q,
        total=results.total,
        page=request.page,
        last_page=last_page,
        heading=_heading(request, results.total, last_page),
        hits=hits_of(session, request, results),
        topics=_topic_facets(request, results, topics),
        languages=_language_facets(request, results),
        years=_years(request, results),
        date_from=request.date_from,
        date_to=request.date_to,
        sort=request.sort,
        sorts=_sorts(request),
        chips=_chips(request),
        clear_href=_clear_href(request),
        notices=notices.notices(request, results),
        did_you_mean=notices.did_you_mean(request, results),
        also_searched=notices.also_searched(request, results),
        as_typed=request.as_typed,
        pager=_pager(request, last_page),
        degraded=degraded,
        suggestions=[] if results.total else notices.near_topics(request) or _first_topics(request),
        alternatives=alternatives,
    )


def last_page_of(results: SearchResults) -> int:
    """Return the number of the last page of results that is served."""
    return min(LAST_PAGE, max(1, -(-results.total // PAGE_SIZE)))


def _heading(request: SearchRequest, total: int, last_page: int) -> str:
    if not request.q and not request.filtered:
        return str(_("Search"))
    if request.q:
        text = ngettext(
            "%(num)s result for ‘%(q)s’", "%(num)s results for ‘%(q)s’", total, q=request.query.text
        )
    else:
        text = ngettext("%(num)s result", "%(num)s results", total)
    if request.page > 1:
        text += " " + _("(page %(page)s of %(last)s)", page=request.page, last=last_page)
    return str(text)


def hits_of(session: Session, request: SearchRequest, results: SearchResults) -> list[Hit]:
    """Return the articles found, titles and snippets marked, without those no longer public."""
    found = request.content.cards(session, results.ids, request.now)
    query = results.query or request.query
    marks: dict[str, Highlighter] = {}
    hits = []
    for number, text in zip_longest(results.ids, results.texts):
        article = found.get(number)
        if article is None:
            continue
        # The index may not know yet that an article is for members now.
        if text is None or not catalogue.may_read_body(article, catalogue.ANYBODY):
            text = prepared(article.teaser)  # in the place of the other
        spoken = article.language
        words = marks.get(spoken)
        if words is None:
            words = marks[spoken] = Highlighter(query, results.expansions, spoken)
        title = highlighting.marked(_title(article.title), words)
        hits.append(Hit(article, title, highlighting.snippet(text, words)))
    return hits


@lru_cache(maxsize=5_000)
def _title(title: str) -> Text:
    return prepared(title)


def _topic_facets(
    request: SearchRequest, results: SearchResults, topics: dict[int, Topic]
) -> list[Facet]:
    chosen = set(request.topic_ids)
    ranked = sorted(results.topics.items(), key=lambda pair: (pair[0] not in chosen, -pair[1]))
    facets = [
        Facet(name_of_topic(topics[number]), topics[number].slug, count, number in chosen)
        for number, count in ranked[:MAX_TOPICS]
        if number in topics
    ]
    present = {facet.value for facet in facets}
    missing = [topics[number] for number in chosen if topics[number].slug not in present]
    return facets + [Facet(name_of_topic(topic), topic.slug, 0, True) for topic in missing]


def _language_facets(request: SearchRequest, results: SearchResults) -> list[Facet]:
    return [
        Facet(name, spoken, results.languages.get(spoken, 0), spoken in request.languages)
        for spoken, name in NATIVE_NAMES.items()
        if results.languages.get(spoken) or spoken in request.languages
    ]


def _years(request: SearchRequest, results: SearchResults) -> list[YearCount]:
    if not results.years:
        return []
    span = range(min(results.years), max(results.years) + 1)
    first = request.first.year if request.first else span.start
    last = request.last.year if request.last else span.stop
    dated = bool(request.first or request.last)
    return [
        YearCount(year, results.years.get(year, 0), dated and first <= year <= last)
        for year in span
    ]


def _sorts(request: SearchRequest) -> list[SortLink]:
    labels = {
        "relevance": _("Best first"),
        "newest": _("Newest first"),
        "oldest": _("Oldest first"),
    }
    return [
        SortLink(
            labels[name],
            url_for("search.search", **request.address(sort=name)),
            name == request.sort,
        )
        for name in SORTS
    ]


def _chips(request: SearchRequest) -> list[FilterChip]:
    chips = [
        FilterChip(
            name_of_topic(topic),
            url_for(
                "search.search",
                **request.address(topic=[t.slug for t in request.topics if t is not topic]),
            ),
        )
        for topic in request.topics
    ]
    if request.language:
        href = url_for("search.search", **request.address(lang=None))
        chips.append(FilterChip(NATIVE_NAMES[request.language], href))
    if request.as_typed:
        href = url_for("search.search", **request.address(words=None))
        chips.append(FilterChip(_("Only my words"), href))
    if request.date_from or request.date_to:
        href = url_for("search.search", **request.address(dates=False))
        chips.append(FilterChip(_dates_label(request), href))
    return chips


def _clear_href(request: SearchRequest) -> str:
    unfiltered = request.address(topic=[], lang=None, words=None, dates=False)
    return url_for("search.search", **unfiltered)


def _dates_label(request: SearchRequest) -> str:
    if request.date_from and request.date_to:
        return str(_("%(first)s to %(last)s", first=request.date_from, last=request.date_to))
    if request.date_from:
        return str(_("from %(first)s", first=request.date_from))
    return str(_("until %(last)s", last=request.date_to))


def _pager(request: SearchRequest, last_page: int) -> Pager:
    if last_page < 2:
        return Pager()

    def link(number: int) -> str:
        return url_for("search.search", **request.address(page=number))

    near = range(max(1, request.page - AROUND), min(last_page, request.page + AROUND) + 1)
    shown = sorted({1, *near, last_page})
    return Pager(
        earlier=link(request.page + 1) if request.page < last_page else None,
        later=link(request.page - 1) if 1 < request.page <= last_page else None,
        pages=tuple(PageLink(number, link(number), number == request.page) for number in shown),
    )


def _first_topics(request: SearchRequest) -> list[Topic]:
    return sorted(request.all_topics, key=name_of_topic)[:FIRST_TOPICS]
