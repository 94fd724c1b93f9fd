"""The query language: what a reader types becomes a Query; nothing that is typed is an error."""

import calendar
import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from psgflask.languages import LANGUAGES
from psgflask.search.language import Word, fold, words
from psgflask.search.stopwords import STOP_WORDS

LONGEST = 200
MOST_TERMS = 12
SHORTEST_PREFIX = 3
# Both languages' names are understood everywhere, with or without accents.
FIELDS = {
    "topic": "topic",
    "tema": "topic",
    "title": "title",
    "titulo": "title",
    "issue": "issue",
    "numero": "issue",
    "lang": "lang",
    "idioma": "lang",
    "after": "after",
    "desde": "after",
    "before": "before",
    "hasta": "before",
    "in": "in",
    "en": "in",
}
LANGUAGE_NAMES = {"en": "en", "english": "en", "ingles": "en"} | {
    "es": "es",
    "spanish": "es",
    "espanol": "es",
    "castellano": "es",
}


@dataclass(frozen=True)
class Plain:
    """A word that may be stemmed, corrected and dropped; `at` is its place among all typed."""

    word: Word
    at: int


@dataclass(frozen=True)
class Phrase:
    """These words as typed, in this order, side by side."""

    words: tuple[Word, ...]
    at: int


@dataclass(frozen=True)
class Prefix:
    """Words that begin so."""

    folded: str
    at: int


@dataclass(frozen=True)
class InTitle:
    """These words, stemmed, side by side in the title."""

    words: tuple[Word, ...]
    at: int


@dataclass(frozen=True)
class OnTopic:
    """Articles of a topic, by name or slug in either language."""

    name: str


@dataclass(frozen=True)
class InIssue:
    """Articles of an issue of this number, in any series."""

    number: int


@dataclass(frozen=True)
class InLanguage:
    """Articles in a language."""

    language: str


@dataclass(frozen=True)
class Dated:
    """Articles whose dateline ends on or after `first` and begins on or before `last`."""

    first: date | None
    last: date | None


Clause = Plain | Phrase | Prefix | InTitle | OnTopic | InIssue | InLanguage | Dated


@dataclass(frozen=True)
class Query:
    """All of `groups` must match, of each any one clause, and none of `excluded`."""

    text: str
    groups: tuple[tuple[Clause, ...], ...] = ()
    excluded: tuple[Clause, ...] = ()
    cut: bool = False
    # Every word typed outside fields, stop words too: they tell the reader's language.
    typed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded)

    @property
    def clauses(self) -> list[Clause]:
        """Return all that may match, in the order typed."""
        return [clause for group in self.groups for clause in group]

    @property
    def plain(self) -> list[Plain]:
        """Return the words that may be corrected or dropped, in the order typed."""
        return [clause for clause in self.clauses if isinstance(clause, Plain)]


_TOKEN = re.compile(
    r"""
    (?P<minus>-)?
    (?:(?P<field>[^\W\d_]+):)?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))
    """,
    re.VERBOSE,
)


@dataclass
class _Reading:
    """What has been read so far."""

    groups: list[list[Clause]] = field(default_factory=list)
    excluded: list[Clause] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    at: int = 0
    joining: bool = False  # an OR was read; the next clause joins the group before it


def parse(typed: str, *, interface: str = "en") -> Query:
    """Read a query; `interface` is the language of the page, where "O" may stand for OR."""
    text = " ".join(typed.replace("\0", " ").split())
    cut = len(text) > LONGEST
    if cut:
        text = text[:LONGEST].rstrip()
    ors = {"OR", "O"} if interface == "es" else {"OR"}
    reading = _Reading()
    for token in _TOKEN.finditer(text):
        if token[0] in ors and reading.groups:
            reading.joining = True
            continue
        if token["minus"] and (clause := _excluded(token)):
            reading.excluded.append(clause)
            reading.joining = False
            continue
        _take(reading, _clauses(token, reading))
    groups, too_many = _kept(reading.groups, text)
    excluded = reading.excluded[:MOST_TERMS]
    too_many = too_many or len(reading.excluded) > MOST_TERMS
    return Query(
        text,
        tuple(tuple(group) for group in groups),
        tuple(excluded),
        cut or too_many,
        tuple(reading.typed),
    )


def _take(reading: _Reading, clauses: list[Clause]) -> None:
    for clause in clauses:
        if reading.joining and reading.groups:
            reading.groups[-1].append(clause)
        else:
            reading.groups.append([clause])
        reading.joining = False


def _clauses(token: re.Match[str], reading: _Reading) -> list[Clause]:
    value = token["quoted"] if token["quoted"] is not None else token["bare"]
    if token["field"]:
        name = FIELDS.get(fold(token["field"]))
        if name and (clause := _of_field(name, value, reading.at)):
            if isinstance(clause, InTitle):
                reading.at += len(clause.words)
            return [clause]
        if token["quoted"] is None:
            value = f"{token['field']}:{value}"
        else:
            return [*_plain(token["field"], reading), *_phrase(value, reading)]
    if token["quoted"] is not None:
        return _phrase(value, reading)
    return _plain(value, reading)


def _phrase(value: str, reading: _Reading) -> list[Clause]:
    found = tuple(words(value))
    if not found:
        return []
    at = reading.at
    reading.at += len(found)
    reading.typed += [word.folded for word in found]
    return [Phrase(found, at)]


def _plain(value: str, reading: _Reading) -> list[Clause]:
    found = words(value)
    at = reading.at
    reading.at += len(found)
    reading.typed += [word.folded for word in found]
    clauses: list[Clause] = [Plain(word, at + step) for step, word in enumerate(found)]
    if found and value.endswith("*") and len(found[-1].folded) >= SHORTEST_PREFIX:
        clauses[-1] = Prefix(found[-1].folded, at + len(found) - 1)
    if reading.joining and len(clauses) > 1:  # "mine OR well-being": one alternative, not two
        return [Phrase(tuple(found), at)]
    return clauses


def _excluded(token: re.Match[str]) -> Clause | None:
    value = token["quoted"] if token["quoted"] is not None else token["bare"]
    if token["field"]:
        name = FIELDS.get(fold(token["field"]))
        if name and (clause := _of_field(name, value, 0)):
            return clause
        value = f"{token['field']} {value}"
    found = tuple(words(value))
    if not found:
        return None
    if token["quoted"] is not None or len(found) > 1:
        return Phrase(found, 0)
    if value.endswith("*") and len(found[0].folded) >= SHORTEST_PREFIX:
        return Prefix(found[0].folded, 0)
    return Plain(found[0], 0)


def _of_field(name: str, value: str, at: int) -> Clause | None:
    """Read a field's value; None when it is unreadable, and then it is plain text."""
    if name == "topic":
        return OnTopic(value) if words(value) else None
    if name == "title":
        found = tuple(words(value))
        return InTitle(found, at) if found else None
    if name == "issue":
        number = value.strip()
        readable = number.isascii() and number.isdigit() and len(number) < 7
        return InIssue(int(number)) if readable else None
    if name == "lang":
        language = LANGUAGE_NAMES.get(fold(value))
        return InLanguage(language) if language in LANGUAGES else None
    span = read_span(value)
    if span is None:
        return None
    if name == "after":
        return Dated(span[0], None)
    if name == "before":
        return Dated(None, span[0] - timedelta(days=1))
    return Dated(*span)


def read_span(text: str) -> tuple[date, date] | None:
    """Return the first and last day of YYYY, YYYY-MM or YYYY-MM-DD; None when unreadable."""
    found = re.fullmatch(r"([12]\d{3})(?:-(\d{2})(?:-(\d{2}))?)?", text, re.ASCII)
    if not found:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        if year is None or month is None:
            return date(year or 0, 1, 1), date(year or 0, 12, 31)
        if day is None:
            return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        return date(year, month, day), date(year, month, day)
    except (ValueError, calendar.IllegalMonthError):
        return None


def _kept(groups: list[list[Clause]], text: str) -> tuple[list[list[Clause]], bool]:
    """Drop stop words among plain words (unless nothing else is left) and all past the twelfth."""
    without = [
        kept
        for group in groups
        if (kept := [clause for clause in group if not _is_stop_word(clause, text)])
    ]
    chosen: list[list[Clause]] = []
    terms = 0
    for group in without or groups:
        room = MOST_TERMS - terms
        if room <= 0:
            return chosen, True
        chosen.append(group[:room])
        terms += len(chosen[-1])
        if len(group) > room:
            return chosen, True
    return chosen, False


def _is_stop_word(clause: Clause, text: str) -> bool:
    if not isinstance(clause, Plain) or clause.word.folded not in STOP_WORDS:
        return False
    # "UN" in capitals is the United Nations; "un" is Spanish for "a".
    return not (clause.word.folded == "un" and re.search(r"\bUN\b", text))
