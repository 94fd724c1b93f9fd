"""Parsing: input becomes tokens, then clauses in groups, then no more than a search may cost.

Fields have names in both languages, which are understood everywhere, with or without accents.
"""

import calendar
import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import zip_longest

from psgflask.core.folding import normalise
from psgflask.search.language import STOP_WORDS, fold, located_words, words
from psgflask.search.query.clauses import (
    Clause,
    DateRange,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    PlainWord,
    Prefix,
    Query,
)

MAX_LENGTH = 200
MAX_TERMS = 12
MIN_PREFIX = 3
MAX_ISSUE_DIGITS = 6
# Words with an operator between them are not neighbours: they were not typed side by side.
GAP = 20
FIELD_NAMES = {
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

# Without a closing quote a quotation mark is ignored.
_TOKEN = re.compile(
    r"""
    (?P<minus>-)?
    (?:(?P<field>[^\W\d_]+):)?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))
    """,
    re.VERBOSE,
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]+")
_DATES = re.compile(r"([12]\d{3})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


@dataclass
class _Group:
    """Clauses of which any one must match, or must not match."""

    clauses: list[Clause]
    excluded: bool = False


@dataclass
class _ParserState:
    """What has been parsed so far."""

    groups: list[_Group] = field(default_factory=list)
    typed_words: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    with_stop_words: list[PlainWord] = field(default_factory=list)
    names: set[int] = field(default_factory=set)  # positions of words that are no stop word, as UN
    position: int = 0
    joining: bool = False  # after an OR: the next clause joins the group before it
    before_or: bool = False  # an OR follows the current token


def parse(typed: str, *, interface: str = "en") -> Query:
    """Parse a query; `interface` is the language of the page, where "O" may stand for OR."""
    return _parse(*_normalise(typed), interface)


@lru_cache(maxsize=500)  # filters, further pages and feeds repeat the same words
def _parse(text: str, shortened: bool, interface: str) -> Query:
    ors = {"OR", "O"} if interface == "es" else {"OR"}
    state = _ParserState()
    tokens = list(_TOKEN.finditer(text))
    for token, following in zip_longest(tokens, tokens[1:]):
        state.before_or = following is not None and following[0] in ors
        if token[0] in ors and state.groups and not state.groups[-1].excluded:
            state.joining = True
            state.position += GAP
        else:
            _add(token, state)
    groups, left_out = _limit(_without_stop_words(state))
    return Query(
        text,
        tuple(tuple(group.clauses) for group in groups if not group.excluded),
        tuple(clause for group in groups if group.excluded for clause in group.clauses),
        shortened or left_out,
        tuple(state.typed_words),
        " ".join(state.title) if all(map(_is_one_word, state.groups)) else "",
        tuple(state.with_stop_words),
    )


def _normalise(typed: str) -> tuple[str, bool]:
    """Return the text, equivalent characters made equal and cut at 200; and whether it was cut."""
    # What lies far beyond the cut is not worth the work.
    head = _UNPRINTABLE.sub(" ", typed[: 20 * MAX_LENGTH])
    text = " ".join(normalise("NFC", head).translate(_QUOTES).split())
    if len(text) <= MAX_LENGTH and len(typed) <= 20 * MAX_LENGTH:
        return text, False
    whole_words, space, _part = text[: MAX_LENGTH + 1].rpartition(" ")
    return (whole_words if space else text[:MAX_LENGTH]), True


def _add(token: re.Match[str], state: _ParserState) -> None:
    if token["minus"] and (clause := _excluded(token)):
        state.groups.append(_Group([clause], excluded=True))
        state.joining = False
        state.position += GAP
        return
    for clause in _clauses(token, state):
        if state.joining:
            state.groups[-1].clauses.append(clause)
        else:
            state.groups.append(_Group([clause]))
        state.joining = False


def _clauses(token: re.Match[str], state: _ParserState) -> list[Clause]:
    if token["field"]:
        clause = _field_clause(token["field"], _value(token))
        if clause is not None:
            state.position += GAP
            return [clause]
    if token["quoted"] is None:
        start = token.start("field") if token["field"] else token.start("bare")
        return _plain(token.string[start : token.end()], start, state)
    clauses: list[Clause] = []
    if token["field"]:
        clauses += _plain(token["field"], token.start("field"), state)
    return [*clauses, *_phrase(token["quoted"], state)]


def _value(token: re.Match[str]) -> str:
    return str(token["bare"] if token["quoted"] is None else token["quoted"])


def _phrase(value: str, state: _ParserState) -> list[Clause]:
    found = tuple(words(value))
    position = state.position
    state.position += len(found)
    state.typed_words += [word.folded for word in found]
    return [Phrase(found, position)] if found else []


def _plain(value: str, start: int, state: _ParserState) -> list[Clause]:
    found = located_words(value)
    first = state.position
    state.position += len(found)
    for position, (begin, end, word) in enumerate(found, first):
        state.title.append(word.folded)
        if value[begin:end] == "UN":  # the United Nations; "un" is Spanish for "a"
            state.names.add(position)
        else:
            state.typed_words.append(word.folded)
    if found and value.endswith("*") and len(found[-1][2].folded) >= MIN_PREFIX:
        ending: list[Clause] = [Prefix(found.pop()[2].folded)]
    else:
        ending = []
    if (state.joining or state.before_or) and len(found) + len(ending) > 1:
        # "mine OR well-being": one alternative, not two.
        return [Phrase(tuple(words(value)), first)]
    clauses = [
        PlainWord(word, position, (start + begin, start + end))
        for position, (begin, end, word) in enumerate(found, first)
    ]
    state.with_stop_words += clauses
    return [*clauses, *ending]


def _excluded(token: re.Match[str]) -> Clause | None:
    value = _value(token)
    if token["field"]:
        clause = _field_clause(token["field"], value)
        if clause is not None:
            return clause
        value = f"{token['field']} {value}"
    found = tuple(words(value))
    if not found:
        return None
    if token["quoted"] is not None or len(found) > 1:
        return Phrase(found)
    if value.endswith("*") and len(found[0].folded) >= MIN_PREFIX:
        return Prefix(found[0].folded)
    return PlainWord(found[0])


def _is_one_word(group: _Group) -> bool:
    return (
        len(group.clauses) == 1 and isinstance(group.clauses[0], PlainWord) and not group.excluded
    )


def _without_stop_words(state: _ParserState) -> list[_Group]:
    """Drop stop words among plain words, unless nothing else is left."""
    kept = []
    for group in state.groups:
        left = [clause for clause in group.clauses if not _is_stop_word(clause, state.names)]
        if group.excluded:
            kept.append(group)
        elif left:
            kept.append(_Group(left))
    return kept if any(not group.excluded for group in kept) else state.groups


def _is_stop_word(clause: Clause, names: set[int]) -> bool:
    return (
        isinstance(clause, PlainWord)
        and clause.word.folded in STOP_WORDS
        and clause.position not in names
    )


def _limit(groups: list[_Group]) -> tuple[list[_Group], bool]:
    """Keep the first twelve terms, each word of a phrase being one; say whether more were typed."""
    kept: list[_Group] = []
    left = MAX_TERMS
    for group in groups:
        clauses: list[Clause] = []
        for clause in group.clauses:
            if left:
                clauses.append(_first_words(clause, left))
            cost = _cost(clause)
            if cost > left:
                return [*kept, *([_Group(clauses, group.excluded)] if clauses else [])], True
            left -= cost
        kept.append(_Group(clauses, group.excluded))
    return kept, False


def _cost(clause: Clause) -> int:
    return len(clause.words) if isinstance(clause, Phrase | InTitle) else 1


def _first_words(clause: Clause, limit: int) -> Clause:
    if isinstance(clause, Phrase | InTitle):
        return replace(clause, words=clause.words[:limit])
    return clause


def _field_clause(name: str, value: str) -> Clause | None:
    """Parse `name:value`; None when there is no such field or its value is unreadable."""
    match FIELD_NAMES.get(fold(name)):
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
            return _date_range(relation, parse_dates(value.strip()))
    return None


def parse_dates(text: str) -> tuple[date, date] | None:
    """Return the first and last day of YYYY, YYYY-MM or YYYY-MM-DD; None when unreadable."""
    found = _DATES.fullmatch(text)
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
    readable = number.isascii() and number.isdigit() and len(number) <= MAX_ISSUE_DIGITS
    return InIssue(int(number)) if readable else None


def _date_range(relation: str, dates: tuple[date, date] | None) -> DateRange | None:
    if dates is None:
        return None
    if relation == "after":
        return DateRange(dates[0], None)
    if relation == "before":
        return DateRange(None, dates[0] - timedelta(days=1))
    return DateRange(*dates)
