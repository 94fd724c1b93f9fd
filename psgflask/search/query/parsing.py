"""Reads what was typed: tokens, then clauses in groups, then no more than a search may cost."""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest

from psgflask.core.folding import normalize
from psgflask.search.language import located, words
from psgflask.search.query.fields import clause_of
from psgflask.search.query.parts import Clause, InTitle, Phrase, Plain, Prefix, Query
from psgflask.search.stopwords import STOP_WORDS

LONGEST = 200
MOST_TERMS = 12
SHORTEST_PREFIX = 3
# Words that an operator parts are no neighbours: nobody typed them side by side.
APART = 20

# Without a closing quote a quotation mark is passed over.
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


@dataclass
class _Slot:
    """What takes one place in a query: alternatives, or what must not match."""

    clauses: list[Clause]
    excluded: bool = False


@dataclass
class _Reading:
    """What has been read so far."""

    slots: list[_Slot] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    unsifted: list[Plain] = field(default_factory=list)
    names: set[int] = field(default_factory=set)  # places of words no stop word, as UN
    at: int = 0
    joining: bool = False  # an OR was read: the next clause joins the slot before it
    before_or: bool = False  # an OR follows what is being read


def parse(typed: str, *, interface: str = "en") -> Query:
    """Read a query; `interface` is the language of the page, where "O" may stand for OR."""
    return _parsed(*_readable(typed), interface)


@lru_cache(maxsize=500)  # filters, further pages and feeds ask for the same words again
def _parsed(text: str, shortened: bool, interface: str) -> Query:
    ors = {"OR", "O"} if interface == "es" else {"OR"}
    reading = _Reading()
    tokens = list(_TOKEN.finditer(text))
    for token, following in zip_longest(tokens, tokens[1:]):
        reading.before_or = following is not None and following[0] in ors
        if token[0] in ors and reading.slots and not reading.slots[-1].excluded:
            reading.joining = True
            reading.at += APART
        else:
            _take(reading, token)
    slots, left_out = _affordable(_without_stop_words(reading))
    return Query(
        text,
        tuple(tuple(slot.clauses) for slot in slots if not slot.excluded),
        tuple(clause for slot in slots if slot.excluded for clause in slot.clauses),
        shortened or left_out,
        tuple(reading.typed),
        " ".join(reading.title) if all(_is_one_word(slot) for slot in reading.slots) else "",
        tuple(reading.unsifted),
    )


def _readable(typed: str) -> tuple[str, bool]:
    """Return the text with signs that mean the same made equal, cut at 200 characters."""
    # What lies far beyond the cut is not worth the work of reading it.
    head = _UNPRINTABLE.sub(" ", typed[: 20 * LONGEST])
    text = " ".join(normalize("NFC", head).translate(_QUOTES).split())
    if len(text) <= LONGEST and len(typed) <= 20 * LONGEST:
        return text, False
    whole_words, space, _part = text[: LONGEST + 1].rpartition(" ")
    return (whole_words if space else text[:LONGEST]), True


def _take(reading: _Reading, token: re.Match[str]) -> None:
    if token["minus"] and (clause := _excluded(token)):
        reading.slots.append(_Slot([clause], excluded=True))
        reading.joining = False
        reading.at += APART
        return
    for clause in _clauses(token, reading):
        if reading.joining:
            reading.slots[-1].clauses.append(clause)
        else:
            reading.slots.append(_Slot([clause]))
        reading.joining = False


def _clauses(token: re.Match[str], reading: _Reading) -> list[Clause]:
    if token["field"]:
        clause = clause_of(token["field"], _value(token))
        if clause is not None:
            reading.at += APART
            return [clause]
    if token["quoted"] is None:
        start = token.start("field") if token["field"] else token.start("bare")
        return _plain(token.string[start : token.end()], start, reading)
    clauses: list[Clause] = []
    if token["field"]:
        clauses += _plain(token["field"], token.start("field"), reading)
    return [*clauses, *_phrase(token["quoted"], reading)]


def _value(token: re.Match[str]) -> str:
    return str(token["bare"] if token["quoted"] is None else token["quoted"])


def _phrase(value: str, reading: _Reading) -> list[Clause]:
    found = tuple(words(value))
    at = reading.at
    reading.at += len(found)
    reading.typed += [word.folded for word in found]
    return [Phrase(found, at)] if found else []


def _plain(value: str, start: int, reading: _Reading) -> list[Clause]:
    found = located(value)
    at = reading.at
    reading.at += len(found)
    for place, (begin, end, word) in enumerate(found, at):
        reading.title.append(word.folded)
        if value[begin:end] == "UN":  # the United Nations; "un" is Spanish for "a"
            reading.names.add(place)
        else:
            reading.typed.append(word.folded)
    if found and value.endswith("*") and len(found[-1][2].folded) >= SHORTEST_PREFIX:
        ending: list[Clause] = [Prefix(found.pop()[2].folded)]
    else:
        ending = []
    if (reading.joining or reading.before_or) and len(found) + len(ending) > 1:
        # "mine OR well-being": one alternative, not two.
        return [Phrase(tuple(words(value)), at)]
    clauses = [
        Plain(word, place, (start + begin, start + end))
        for place, (begin, end, word) in enumerate(found, at)
    ]
    reading.unsifted += clauses
    return [*clauses, *ending]


def _excluded(token: re.Match[str]) -> Clause | None:
    value = _value(token)
    if token["field"]:
        clause = clause_of(token["field"], value)
        if clause is not None:
            return clause
        value = f"{token['field']} {value}"
    found = tuple(words(value))
    if not found:
        return None
    if token["quoted"] is not None or len(found) > 1:
        return Phrase(found)
    if value.endswith("*") and len(found[0].folded) >= SHORTEST_PREFIX:
        return Prefix(found[0].folded)
    return Plain(found[0])


def _is_one_word(slot: _Slot) -> bool:
    return len(slot.clauses) == 1 and isinstance(slot.clauses[0], Plain) and not slot.excluded


def _without_stop_words(reading: _Reading) -> list[_Slot]:
    """Drop stop words among plain words, unless nothing else is left."""
    kept = []
    for slot in reading.slots:
        telling = [clause for clause in slot.clauses if not _is_stop_word(clause, reading.names)]
        if slot.excluded:
            kept.append(slot)
        elif telling:
            kept.append(_Slot(telling))
    return kept if any(not slot.excluded for slot in kept) else reading.slots


def _is_stop_word(clause: Clause, names: set[int]) -> bool:
    return isinstance(clause, Plain) and clause.word.folded in STOP_WORDS and clause.at not in names


def _affordable(slots: list[_Slot]) -> tuple[list[_Slot], bool]:
    """Keep the first twelve terms; each word of a phrase is one. Say whether more were typed."""
    kept: list[_Slot] = []
    room = MOST_TERMS
    for slot in slots:
        clauses: list[Clause] = []
        for clause in slot.clauses:
            if room:
                clauses.append(_first_words(clause, room))
            cost = _cost(clause)
            if cost > room:
                return [*kept, *([_Slot(clauses, slot.excluded)] if clauses else [])], True
            room -= cost
        kept.append(_Slot(clauses, slot.excluded))
    return kept, False


def _cost(clause: Clause) -> int:
    return len(clause.words) if isinstance(clause, Phrase | InTitle) else 1


def _first_words(clause: Clause, most: int) -> Clause:
    if isinstance(clause, Phrase | InTitle):
        return replace(clause, words=clause.words[:most])
    return clause
