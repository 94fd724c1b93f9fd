"""The fields of the query language: their names in both languages, and their values."""

import calendar
import re
from datetime import date, timedelta

from psgflask.search.language import fold, words
from psgflask.search.query.parts import Clause, Dated, InIssue, InLanguage, InTitle, OnTopic

# Both languages' names are understood everywhere, with or without accents.
NAMES = {
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
LANGUAGE_NAMES = {
    "en": "en",
    "english": "en",
    "ingles": "en",
    "es": "es",
    "spanish": "es",
    "espanol": "es",
    "castellano": "es",
}
MOST_DIGITS = 6

_SPAN = re.compile(r"([12]\d{3})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


def clause_of(name: str, value: str) -> Clause | None:
    """Read `name:value`; None when there is no such field or its value is unreadable."""
    match NAMES.get(fold(name)):
        case "topic":
            return OnTopic(value) if words(value) else None
        case "title":
            found = tuple(words(value))
            return InTitle(found) if found else None
        case "issue":
            return _issue(value.strip())
        case "lang":
            language = LANGUAGE_NAMES.get(fold(value.strip()))
            return InLanguage(language) if language else None
        case "after" | "before" | "in" as relation:
            return _dated(relation, read_span(value.strip()))
    return None


def read_span(text: str) -> tuple[date, date] | None:
    """Return the first and last day of YYYY, YYYY-MM or YYYY-MM-DD; None when unreadable."""
    found = _SPAN.fullmatch(text)
    if not found:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    try:
        first = date(year, month, day)
    except ValueError:
        return None
    if found[3]:
        return first, first
    last_month = month if found[2] else 12
    return first, date(year, last_month, calendar.monthrange(year, last_month)[1])


def _issue(number: str) -> InIssue | None:
    readable = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    return InIssue(int(number)) if readable else None


def _dated(relation: str, span: tuple[date, date] | None) -> Dated | None:
    if span is None:
        return None
    if relation == "after":
        return Dated(span[0], None)
    if relation == "before":
        return Dated(None, span[0] - timedelta(days=1))
    return Dated(*span)
