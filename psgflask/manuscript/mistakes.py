"""Mistakes in manuscripts: what is wrong on a line, and what to write there.

Also what YAML would silently drop, and what no page could show.
"""

import re
from collections.abc import Iterator, Sequence

import yaml

from psgflask.core.file_mistakes import Mistake

UNREADABLE = re.compile(r"[^\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What Markdown tries as a link, an emphasis or a cell of a table, at up to 25 microseconds each.
MARKS = re.compile(r"[\[*_|]")
MAX_MARKS = 10_000
MAX_SHOWN_LENGTH = 200  # characters: a longer line is not repeated


def yaml_mistake(error: yaml.YAMLError, lines: Sequence[str]) -> Mistake:
    """Return an error of YAML as a mistake."""
    if isinstance(error, yaml.reader.ReaderError):
        unknown = Mistake(1, "A character in the front matter cannot be read")
        return next(unreadable_characters(lines), unknown)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Mistake(1, f"The front matter cannot be read: {error}")
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    start = error.context_mark.line + 1 if error.context_mark else line
    text = lines[line - 1] if line <= len(lines) else ""
    if "\\t" in problem:
        return Mistake(line, "A tab stands at the beginning of the line: use spaces")
    if "quoted scalar" in context:
        message = "A quotation mark opens here and is not closed: close it, or remove it"
        return Mistake(start, message)
    if "simple key" in context or "expected ':'" in problem:
        message = "Write a name, a colon and a value; put a text that runs over lines in quotes"
        return Mistake(start, message)
    if "flow sequence" in context:
        return Mistake(start, "A list opens with [ here and is not closed: write ] at its end")
    if text.startswith(" ") and text.count(": ") == 1:
        return Mistake(line, "Begin the line with the name, without spaces before it")
    return _in_quotes(lines, line, f"This line cannot be read ({_plain(problem)})")


def alias(line: int, lines: Sequence[str]) -> Mistake:
    """Return the mistake of a text that begins with *, which YAML takes for an alias."""
    return _in_quotes(lines, line, "A text cannot begin with *")


def lost_text(node: yaml.Node, lines: Sequence[str]) -> Iterator[Mistake]:
    """Yield the lines of which YAML would drop a part: a comment, a tag, an anchor."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from lost_text(key, lines)
            yield from lost_text(value, lines)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from lost_text(item, lines)
    else:
        yield from _lost_from_scalar(node, lines)


def _lost_from_scalar(node: yaml.Node, lines: Sequence[str]) -> Iterator[Mistake]:
    start, end = node.start_mark, node.end_mark
    first = lines[start.line][start.column : start.column + 1]
    if first in {"!", "&"}:
        yield _in_quotes(lines, start.line + 1, f"A text cannot begin with {first}")
    # A comment has a space after its #; "Issue #3" and "#mining" are text.
    elif getattr(node, "style", None) is None and re.match(
        r"\s+#\S", lines[end.line][end.column :]
    ):
        yield _in_quotes(lines, end.line + 1, "What follows # would be lost")


def _in_quotes(lines: Sequence[str], line: int, reason: str) -> Mistake:
    """Return the mistake with the line as it should be, its text in quotes."""
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    match = re.match(r"(?:- )?([^:\s][^:]*): +(.+)", written.lstrip())
    if not match or len(written) > MAX_SHOWN_LENGTH:
        return Mistake(line, f"{reason}: put the text in quotes")
    name, text = match[1], match[2].strip()
    inner = text[1:-1] if text[0] == text[-1] and text[0] in "'\"" and len(text) > 1 else text
    quoted = f'"{inner}"' if '"' not in inner and "\\" not in inner else _single(inner)
    return Mistake(line, f"{reason}: put the text in quotes, `{name}: {quoted}`")


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(problem: str) -> str:
    if problem.startswith("mapping values"):
        return "a colon followed by a space ends a name"
    return problem.replace("<", "").replace(">", "")


def unreadable_characters(lines: Sequence[str], start: int = 0) -> Iterator[Mistake]:
    """Yield the lines from `start` on with a character that no page can show."""
    for number, line in enumerate(lines[start:], start + 1):
        if match := UNREADABLE.search(line):
            yield Mistake(number, f"The character {match[0]!r} cannot stand here: remove it")


def crowded_text(lines: Sequence[str], start: int = 0) -> Iterator[Mistake]:
    """Yield the line from `start` on where a text has more marks than render quickly."""
    marks = 0
    for number, line in enumerate(lines[start:], start + 1):
        marks += len(MARKS.findall(line))
        if marks > MAX_MARKS:
            message = f"Up to here the text has more than {MAX_MARKS:,} of the characters [ * _ |"
            advice = "which Markdown reads: remove some, or part the text in two"
            yield Mistake(number, f"{message}, {advice}")
            return
