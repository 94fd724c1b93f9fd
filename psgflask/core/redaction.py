"""Redaction: words that have to be gone for good, such as a name, wherever the site has them.

`Words` finds and replaces them. Packages register what else of theirs may hold them, and what
purges their files of deleted text.
"""

import html
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from flask import Flask
from sqlalchemy import String, Table, inspect, select
from sqlalchemy.orm import Session

from psgflask.core import personal_data, revisions
from psgflask.core.database import Model, db, vacuum
from psgflask.core.folding import fold

MARK = "[…]"  # stands for what was removed
PURGE_TRIES, PURGE_PAUSE = 4, 2.0  # seconds: a reader or a rebuild may be in the way

_WORD = re.compile(r"[^\W_]+")
_SEPARATOR = r"[\W_]{0,8}"  # also Markdown's marks: "María **Quispe**"
_INFLECTION = r"(?:['’ʼ]?s|es|['’ʼ])?"  # "Quispe's", "los Quispes"
_INVISIBLE = "\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufeff"
# What stands for another text: HTML entities, percent-encoding, Markdown's escapes.
_ENCODED = re.compile(
    rf"&#?\w{{1,32}};|(?:%[0-9A-Fa-f]{{2}}){{1,32}}|\\(?=[!-/:-@\[-`{{-~])|[{_INVISIBLE}]"
)
_UNIT = re.compile(rf"(?P<encoded>{_ENCODED.pattern})|(?s:.)")
_PARAGRAPH_END = re.compile(r"(\n[ \t]*\n\s*)")
NOTHING = r"(?!)"  # where files alone are removed
READ_AT_ONCE = 200  # rows, each with a whole text


class NoWords(ValueError):
    """There is nothing to look for: a text without a letter or digit."""


class Words:
    """Words or phrases to redact; case, accents, plurals and what is between words are ignored."""

    def __init__(self, phrases: Iterable[str], *, paragraphs: bool = False) -> None:
        """Prepare phrases; with `paragraphs`, the whole paragraph around each. Raises NoWords."""
        self.paragraphs = paragraphs
        found = [tuple(_WORD.findall(_plain_folded(phrase))) for phrase in phrases]
        if not all(found):
            raise NoWords("There is no letter in what is to be removed")
        # Words of phrases: a name may stand without its first name, too.
        self.parts = sorted({word for each in found if len(each) > 1 for word in each})
        # The longest first: an alternation takes the first that matches.
        ordered = sorted(set(found), key=lambda each: (-len("".join(each)), each))
        choices = "|".join(_SEPARATOR.join(map(re.escape, each)) for each in ordered) or NOTHING
        self._pattern = re.compile(rf"(?<![^\W_])(?:{choices}){_INFLECTION}(?![^\W_])")

    def are_in(self, text: str) -> bool:
        """Say whether a text holds any of them."""
        return self._pattern.search(_plain_folded(text)) is not None

    def find(self, text: str) -> list[str]:
        """Return what would be removed from a text, as it is written there."""
        return [text[begin:end] for begin, end in self._spans(text)]

    def find_in_body(self, text: str) -> list[str]:
        """Return what `redact_body` would remove, as it is written there."""
        if not self.paragraphs:
            return self.find(text)
        return [part for part in _PARAGRAPH_END.split(text) if self.are_in(part)]

    def redact(self, text: str) -> str:
        """Return a text with a mark in place of each."""
        parts, last = [], 0
        for begin, end in self._spans(text):
            parts += [text[last:begin], MARK]
            last = end
        return "".join([*parts, text[last:]])

    def redact_body(self, text: str) -> str:
        """Return a text of several paragraphs with a mark in place of each, or of its paragraph."""
        if not self.paragraphs:
            return self.redact(text)
        parts = _PARAGRAPH_END.split(text)
        return "".join(MARK if self.are_in(part) else part for part in parts)

    def redact_slug(self, slug: str) -> str:
        """Return the end of an address without them; "" where nothing is left."""
        return "-".join(filter(None, self.redact(slug).replace(MARK, "-").split("-")))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.are_in(text):
            return
        folded, spans = _folded_with_spans(text)
        for match in self._pattern.finditer(folded):
            yield spans[match.start()][0], spans[match.end() - 1][1]


def _decoded(unit: str) -> str:
    if unit.startswith("&"):
        return html.unescape(unit)
    return unquote(unit) if unit.startswith("%") else ""


def _plain_folded(text: str) -> str:
    return fold(_ENCODED.sub(lambda match: _decoded(match[0]), text))


def _folded_with_spans(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a folded text, and where each of its characters comes from."""
    folded: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _UNIT.finditer(text):
        unit = match[0]
        characters = fold(_decoded(unit) if match["encoded"] else unit)
        folded += characters
        spans += [match.span()] * len(characters)
        if not characters and spans and unit != "\\":  # an accent belongs to what it is on
            spans[-1] = (spans[-1][0], match.end())
    return "".join(folded), spans


def redact_values(words: Words, value: Any) -> Any:
    """Return plain values, as JSON has them, with every text in them redacted."""
    match value:
        case str():
            return words.redact(value)
        case list():
            return [redact_values(words, each) for each in value]
        case dict():
            return {name: redact_values(words, each) for name, each in value.items()}
        case _:
            return value


class RedactRows(Protocol):
    """Redacts the rows of a package, and returns what it changed, for people; never commits."""

    def __call__(self, session: Session, words: Words) -> list[str]: ...


# Purges files of what was deleted; False where that cannot be done now.
Purge = Callable[[Flask], bool]


@dataclass
class Registered:
    """What packages have registered."""

    rows: list[RedactRows] = field(default_factory=list)
    purges: dict[str, Purge] = field(default_factory=dict)


def init_app(app: Flask) -> None:
    """Let packages register."""
    app.extensions["psg_redaction"] = Registered()


def register_rows(app: Flask, redact: RedactRows) -> None:
    """Register what redacts rows that are of no article."""
    app.extensions["psg_redaction"].rows.append(redact)


def register_purge(app: Flask, name: str, purge: Purge) -> None:
    """Register what purges files, by the name that people call them."""
    app.extensions["psg_redaction"].purges[name] = purge


def redact_rows(app: Flask, session: Session, words: Words) -> list[str]:
    """Redact what packages registered; return what was changed. The caller commits."""
    return [
        line for redact in app.extensions["psg_redaction"].rows for line in redact(session, words)
    ]


def purge(app: Flask) -> list[str]:
    """Purge all files of deleted text; return the names of those that it is still in.

    The caller has committed, and holds no transaction.
    """
    # The database last: it holds what the others queue.
    waiting = {**app.extensions["psg_redaction"].purges, "database": lambda _app: vacuum(db.engine)}
    for attempt in range(PURGE_TRIES):
        if attempt:
            time.sleep(PURGE_PAUSE)
        waiting = {name: purge for name, purge in waiting.items() if not purge(app)}
        if not waiting:
            break
    return list(waiting)


def rows_with(session: Session, words: Words) -> Counter[str]:
    """Return how many rows still hold them, by table.

    Revisions, and the tables of people, of whom another may have the same name, are left out.
    """
    private = {table for _data, table, _columns in personal_data.tables()}
    private |= {str(inspect(model).local_table) for model in revisions.tables()}
    found: Counter[str] = Counter()
    for table in Model.metadata.sorted_tables:
        if table.name not in private:
            found[table.name] = sum(1 for _row in _rows_of(session, table, words))
    return +found


def _rows_of(session: Session, table: Table, words: Words) -> Iterator[Any]:
    texts = [column for column in table.columns if isinstance(column.type, String)]
    if not texts:
        return
    rows = session.execute(select(*texts).execution_options(yield_per=READ_AT_ONCE))
    yield from (row for row in rows if any(words.are_in(text) for text in row if text))
