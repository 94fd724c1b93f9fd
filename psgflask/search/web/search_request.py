"""What a request for results asks: words, filters, order and page, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from psgflask.core.language_names import LANGUAGES
from psgflask.news.cards import CardCache
from psgflask.news.models import Topic
from psgflask.search.engine.protocol import LAST_PAGE, RELEVANCE, SORTS, Ask
from psgflask.search.language import fold, words
from psgflask.search.query import Glossary, OnTopic, Query, expanded, parse, read_span
from psgflask.web.languages import current_language

MOST_TOPICS = 20
# What the addresses of results and of their feeds read.
PARAMETERS = ("q", "topic", "lang", "from", "to", "sort", "page", "words")
REPEATED = ("topic", "lang")  # by the ticks of the filters
# The one value of `words`: neither other terms nor corrections, just what was typed.
TYPED = "typed"


class Unreadable(ValueError):
    """A parameter other than the words cannot be read; `parameter` names it, `why` tells more."""

    def __init__(self, parameter: str, why: str = "") -> None:
        self.parameter, self.why = parameter, why or parameter
        super().__init__(parameter)


@dataclass(slots=True)
class Asked:
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
    known_topics: Sequence[Topic]
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
        """Whether any filter is in force."""
        return bool(self.topics or self.language or self.first or self.last)

    def ask(self, *, texts: bool = False) -> Ask:
        """Return what to ask of the engine; with `texts` those of the articles found too.

        No page shows what an article scored.
        """
        return Ask(
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
        """Return the parameters of this search with some changed; the page starts anew."""
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


def read(args: MultiDict[str, str], content: CardCache, now: datetime, glossary: Glossary) -> Asked:
    """Read a request's parameters. Any `q` will do; raises Unreadable for another parameter.

    The query is expanded by the glossary, unless the reader wants the words as typed.
    """
    given = args.to_dict(flat=False)

    def first(parameter: str) -> str:
        return given[parameter][0] if parameter in given else ""

    query = parse(first("q").replace("\0", " ").strip(), interface=current_language())
    sort = first("sort") or RELEVANCE
    if sort not in SORTS:
        raise Unreadable("sort")
    spoken = tuple(dict.fromkeys(filter(None, given.get("lang", ()))))
    if any(language not in LANGUAGES for language in spoken):
        raise Unreadable("lang")
    typed = first("words")
    if typed not in {"", TYPED}:
        raise Unreadable("words")
    if not typed:
        query = expanded(query, glossary, spoken[0] if len(spoken) == 1 else None)
    known = tuple(content.topics.values())
    date_from, date_to = first("from").strip(), first("to").strip()
    first_day, last_day = _day("from", date_from, 0), _day("to", date_to, 1)
    if first_day and last_day and last_day < first_day:
        raise Unreadable("to", "order")
    return Asked(
        q=query.text,
        query=query,
        topics=_chosen(given.get("topic", ()), known),
        languages=spoken,
        date_from=date_from,
        date_to=date_to,
        first=first_day,
        last=last_day,
        sort=sort,
        page=_page(first("page")) if "page" in given else 1,
        as_typed=bool(typed),
        named_topics=_named(query, known),
        known_topics=known,
        content=content,
        now=now,
    )


def name_of_topic(topic: Topic) -> str:
    """Return a topic's name in the interface's language."""
    return topic.name(current_language())


def _chosen(slugs: Sequence[str], known: Sequence[Topic]) -> list[Topic]:
    wanted = list(dict.fromkeys(filter(None, slugs)))
    if not wanted:
        return []
    by_slug = {topic.slug: topic for topic in known}
    if len(wanted) > MOST_TOPICS or any(slug not in by_slug for slug in wanted):
        raise Unreadable("topic")
    return [by_slug[slug] for slug in wanted]


def _day(parameter: str, text: str, end: int) -> date | None:
    if not text:
        return None
    span = read_span(text)
    if span is None:
        raise Unreadable(parameter)
    return span[end]


def _page(text: str) -> int:
    readable = text.isascii() and text.isdigit() and len(text) < 4
    if not readable or not 1 <= int(text) <= LAST_PAGE:
        raise Unreadable("page")
    return int(text)


def _named(query: Query, known: Sequence[Topic]) -> dict[str, int | None]:
    """Resolve the topics named in the query, by either language's name or by slug."""
    clauses = [*query.clauses, *query.excluded]
    names = {clause.name for clause in clauses if isinstance(clause, OnTopic)}
    if not names:
        return {}
    ids = {
        _key(name): topic.id
        for topic in known
        for name in (topic.slug, topic.name_en, topic.name_es)
    }
    return {name: ids.get(_key(name)) for name in names}


def _key(name: str) -> str:
    return " ".join(word.folded for word in words(fold(name)))
