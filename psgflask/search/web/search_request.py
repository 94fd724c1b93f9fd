"""A search request: words, filters, order and page, parsed and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from psgflask.core.language_names import LANGUAGES
from psgflask.news.cards import CardCache
from psgflask.news.models import Topic
from psgflask.search.engine.protocol import LAST_PAGE, RELEVANCE, SORTS, SearchOptions
from psgflask.search.language import fold, words
from psgflask.search.query.clauses import OnTopic, Query
from psgflask.search.query.expansion import Glossary, expand
from psgflask.search.query.parsing import parse, parse_dates
from psgflask.web.languages import current_language

MAX_TOPICS = 20
# The parameters of a page of results and of its feeds.
PARAMETERS = ("q", "topic", "lang", "from", "to", "sort", "page", "words")
REPEATED = ("topic", "lang")  # by the checkboxes of the filters
# The one value of `words`: no synonyms and no corrections, just what was typed.
TYPED = "typed"


class InvalidParameter(ValueError):
    """A parameter other than the words is invalid; `reason` is a key of `views.advice`."""

    def __init__(self, parameter: str, reason: str = "") -> None:
        self.parameter, self.reason = parameter, reason or parameter
        super().__init__(parameter)


@dataclass(slots=True)
class SearchRequest:
    """One request for results; topic names are resolved."""

    q: str
    query: Query
    topics: Sequence[Topic]
    languages: tuple[str, ...]
    date_from: str
    date_to: str
    first: date | None
    last: date | None
    sort: str
    page: int
    as_typed: bool
    named_topics: dict[str, int | None]
    all_topics: Sequence[Topic]
    content: CardCache
    now: datetime

    @property
    def language(self) -> str | None:
        """The one language chosen; both chosen is the same as none."""
        return self.languages[0] if len(self.languages) == 1 else None

    @property
    def topic_ids(self) -> tuple[int, ...]:
        """The ids of the topics chosen."""
        return tuple(topic.id for topic in self.topics)

    @property
    def filtered(self) -> bool:
        """Whether any filter is set."""
        return bool(self.topics or self.language or self.first or self.last)

    def options(self, *, texts: bool = False) -> SearchOptions:
        """Return the options for the engine; with `texts` it returns the articles' texts too.

        No page shows scores.
        """
        return SearchOptions(
            now=self.now,
            topics=self.topic_ids,
            language=self.language,
            first=self.first,
            last=self.last,
            sort=self.sort,
            page=self.page,
            as_typed=self.as_typed,
            named_topics=self.named_topics,
            texts=texts,
            scores=False,
        )

    def address(self, *, dates: bool = True, **changed: Any) -> dict[str, Any]:
        """Return the parameters of this search with some changed, from the first page."""
        values: dict[str, Any] = {
            "q": self.q,
            "topic": [topic.slug for topic in self.topics],
            "lang": self.language,
            "from": self.date_from if dates else None,
            "to": self.date_to if dates else None,
            "sort": self.sort if self.sort != RELEVANCE else None,
            "words": TYPED if self.as_typed else None,
            **changed,
        }
        if values["sort"] == RELEVANCE:
            values["sort"] = None
        if values.get("page") == 1:
            values["page"] = None
        return {name: value for name, value in values.items() if value}


def parse_request(
    args: MultiDict[str, str], content: CardCache, now: datetime, glossary: Glossary
) -> SearchRequest:
    """Parse a request's parameters. Any `q` will do; raises InvalidParameter for another one.

    The query is expanded by the glossary, unless the reader wants the words as typed.
    """
    values = args.to_dict(flat=False)

    def first(parameter: str) -> str:
        return values[parameter][0] if parameter in values else ""

    query = parse(first("q").replace("\0", " ").strip(), interface=current_language())
    sort = first("sort") or RELEVANCE
    if sort not in SORTS:
        raise InvalidParameter("sort")
    languages = tuple(dict.fromkeys(filter(None, values.get("lang", ()))))
    if any(language not in LANGUAGES for language in languages):
        raise InvalidParameter("lang")
    as_typed = first("words")
    if as_typed not in {"", TYPED}:
        raise InvalidParameter("words")
    if not as_typed:
        query = expand(query, glossary, languages[0] if len(languages) == 1 else None)
    topics = tuple(content.topics.values())
    date_from, date_to = first("from").strip(), first("to").strip()
    first_day, last_day = _day("from", date_from, 0), _day("to", date_to, 1)
    if first_day and last_day and last_day < first_day:
        raise InvalidParameter("to", "order")
    return SearchRequest(
        q=query.text,
        query=query,
        topics=_chosen(values.get("topic", ()), topics),
        languages=languages,
        date_from=date_from,
        date_to=date_to,
        first=first_day,
        last=last_day,
        sort=sort,
        page=_page(first("page")) if "page" in values else 1,
        as_typed=bool(as_typed),
        named_topics=_named(query, topics),
        all_topics=topics,
        content=content,
        now=now,
    )


def name_of_topic(topic: Topic) -> str:
    """Return a topic's name in the interface's language."""
    return topic.name(current_language())


def _chosen(slugs: Sequence[str], topics: Sequence[Topic]) -> list[Topic]:
    wanted = list(dict.fromkeys(filter(None, slugs)))
    if not wanted:
        return []
    by_slug = {topic.slug: topic for topic in topics}
    if len(wanted) > MAX_TOPICS or any(slug not in by_slug for slug in wanted):
        raise InvalidParameter("topic")
    return [by_slug[slug] for slug in wanted]


def _day(parameter: str, text: str, end: int) -> date | None:
    if not text:
        return None
    dates = parse_dates(text)
    if dates is None:
        raise InvalidParameter(parameter)
    return dates[end]


def _page(text: str) -> int:
    readable = text.isascii() and text.isdigit() and len(text) < 4
    if not readable or not 1 <= int(text) <= LAST_PAGE:
        raise InvalidParameter("page")
    return int(text)


def _named(query: Query, topics: Sequence[Topic]) -> dict[str, int | None]:
    """Resolve the topics named in the query, by either language's name or by slug."""
    clauses = [*query.clauses, *query.excluded]
    names = {clause.name for clause in clauses if isinstance(clause, OnTopic)}
    if not names:
        return {}
    ids = {
        _key(name): topic.id
        for topic in topics
        for name in (topic.slug, topic.name_en, topic.name_es)
    }
    return {name: ids.get(_key(name)) for name in names}


def _key(name: str) -> str:
    return " ".join(word.folded for word in words(fold(name)))
