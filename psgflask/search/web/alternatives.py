"""Ways on from a page without results: searches close to the one asked for that find something."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from psgflask.news.models import Topic
from psgflask.search.engine import Answer, Engine
from psgflask.search.engine.fuzzy_lexicon import Edits
from psgflask.search.language import words
from psgflask.search.query import InLanguage, InTitle, Phrase, Plain, Prefix, parse
from psgflask.search.web.notices import respelt
from psgflask.search.web.page import Way
from psgflask.search.web.search_request import Asked, name_of_topic

MOST_TOPICS = 6
SHORTEST = 4  # letters of a word that is like another
# How a reader asks for a language among the words.
_SPOKEN = re.compile(r"(?i)(?<![^\W_])(lang|idioma):(en|es)\b")


def ways(engine: Engine, asked: Asked) -> list[Way]:
    """Return what else finds something, each with how much. Raises IndexUnusable."""
    found = _that_find(engine, _others(asked))
    if not found and asked.filtered and (anywhere := _anywhere(asked)):
        found = _that_find(engine, [("", _asking(_unfiltered(asked), anywhere))])
    return found


def _that_find(engine: Engine, others: Iterable[tuple[str, Asked]]) -> list[Way]:
    found = []
    for label, other in others:
        answer = engine.search(other.query, other.ask())
        if answer.total:
            href = url_for("search.search", **_address(other))
            found.append(Way(label or _spelt(other, answer), answer.total, href))
    return found


def near_topics(asked: Asked) -> list[Topic]:
    """Return the topics whose names are like the words asked for, the nearest first."""
    typed = {word.folded for word in words(asked.query.text)}
    likeness = {topic.id: _likeness(typed, topic) for topic in asked.known_topics}
    near = [topic for topic in asked.known_topics if likeness[topic.id]]
    near.sort(key=lambda topic: (-likeness[topic.id], name_of_topic(topic)))
    return near[:MOST_TOPICS]


def _others(asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield searches close to this one; "" for a label where the words say it."""
    if anywhere := _anywhere(asked):
        yield "", _asking(asked, anywhere)
    for spoken, label in (("en", _("In English")), ("es", _("In Spanish"))):
        if asked.language not in {None, spoken}:
            yield label, replace(asked, languages=(spoken,))
        elif any(isinstance(c, InLanguage) and c.language != spoken for c in asked.query.clauses):
            yield label, _asking(asked, _SPOKEN.sub(rf"\1:{spoken}", asked.query.text))
    if asked.filtered and asked.query:
        yield _("Without filters"), _unfiltered(asked)


def _anywhere(asked: Asked) -> str:
    """Return the words looked for without what says where they must stand, "" for no others."""
    found: list[str] = []
    for clause in asked.query.clauses:
        match clause:
            case Plain(word):
                found.append(word.folded)
            case Phrase(several) | InTitle(several):
                found += [word.folded for word in several]
            case Prefix(folded):
                found.append(f"{folded}*")
    other = " ".join(dict.fromkeys(found))
    plain = all(isinstance(clause, Plain) for clause in asked.query.clauses)
    return "" if plain and not asked.query.excluded else other


def _asking(asked: Asked, q: str) -> Asked:
    return replace(asked, q=q, query=parse(q))


def _unfiltered(asked: Asked) -> Asked:
    undated = replace(asked, date_from="", date_to="", first=None, last=None)
    return replace(undated, topics=(), languages=())


def _spelt(asked: Asked, answer: Answer) -> str:
    return respelt(asked.query, answer.corrections)


def _address(asked: Asked) -> dict[str, Any]:
    return asked.address(
        q=asked.q, topic=[topic.slug for topic in asked.topics], lang=asked.language
    )


def _likeness(typed: set[str], topic: Topic) -> int:
    """Return how many of the words typed are in a name of a topic, or nearly, equal ones twice."""
    named = {word.folded for name in (topic.name_en, topic.name_es) for word in words(name)}
    long = [word for word in typed if len(word) >= SHORTEST]
    return sum(
        2 * (word in named)
        or any(
            len(name) >= SHORTEST
            and (name.startswith(word) or word.startswith(name) or Edits(word).to(name) <= 1)
            for name in named
        )
        for word in long
    )
