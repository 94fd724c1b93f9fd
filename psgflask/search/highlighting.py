"""Titles and snippets with the words found marked: escape first, then mark."""

from collections.abc import Callable

from markupsafe import Markup, escape

from psgflask.search.language import Word, located, stem
from psgflask.search.query import InTitle, Phrase, Plain, Prefix, Query

LONGEST = 240
BEFORE = 60

Marker = Callable[[Word], bool]


def marker(query: Query, likeness: dict[str, tuple[str, ...]], language: str) -> Marker:
    """Return the question whether a word of a text in a language is one that was found."""
    exact: set[str] = set()
    stems: set[str] = set()
    prefixes: list[str] = []
    for clause in query.clauses:
        match clause:
            case Plain(word):
                exact.update(likeness.get(word.folded, ()))
                exact.add(word.folded)
                stems.add(stem(word.folded, language))
            case Phrase(words):
                exact.update(word.folded for word in words)
            case InTitle(words):
                stems.update(stem(word.folded, language) for word in words)
            case Prefix(folded):
                prefixes.append(folded)
    begins = tuple(prefixes)

    def found(word: Word) -> bool:
        return (
            word.folded in exact
            or stem(word.folded, language) in stems
            or (bool(begins) and word.folded.startswith(begins))
        )

    return found


def marked(text: str, found: Marker) -> Markup:
    """Return a text escaped, the words found in <mark>."""
    parts: list[Markup] = []
    at = 0
    for start, end, word in located(text):
        if start < at or not found(word):
            continue
        parts += [escape(text[at:start]), Markup("<mark>%s</mark>") % text[start:end]]
        at = end
    return Markup().join([*parts, escape(text[at:])])


def snippet(text: str, found: Marker) -> Markup:
    """Return the part of a text with most of the words found, cut at words, and marked."""
    text = " ".join(text.split())
    words = located(text)
    places = [(start, word.folded) for start, _end, word in words if found(word)]
    first = _best_start(places)
    starts = [start for start, _end, _word in words if start >= max(0, first - BEFORE)]
    begin = starts[0] if starts and first > BEFORE else 0
    ends = [end for _start, end, _word in words if begin < end <= begin + LONGEST]
    end = len(text) if len(text) <= begin + LONGEST else ends[-1] if ends else begin + LONGEST
    shown = marked(text[begin:end], found)
    return Markup("%s%s%s") % (
        "… " if begin else "",
        shown,
        " …" if end < len(text) else "",
    )


def _best_start(places: list[tuple[int, str]]) -> int:
    """Return where the stretch begins that holds the most different words, then the most."""
    best, best_start = (0, 0), places[0][0] if places else 0
    for index, (start, _word) in enumerate(places):
        within = [word for at, word in places[index:] if at < start + LONGEST - BEFORE]
        richness = (len(set(within)), len(within))
        if richness > best:
            best, best_start = richness, start
    return best_start
