"""What a page of results says about the words typed: what was done with them, what else to try."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from psgflask.news.models import Topic
from psgflask.search.engine.fuzzy_lexicon import EditDistance
from psgflask.search.engine.protocol import Relaxation, SearchEngine, SearchResults
from psgflask.search.language import words
from psgflask.search.query.clauses import (
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    PlainWord,
    Prefix,
    Query,
    Synonym,
)
from psgflask.search.query.parsing import parse
from psgflask.search.web.search_request import TYPED, SearchRequest, name_of_topic

MAX_TOPICS = 6
MIN_SIMILAR = 4  # letters of a word that is similar to another
# How a reader chooses a language among the words.
_LANGUAGE_FIELD = re.compile(r"(?i)(?<![^\W_])(lang|idioma):(en|es)\b")


@dataclass(frozen=True)
class Notice:
    """What was done with the words typed, and where to go instead."""

    text: str
    link_text: str = ""
    href: str = ""


@dataclass(frozen=True)
class AlternativeSearch:
    """Another search that finds something, and how much."""

    label: str
    count: int
    href: str


@dataclass(frozen=True)
class AlsoSearched:
    """The synonyms searched for beside the words typed, and a link to the words alone."""

    terms: Sequence[Synonym]
    href: str


def notices(request: SearchRequest, results: SearchResults) -> list[Notice]:
    """Return what was done, in the order in which it matters."""
    found = [*_truncated(request), *_unknown_topics(request)]
    if results.relaxation is Relaxation.NONE:
        return found
    quoted = _address(request, _quoted(request.query, results))
    as_typed = (_("Search for the words as typed"), quoted)
    if results.relaxation is Relaxation.FUZZY:
        text = _(
            "Nothing was found for ‘%(q)s’, so words like these are shown.", q=request.query.text
        )
        return [*found, Notice(text, *as_typed)]
    if results.corrections:
        text = _(
            "Nothing was found for ‘%(q)s’, so this is the nearest spelling: %(words)s.",
            q=request.query.text,
            words=", ".join(results.corrections.values()),
        )
        found.append(Notice(text, *as_typed))
    if results.dropped:
        text = _(
            "Nothing was found with all the words; these results are without ‘%(words)s’.",
            words=", ".join(results.dropped),
        )
        found.append(Notice(text))
    return found


def did_you_mean(request: SearchRequest, results: SearchResults) -> Notice | None:
    """Return the offer of a likelier spelling, where something was found all the same."""
    if not results.likelier:
        return None
    better = _respelt(request.query, results.likelier)
    return Notice(_("Did you mean"), f"{better}?", _address(request, better))


def also_searched(request: SearchRequest, results: SearchResults) -> AlsoSearched | None:
    """Return the synonyms that were searched for beside the words typed."""
    if not results.also_searched:
        return None
    href = url_for("search.search", **request.address(words=TYPED))
    return AlsoSearched(results.also_searched, href)


def alternatives(engine: SearchEngine, request: SearchRequest) -> list[AlternativeSearch]:
    """Return similar searches that find something. Raises IndexUnavailable."""
    found = _that_find(engine, _similar(request))
    if not found and request.filtered and (anywhere := _anywhere(request)):
        found = _that_find(engine, [("", _with_words(_unfiltered(request), anywhere))])
    return found


def near_topics(request: SearchRequest) -> list[Topic]:
    """Return the topics whose names are similar to the words typed, the nearest first."""
    typed = {word.folded for word in words(request.query.text)}
    similarity = {topic.id: _similarity(typed, topic) for topic in request.all_topics}
    near = [topic for topic in request.all_topics if similarity[topic.id]]
    near.sort(key=lambda topic: (-similarity[topic.id], name_of_topic(topic)))
    return near[:MAX_TOPICS]


def _truncated(request: SearchRequest) -> list[Notice]:
    if not request.query.truncated:
        return []
    text = _("The question was long: only its first 200 characters or 12 words count.")
    return [Notice(text)]


def _unknown_topics(request: SearchRequest) -> list[Notice]:
    clauses = [*request.query.clauses, *request.query.excluded]
    names = [clause.name for clause in clauses if isinstance(clause, OnTopic)]
    return [
        Notice(
            _("There is no topic ‘%(name)s’.", name=name),
            _("See all topics"),
            url_for("topics.index"),
        )
        for name in dict.fromkeys(names)
        if request.named_topics.get(name) is None
    ]


def _address(request: SearchRequest, q: str) -> str:
    return url_for("search.search", **request.address(q=q))


def _respelt(query: Query, spellings: Mapping[str, str]) -> str:
    """Return the text of a query with some plain words spelt otherwise."""
    text = query.text
    for clause in reversed(query.plain_words):
        better = spellings.get(clause.word.folded)
        if better is not None:
            start, end = clause.span
            text = text[:start] + better + text[end:]
    return text


def _quoted(query: Query, results: SearchResults) -> str:
    """Return the text of a query with the words replaced in quotation marks.

    Phrases are not corrected. What is typed without a space between stays together.
    """
    replaced = results.corrections.keys() | results.expansions.keys()
    starts = [clause.span[0] for clause in query.plain_words if clause.word.folded in replaced]
    parts = []
    at = 0
    for part in query.text.split(" "):
        end = at + len(part)
        meant = any(at <= start < end for start in starts) and '"' not in part
        parts.append(f'"{part}"' if meant else part)
        at = end + 1
    return " ".join(parts)


def _that_find(
    engine: SearchEngine, searches: Iterable[tuple[str, SearchRequest]]
) -> list[AlternativeSearch]:
    found = []
    for label, other in searches:
        results = engine.search(other.query, other.options())
        if results.total:
            href = url_for("search.search", **_whole_address(other))
            label = label or _respelt(other.query, results.corrections)
            found.append(AlternativeSearch(label, results.total, href))
    return found


def _similar(request: SearchRequest) -> Iterator[tuple[str, SearchRequest]]:
    """Yield searches similar to this one with their labels; "" where the words are the label."""
    if anywhere := _anywhere(request):
        yield "", _with_words(request, anywhere)
    clauses = request.query.clauses
    for language, label in (("en", _("In English")), ("es", _("In Spanish"))):
        if request.language not in {None, language}:
            yield label, replace(request, languages=(language,))
        elif any(isinstance(c, InLanguage) and c.language != language for c in clauses):
            q = _LANGUAGE_FIELD.sub(rf"\1:{language}", request.query.text)
            yield label, _with_words(request, q)
    if request.filtered and request.query:
        yield _("Without filters"), _unfiltered(request)


def _anywhere(request: SearchRequest) -> str:
    """Return the words without what says where they must stand, "" where nothing does."""
    found: list[str] = []
    for clause in request.query.clauses:
        match clause:
            case PlainWord(word):
                found.append(word.folded)
            case Phrase(several) | InTitle(several):
                found += [word.folded for word in several]
            case Prefix(folded):
                found.append(f"{folded}*")
    other = " ".join(dict.fromkeys(found))
    plain = all(isinstance(clause, PlainWord) for clause in request.query.clauses)
    return "" if plain and not request.query.excluded else other


def _with_words(request: SearchRequest, q: str) -> SearchRequest:
    return replace(request, q=q, query=parse(q))


def _unfiltered(request: SearchRequest) -> SearchRequest:
    undated = replace(request, date_from="", date_to="", first=None, last=None)
    return replace(undated, topics=(), languages=())


def _whole_address(request: SearchRequest) -> dict[str, Any]:
    slugs = [topic.slug for topic in request.topics]
    return request.address(q=request.q, topic=slugs, lang=request.language)


def _similarity(typed: set[str], topic: Topic) -> int:
    """Return how many of the words typed are in a name of a topic, or nearly, equal ones twice."""
    named = {word.folded for name in (topic.name_en, topic.name_es) for word in words(name)}
    long = [word for word in typed if len(word) >= MIN_SIMILAR]
    return sum(
        2 * (word in named)
        or any(
            len(name) >= MIN_SIMILAR
            and (name.startswith(word) or word.startswith(name) or EditDistance(word).to(name) <= 1)
            for name in named
        )
        for word in long
    )
