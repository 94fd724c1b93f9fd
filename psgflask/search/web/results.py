"""What a page of results shows: hits, filters, notices, and where to go on."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from psgflask.core.language_names import NATIVE_NAMES
from psgflask.news import catalogue
from psgflask.news.models import Topic
from psgflask.search.engine.protocol import LAST_PAGE, PAGE_SIZE, SORTS, Answer
from psgflask.search.index import Text, prepared
from psgflask.search.web import highlighting, notices
from psgflask.search.web.alternatives import near_topics
from psgflask.search.web.highlighting import Highlighter
from psgflask.search.web.page import Chip, Choice, Facet, Hit, SearchPage, Way, YearCount
from psgflask.search.web.search_request import Asked, name_of_topic
from psgflask.web.paging import PageLink, Pager

MOST_TOPICS, FIRST_TOPICS = 100, 12
AROUND = 2


def page_of(
    session: Session, asked: Asked, answer: Answer, *, degraded: bool, ways: Sequence[Way] = ()
) -> SearchPage:
    """Return the page for an answer; `ways` lead on where there are no results."""
    topics = asked.content.topics
    last_page = last_page_of(answer)
    return SearchPage(
        q=asked.q,
        total=answer.total,
        page=asked.page,
        last_page=last_page,
        heading=_heading(asked, answer.total, last_page),
        hits=hits_of(session, asked, answer),
        topics=_topic_facets(asked, answer, topics),
        languages=_language_facets(asked, answer),
        years=_years(asked, answer),
        date_from=asked.date_from,
        date_to=asked.date_to,
        sort=asked.sort,
        sorts=_sorts(asked),
        chips=_chips(asked),
        clear_href=_clear_href(asked),
        notices=notices.notices(asked, answer),
        did_you_mean=notices.did_you_mean(asked, answer),
        also_searched=notices.also_searched(asked, answer),
        as_typed=asked.as_typed,
        pager=_pager(asked, last_page),
        degraded=degraded,
        suggestions=[] if answer.total else near_topics(asked) or _first_topics(asked),
        ways=ways,
    )


def last_page_of(answer: Answer) -> int:
    """Return the number of the last page that is shown of an answer."""
    return min(LAST_PAGE, max(1, -(-answer.total // PAGE_SIZE)))


def _heading(asked: Asked, total: int, last_page: int) -> str:
    if not asked.q and not asked.filtered:
        return str(_("Search"))
    if asked.q:
        text = ngettext(
            "%(num)s result for ‘%(q)s’", "%(num)s results for ‘%(q)s’", total, q=asked.query.text
        )
    else:
        text = ngettext("%(num)s result", "%(num)s results", total)
    if asked.page > 1:
        text += " " + _("(page %(page)s of %(last)s)", page=asked.page, last=last_page)
    return str(text)


def hits_of(session: Session, asked: Asked, answer: Answer) -> list[Hit]:
    """Return the articles found, titles and snippets marked, less those no longer public."""
    found = asked.content.cards(session, answer.ids, asked.now)
    query = answer.query or asked.query
    marks: dict[str, Highlighter] = {}
    hits = []
    for number, text in zip_longest(answer.ids, answer.texts):
        article = found.get(number)
        if article is None:
            continue
        # The index may not have heard yet that an article is for members now.
        if text is None or not catalogue.may_read_body(article, catalogue.ANYBODY):
            text = prepared(article.teaser)  # in the place of the other
        spoken = article.language
        words = marks.get(spoken)
        if words is None:
            words = marks[spoken] = Highlighter(query, answer.expansions, spoken)
        title = highlighting.marked(_title(article.title), words)
        hits.append(Hit(article, title, highlighting.snippet(text, words)))
    return hits


@lru_cache(maxsize=5_000)
def _title(title: str) -> Text:
    return prepared(title)


def _topic_facets(asked: Asked, answer: Answer, topics: dict[int, Topic]) -> list[Facet]:
    chosen = set(asked.topic_ids)
    ranked = sorted(answer.topics.items(), key=lambda pair: (pair[0] not in chosen, -pair[1]))
    facets = [
        Facet(name_of_topic(topics[number]), topics[number].slug, count, number in chosen)
        for number, count in ranked[:MOST_TOPICS]
        if number in topics
    ]
    present = {facet.value for facet in facets}
    missing = [topics[number] for number in chosen if topics[number].slug not in present]
    return facets + [Facet(name_of_topic(topic), topic.slug, 0, True) for topic in missing]


def _language_facets(asked: Asked, answer: Answer) -> list[Facet]:
    return [
        Facet(name, spoken, answer.languages.get(spoken, 0), spoken in asked.languages)
        for spoken, name in NATIVE_NAMES.items()
        if answer.languages.get(spoken) or spoken in asked.languages
    ]


def _years(asked: Asked, answer: Answer) -> list[YearCount]:
    if not answer.years:
        return []
    span = range(min(answer.years), max(answer.years) + 1)
    first = asked.first.year if asked.first else span.start
    last = asked.last.year if asked.last else span.stop
    dated = bool(asked.first or asked.last)
    return [
        YearCount(year, answer.years.get(year, 0), dated and first <= year <= last) for year in span
    ]


def _sorts(asked: Asked) -> list[Choice]:
    labels = {
        "relevance": _("Best first"),
        "newest": _("Newest first"),
        "oldest": _("Oldest first"),
    }
    return [
        Choice(
            labels[name],
            url_for("search.search", **asked.address(sort=name)),
            name == asked.sort,
        )
        for name in SORTS
    ]


def _chips(asked: Asked) -> list[Chip]:
    chips = [
        Chip(
            name_of_topic(topic),
            url_for(
                "search.search",
                **asked.address(topic=[t.slug for t in asked.topics if t is not topic]),
            ),
        )
        for topic in asked.topics
    ]
    if asked.language:
        href = url_for("search.search", **asked.address(lang=None))
        chips.append(Chip(NATIVE_NAMES[asked.language], href))
    if asked.as_typed:
        href = url_for("search.search", **asked.address(words=None))
        chips.append(Chip(_("Only my words"), href))
    if asked.date_from or asked.date_to:
        href = url_for("search.search", **asked.address(dates=False))
        chips.append(Chip(_span_words(asked), href))
    return chips


def _clear_href(asked: Asked) -> str:
    unfiltered = asked.address(topic=[], lang=None, words=None, dates=False)
    return url_for("search.search", **unfiltered)


def _span_words(asked: Asked) -> str:
    if asked.date_from and asked.date_to:
        return str(_("%(first)s to %(last)s", first=asked.date_from, last=asked.date_to))
    if asked.date_from:
        return str(_("from %(first)s", first=asked.date_from))
    return str(_("until %(last)s", last=asked.date_to))


def _pager(asked: Asked, last_page: int) -> Pager:
    if last_page < 2:
        return Pager()

    def link(number: int) -> str:
        return url_for("search.search", **asked.address(page=number))

    near = range(max(1, asked.page - AROUND), min(last_page, asked.page + AROUND) + 1)
    shown = sorted({1, *near, last_page})
    return Pager(
        earlier=link(asked.page + 1) if asked.page < last_page else None,
        later=link(asked.page - 1) if 1 < asked.page <= last_page else None,
        pages=tuple(PageLink(number, link(number), number == asked.page) for number in shown),
    )


def _first_topics(asked: Asked) -> list[Topic]:
    return sorted(asked.known_topics, key=name_of_topic)[:FIRST_TOPICS]
