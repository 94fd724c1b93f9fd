"""Titles and snippets with the words found marked: escape first, then mark."""

from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from psgflask.search.language import Word, located, stem
from psgflask.search.query import InTitle, Phrase, Plain, Prefix, Query

LONGEST = 240
BEFORE = 60

# Where something found begins and ends, and which of the things looked for it is.
Span = tuple[int, int, str]


class Highlighter:
    """Finds in texts of one language what a query looked for."""

    def __init__(
        self, query: Query, likeness: Mapping[str, tuple[str, ...]], language: str
    ) -> None:
        self.language = language
        self.exact: set[str] = set()
        self.stems: set[str] = set()
        self.phrases: list[tuple[str, ...]] = []
        prefixes: list[str] = []
        for clause in query.clauses:
            match clause:
                case Plain(word):
                    self.exact.update(likeness.get(word.folded, ()))
                    self.exact.add(word.folded)
                    self.stems.add(stem(word.folded, language))
                case Phrase(words):
                    self.phrases.append(tuple(word.folded for word in words))
                case InTitle(words):
                    self.stems.update(stem(word.folded, language) for word in words)
                case Prefix(folded):
                    prefixes.append(folded)
        self.phrases += [tuple(word.folded for word in other.words) for other in query.others]
        self.prefixes = tuple(prefixes)
        self._known: dict[str, bool] = {}

    def spans(self, text: str) -> list[Span]:
        """Return what was found in a text, in order; nothing overlaps."""
        words = located(text)
        found = [span for span in words if self._is_found(span[2])]
        marked = {start: (start, end, word.folded) for start, end, word in found}
        for phrase in self.phrases:
            for place in _places(words, phrase):
                start, end = words[place][0], words[place + len(phrase) - 1][1]
                # The whole phrase stands for words of its that are marked already.
                for inside in words[place : place + len(phrase)]:
                    marked.pop(inside[0], None)
                marked[start] = (start, end, " ".join(phrase))
        spans: list[Span] = []
        for span in sorted(marked.values()):
            if not spans or span[0] >= spans[-1][1]:
                spans.append(span)
        return spans

    def _is_found(self, word: Word) -> bool:
        found = self._known.get(word.folded)
        if found is None:
            found = self._known[word.folded] = (
                word.folded in self.exact
                or (bool(self.prefixes) and word.folded.startswith(self.prefixes))
                or (bool(self.stems) and stem(word.folded, self.language) in self.stems)
            )
        return found


def marked(text: str, highlighter: Highlighter) -> Markup:
    """Return a text escaped, what was found in <mark>."""
    return _marked(text, highlighter.spans(text))


def snippet(text: str, highlighter: Highlighter) -> Markup:
    """Return the part of a text with most of what was found, cut at words, and marked."""
    text = " ".join(text.split())
    spans = highlighter.spans(text)
    begin = _begin(text, _richest(spans))
    end = _end(text, begin)
    shown = [(a - begin, b - begin, key) for a, b, key in spans if begin <= a and b <= end]
    return Markup("%s%s%s") % (
        "… " if begin else "",
        _marked(text[begin:end], shown),
        " …" if end < len(text) else "",
    )


def _marked(text: str, spans: Sequence[Span]) -> Markup:
    parts: list[Markup] = []
    at = 0
    for start, end, _key in spans:
        parts += [escape(text[at:start]), Markup("<mark>%s</mark>") % text[start:end]]
        at = end
    return Markup().join([*parts, escape(text[at:])])


def _places(words: Sequence[tuple[int, int, Word]], phrase: tuple[str, ...]) -> list[int]:
    folded = [word.folded for _start, _end, word in words]
    return [
        place
        for place, word in enumerate(folded)
        if word == phrase[0] and tuple(folded[place : place + len(phrase)]) == phrase
    ]


def _richest(spans: Sequence[Span]) -> int:
    """Return where the stretch begins that holds most different things found, then most."""
    best, best_start = (0, 0), 0
    inside: Counter[str] = Counter()
    first = 0
    for last, (_start, end, key) in enumerate(spans):
        inside[key] += 1
        while first < last and end - spans[first][0] > LONGEST - BEFORE:
            inside[spans[first][2]] -= 1
            first += 1
        richness = (sum(1 for count in inside.values() if count), last - first + 1)
        if richness > best:
            best, best_start = richness, spans[first][0]
    return best_start


def _begin(text: str, found: int) -> int:
    """Return the start of the word that stands a little before what was found."""
    if found <= BEFORE:
        return 0
    # A little back, and then on to the start of a word.
    space = text.find(" ", found - BEFORE, found)
    return space + 1 if space >= 0 else found


def _end(text: str, begin: int) -> int:
    if len(text) <= begin + LONGEST:
        return len(text)
    space = text.rfind(" ", begin + LONGEST // 2, begin + LONGEST + 1)
    return space if space >= 0 else begin + LONGEST
