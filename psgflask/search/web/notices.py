"""What a page of results says of the words typed: what was done with them, what else to try."""

from collections.abc import Mapping

from flask import url_for
from flask_babel import gettext as _

from psgflask.search.engine.protocol import Answer, Step
from psgflask.search.query import OnTopic, Query
from psgflask.search.web.page import AlsoSearched, Notice
from psgflask.search.web.search_request import TYPED, Asked


def notices(asked: Asked, answer: Answer) -> list[Notice]:
    """Return what was done, in the order in which it matters."""
    said = [*_cut(asked), *_unknown_topics(asked)]
    if answer.step is Step.TYPED:
        return said
    as_typed = (_("Search for the words as typed"), _address(asked, _quoted(asked.query, answer)))
    if answer.step is Step.LIKENESS:
        text = _(
            "Nothing was found for ‘%(q)s’, so words like these are shown.", q=asked.query.text
        )
        return [*said, Notice(text, *as_typed)]
    if answer.corrections:
        text = _(
            "Nothing was found for ‘%(q)s’, so this is the nearest spelling: %(words)s.",
            q=asked.query.text,
            words=", ".join(answer.corrections.values()),
        )
        said.append(Notice(text, *as_typed))
    if answer.dropped:
        text = _(
            "Nothing was found with all the words; these results are without ‘%(words)s’.",
            words=", ".join(answer.dropped),
        )
        said.append(Notice(text))
    return said


def did_you_mean(asked: Asked, answer: Answer) -> Notice | None:
    """Return the offer of a likelier spelling, where something was found all the same."""
    if not answer.doubt:
        return None
    better = respelt(asked.query, answer.doubt)
    return Notice(_("Did you mean"), f"{better}?", _address(asked, better))


def also_searched(asked: Asked, answer: Answer) -> AlsoSearched | None:
    """Return which terms of the glossary were searched for beside the words typed."""
    if not answer.also_searched:
        return None
    href = url_for("search.search", **asked.address(words=TYPED))
    return AlsoSearched(answer.also_searched, href)


def _cut(asked: Asked) -> list[Notice]:
    if not asked.query.cut:
        return []
    text = _("The question was long: only its first 200 characters or 12 words count.")
    return [Notice(text)]


def _unknown_topics(asked: Asked) -> list[Notice]:
    clauses = [*asked.query.clauses, *asked.query.excluded]
    names = [clause.name for clause in clauses if isinstance(clause, OnTopic)]
    return [
        Notice(
            _("There is no topic ‘%(name)s’.", name=name),
            _("See all topics"),
            url_for("topics.index"),
        )
        for name in dict.fromkeys(names)
        if asked.named_topics.get(name) is None
    ]


def _address(asked: Asked, q: str) -> str:
    return url_for("search.search", **asked.address(q=q))


def respelt(query: Query, spellings: Mapping[str, str]) -> str:
    """Return the text of a query with some plain words spelt otherwise."""
    text = query.text
    for clause in reversed(query.plain):
        better = spellings.get(clause.word.folded)
        if better is not None:
            start, end = clause.span
            text = text[:start] + better + text[end:]
    return text


def _quoted(query: Query, answer: Answer) -> str:
    """Return the text of a query with the words replaced in quotation marks.

    Nothing corrects a phrase. What is typed without a space between stays together.
    """
    replaced = answer.corrections.keys() | answer.expansions.keys()
    starts = [clause.span[0] for clause in query.plain if clause.word.folded in replaced]
    parts = []
    at = 0
    for part in query.text.split(" "):
        end = at + len(part)
        meant = any(at <= start < end for start in starts) and '"' not in part
        parts.append(f'"{part}"' if meant else part)
        at = end + 1
    return " ".join(parts)
