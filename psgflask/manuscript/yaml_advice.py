"""What to write when YAML cannot read a line, or would drop a part of it without a word."""

import re
from collections.abc import Iterator, Sequence

import yaml

UNREADABLE = re.compile(r"[^\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What Markdown tries as a link, an emphasis or a cell of a table, at up to 25 microseconds each.
MARKS = re.compile(r"[\[*_|]")
MOST_MARKS = 10_000
LONGEST_SHOWN = 200  # characters of a line that are worth writing out again


def advise(error: yaml.YAMLError, lines: Sequence[str]) -> tuple[int, str]:
    """Return the line (from 1) of a fault in YAML and what to write there."""
    if isinstance(error, yaml.reader.ReaderError):
        return next(unreadable(lines), (1, "A character in the front matter cannot be read"))
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, f"The front matter cannot be read: {error}"
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    began = error.context_mark.line + 1 if error.context_mark else line
    if "\\t" in problem:
        return line, "A tab stands at the beginning of the line: use spaces"
    if "quoted scalar" in context:
        return began, "A quotation mark opens here and is not closed: close it, or remove it"
    if "simple key" in context or "expected ':'" in problem:
        return began, "Write a name, a colon and a value; put a text that runs over lines in quotes"
    if "flow sequence" in context:
        return began, "A list opens with [ here and is not closed: write ] at its end"
    written = lines[line - 1] if line <= len(lines) else ""
    if written.startswith(" ") and written.count(": ") == 1:
        return line, "Begin the line with the name, without spaces before it"
    return line, _in_quotes(lines, line, f"This line cannot be read ({_plain(problem)})")


def alias(line: int, lines: Sequence[str]) -> tuple[int, str]:
    """Return what to write for a text that begins with *, which YAML takes for a reference."""
    return line, _in_quotes(lines, line, "A text cannot begin with *")


def lost_text(node: yaml.Node, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Give the lines of which YAML would drop a part: a remark after #, a tag, an anchor."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from lost_text(key, lines)
            yield from lost_text(value, lines)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from lost_text(item, lines)
    else:
        yield from _lost_of_one(node, lines)


def _lost_of_one(node: yaml.Node, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    start, end = node.start_mark, node.end_mark
    if lines[start.line][start.column : start.column + 1] in {"!", "&"}:
        sign = lines[start.line][start.column]
        yield start.line + 1, _in_quotes(lines, start.line + 1, f"A text cannot begin with {sign}")
    # A remark has a space after its sign; "Issue #3" and "#mining" are text.
    elif getattr(node, "style", None) is None and re.match(
        r"\s+#\S", lines[end.line][end.column :]
    ):
        reason = "What follows # would be lost"
        yield end.line + 1, _in_quotes(lines, end.line + 1, reason)


def _in_quotes(lines: Sequence[str], line: int, reason: str) -> str:
    """Return a reason with the line as it may stand, its text in quotes."""
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.match(r"(?:- )?([^:\s][^:]*): +(.+)", written.lstrip())
    if not found or len(written) > LONGEST_SHOWN:
        return f"{reason}: put the text in quotes"
    name, text = found[1], found[2].strip()
    inner = text[1:-1] if text[0] == text[-1] and text[0] in "'\"" and len(text) > 1 else text
    quoted = f'"{inner}"' if '"' not in inner and "\\" not in inner else _single(inner)
    return f"{reason}: put the text in quotes, `{name}: {quoted}`"


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _plain(problem: str) -> str:
    if problem.startswith("mapping values"):
        return "a colon followed by a space ends a name"
    return problem.replace("<", "").replace(">", "")


def unreadable(lines: Sequence[str], start: int = 0) -> Iterator[tuple[int, str]]:
    """Give the lines from `start` on that hold a character which no page can show."""
    for number, line in enumerate(lines[start:], start + 1):
        if found := UNREADABLE.search(line):
            yield number, f"The character {found[0]!r} cannot stand here: remove it"


def crowded(lines: Sequence[str], start: int = 0) -> Iterator[tuple[int, str]]:
    """Give the line from `start` on by which a text holds more marks than can be drawn soon."""
    marks = 0
    for number, line in enumerate(lines[start:], start + 1):
        marks += len(MARKS.findall(line))
        if marks > MOST_MARKS:
            message = f"Up to here the text has more than {MOST_MARKS:,} of the characters [ * _ |"
            yield number, f"{message}, which Markdown reads: remove some, or part the text in two"
            return
