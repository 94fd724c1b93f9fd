"""Highlighting: titles and snippets with the matches marked; escaped first, then marked."""

import re
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from psgflask.search.language import Word, stem
from psgflask.search.query.clauses import InTitle, Phrase, PlainWord, Prefix, Query
from psgflask.search.texts import MARKS, Text

SNIPPET_LENGTH = 240
CONTEXT = 60  # characters before the first match
# Placeholders for the marks while a text is escaped; `prepared` removes them from every text.
BEGIN, END = MARKS

# Start and end of a match, and what it matches.
Span = tuple[int, int, str]


class Highlighter:
    """Finds the matches of a query in texts of one language."""

    def __init__(
        self, query: Query, likeness: Mapping[str, tuple[str, ...]], language: str
    ) -> None:
        self.language = language
        self.exact: set[str] = set()
        self.stems: set[str] = set()
        self.phrases: list[re.Pattern[str]] = []
        prefixes: list[str] = []
        for clause in query.clauses:
            match clause:
                case PlainWord(word):
                    self.exact.update(likeness.get(word.folded, ()))
                    self.exact.add(word.folded)
                    self.stems.add(stem(word.folded, language))
                case Phrase(words):
                    self.phrases.append(_side_by_side(words))
                case InTitle(words):
                    self.stems.update(stem(word.folded, language) for word in words)
                case Prefix(folded):
                    prefixes.append(folded)
        self.phrases += [_side_by_side(other.words) for other in query.synonyms]
        self.prefixes = tuple(prefixes)
        self._beginnings = _fewest([*self.exact, *map(_beginning, self.stems), *prefixes])
        self._is_match_cache: dict[str, bool] = {}

    def spans(self, text: Text) -> list[Span]:
        """Return the matches in a text, in order and without overlap."""
        padded = text.padded
        find, known = padded.find, self._is_match_cache
        spans: list[Span] = []
        for beginning in self._beginnings:
            start = find(beginning)
            while start >= 0:
                end = find(" ", start + 1)
                word = padded[start + 1 : end]
                if known[word] if word in known else self._is_match(word):
                    spans.append((start, end - 1, word))
                start = find(beginning, end)
        if len(self._beginnings) > 1:
            spans.sort()
        return self._with_phrases(spans, padded) if self.phrases else spans

    def _with_phrases(self, found: list[Span], padded: str) -> list[Span]:
        marked = {span[0]: span for span in found}
        for phrase in self.phrases:
            for start, end, key in _places(phrase, padded):
                # The whole phrase replaces those of its words that are marked already.
                for inside in [at for at in marked if start <= at < end]:
                    del marked[inside]
                marked[start] = (start, end, key)
        spans: list[Span] = []
        for _start, span in sorted(marked.items()):
            if not spans or span[0] >= spans[-1][1]:
                spans.append(span)
        return spans

    def _is_match(self, word: str) -> bool:
        found = self._is_match_cache[word] = (
            word in self.exact
            or (bool(self.prefixes) and word.startswith(self.prefixes))
            or (bool(self.stems) and stem(word, self.language) in self.stems)
        )
        return found


def marked(text: Text, highlighter: Highlighter) -> Markup:
    """Return a text escaped, with its matches in <mark>."""
    return _marked(text.shown, highlighter.spans(text), 0, len(text.shown))


def snippet(text: Text, highlighter: Highlighter) -> Markup:
    """Return the part of a text with the most different matches, cut at words and marked."""
    spans = highlighter.spans(text)
    begin = _begin(text.shown, _richest(spans))
    return _marked(text.shown, spans, begin, _end(text.shown, begin))


def _marked(shown: str, spans: Sequence[Span], begin: int, end: int) -> Markup:
    """Return the text between two positions escaped, with its matches marked."""
    parts = ["… "] if begin else []
    at = begin
    for start, stop, _key in spans:
        if begin <= start and stop <= end:
            parts += (shown[at:start], BEGIN, shown[start:stop], END)
            at = stop
    parts.append(shown[at:end])
    if end < len(shown):
        parts.append(" …")
    # Escaped as a whole: no text contains the placeholders.
    escaped = escape("".join(parts))
    if at == begin:
        return escaped
    marked = str.replace(str.replace(escaped, BEGIN, "<mark>"), END, "</mark>")
    return Markup(marked)  # noqa: S704  # all but the marks is escaped


def _beginning(stemmed: str) -> str:
    """Return the common beginning of all words with a stem, which changes its last letter at most.

    The exceptions are English: dying, lying, tying and vying have the stems die, lie, tie and vie.
    """
    if len(stemmed) == 3 and stemmed.endswith("ie"):
        return stemmed[0]
    return stemmed[: max(2, len(stemmed) - 1)]


def _fewest(beginnings: Iterable[str]) -> list[str]:
    """Return the beginnings, a space before each, without those that others are a prefix of."""
    chosen: list[str] = []
    for each in sorted({f" {beginning}" for beginning in beginnings}):
        if not (chosen and each.startswith(chosen[-1])):
            chosen.append(each)
    return chosen


def _side_by_side(words: Iterable[Word]) -> re.Pattern[str]:
    texts = " +".join(re.escape(word.folded) for word in words)
    return re.compile(f" {texts} ")


def _places(phrase: re.Pattern[str], padded: str) -> Iterable[Span]:
    found = phrase.search(padded)
    while found:
        start, end = found.span()
        yield start, end - 2, " ".join(found[0].split())
        # The space behind a match may be the one before the next.
        found = phrase.search(padded, end - 1)


def _richest(spans: Sequence[Span]) -> int:
    """Return the start of the stretch with most different matches, then with most matches."""
    if not spans:
        return 0
    if spans[-1][1] - spans[0][0] <= SNIPPET_LENGTH - CONTEXT:
        return spans[0][0]
    best = best_start = 0
    inside: dict[str, int] = {}
    first = different = 0
    for last, (_start, end, key) in enumerate(spans):
        times = inside[key] = inside.get(key, 0) + 1
        different += times == 1
        while end - spans[first][0] > SNIPPET_LENGTH - CONTEXT and first < last:
            left = spans[first][2]
            inside[left] -= 1
            different -= not inside[left]
            first += 1
        richness = different * len(spans) + last - first
        if richness > best:
            best, best_start = richness, spans[first][0]
    return best_start


def _begin(text: str, found: int) -> int:
    """Return the start of a word a little before the first match."""
    if found <= CONTEXT:
        return 0
    # A little back, and then on to the start of a word.
    space = text.find(" ", found - CONTEXT, found)
    return space + 1 if space >= 0 else found


def _end(text: str, begin: int) -> int:
    if len(text) <= begin + SNIPPET_LENGTH:
        return len(text)
    space = text.rfind(" ", begin + SNIPPET_LENGTH // 2, begin + SNIPPET_LENGTH + 1)
    return space if space >= 0 else begin + SNIPPET_LENGTH
