"""Manuscripts: Markdown files with front matter, named values between two lines of ---."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import yaml

from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.manuscript.mistakes import (
    alias,
    crowded_text,
    lost_text,
    unreadable_characters,
    yaml_mistake,
)

Value = TypeVar("Value")

MAX_BYTES = 2_000_000
MAX_DEPTH = 12  # a list of groups of values is 3 deep
EXAMPLE = "`title: Teachers start new strike`"
YES = frozenset({"yes", "true", "on", "sí", "si"})
NO = frozenset({"no", "false", "off"})


@dataclass
class FrontMatter:
    """Named values as they were written; collects mistakes while they are read.

    Every value is the text in the file: YAML's own types (dates, numbers, yes and no) are not
    used. `mistakes` is shared by the groups of one file.
    """

    first_line: int
    mistakes: list[Mistake]
    nodes: dict[str, yaml.Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, name: str) -> int:
        """Return the line of a name, the first line where it is absent."""
        return self.lines.get(name, self.first_line)

    def add_mistake(self, name: str, message: str) -> None:
        """Record a mistake in a value."""
        self.mistakes.append(Mistake(self.line(name), message))

    def finish(self) -> None:
        """Raise InvalidFile with every mistake so far, if there is one."""
        if self.mistakes:
            raise InvalidFile(*self.mistakes)

    def text(self, name: str, *, example: str | None = None) -> str:
        """Return a value as it was written; "" where absent, a mistake if an `example` is given."""
        node = self.nodes.get(name)
        if node is not None and not isinstance(node, yaml.ScalarNode):
            self.add_mistake(
                name, f"`{name}` takes a text; put it in quotes if it begins with [ or {{"
            )
            return ""
        value = str(node.value).strip() if node is not None else ""
        if example and not value:
            self.add_mistake(name, f"`{name}` is missing: write for example `{name}: {example}`")
        return value

    def one_line(self, name: str, *, longest: int, example: str) -> str:
        """Return a required value with its spaces collapsed; more characters are a mistake."""
        value = " ".join(self.text(name, example=example).split())
        if len(value) > longest:
            self.add_mistake(name, f"`{name}` has {len(value)} characters; at most {longest} fit")
        return value

    def parse(self, name: str, parser: Callable[[str], Value], default: Value) -> Value:
        """Return a parsed value, `default` where absent; a ValueError becomes a mistake."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parser(value)
        except ValueError as error:
            self.add_mistake(name, f"`{name}`: {error}")
            return default

    def whole_number(self, name: str) -> int | None:
        """Return a whole number, such as that of a revision; None where absent."""
        return self.parse(name, _whole_number, None)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of some words, `default` where absent."""

        def parser(value: str) -> str:
            if value.casefold() not in choices:
                raise ValueError(f"write {' or '.join(choices)}, not {value!r}")
            return value.casefold()

        return self.parse(name, parser, default)

    def is_yes(self, name: str) -> bool:
        """Say whether a value is yes; absent means no."""
        return self.parse(name, _yes_or_no, False)

    def texts(self, name: str) -> list[str]:
        """Return a list: [one, two], one a line after hyphens, or separated by commas."""
        node = self.nodes.get(name)
        if not isinstance(node, yaml.SequenceNode):
            return [part.strip() for part in self.text(name).split(",") if part.strip()]
        if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            self.add_mistake(name, f"`{name}` is a list of words, such as `{name}: [one, two]`")
            return []
        return [str(item.value).strip() for item in node.value]

    def groups(self, name: str, names: Sequence[str]) -> list["FrontMatter"]:
        """Return a list of groups of named values, such as the pictures of an article."""
        node = self.nodes.get(name)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return []
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        nodes = [item for item in items if isinstance(item, yaml.MappingNode)]
        if not nodes or len(nodes) != len(items):
            self.add_mistake(
                name,
                f"`{name}` is a list: for each one write a line `  - {names[0]}: …` below it, and"
                f" under {names[0]!r} lines such as `    {names[1]}: …`",
            )
            return []
        return [_front_matter(item, names, {}, self.mistakes) for item in nodes]


@dataclass(frozen=True)
class Manuscript:
    """A file: its front matter, and the Markdown below."""

    path: Path
    front_matter: FrontMatter
    body: str

    def finish(self, missing_body: str) -> None:
        """Raise InvalidFile with every mistake; an empty body is one, with this message."""
        if not self.body.strip():
            self.front_matter.add_mistake("body", missing_body)
        self.front_matter.finish()


def read_manuscript(
    path: Path, names: Sequence[str], hints: Mapping[str, str] | None = None
) -> Manuscript:
    """Read a file whose front matter may have these names; `hints` help with wrong ones.

    Raises InvalidFile where the file or its front matter cannot be read at all; mistakes
    in single values are collected, and `finish` raises them together.
    """
    lines = _lines_of(path)
    end = _end_of_front_matter(lines)
    # The blank line replaces the opening ---, so that YAML counts lines as the file does.
    text = "\n".join(["", *lines[1:end]])
    mistakes = [*unreadable_characters(lines, end + 1), *crowded_text(lines, end + 1)]
    node = _composed(text, lines, mistakes)
    if node is None:
        return Manuscript(path, FrontMatter(1, mistakes), "\n".join(lines[end + 1 :]))
    if not isinstance(node, yaml.MappingNode):
        raise InvalidFile(Mistake(2, f"Write a name, a colon and a value, as in {EXAMPLE}"))
    values = _front_matter(node, names, hints or {}, mistakes)
    values.first_line = 1
    return Manuscript(path, values, "\n".join(lines[end + 1 :]).strip("\n") + "\n")


def format_manuscript(values: Mapping[str, object], body: str) -> str:
    """Return the text of a manuscript, as `read_manuscript` reads it."""
    front_matter = yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{front_matter}---\n{body.strip()}\n"


def _composed(text: str, lines: Sequence[str], mistakes: list[Mistake]) -> yaml.Node | None:
    try:
        _check_shape(text, lines)
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InvalidFile(yaml_mistake(error, lines)) from error
    mistakes += lost_text(node, lines) if node else []
    return node


def _check_shape(text: str, lines: Sequence[str]) -> None:
    """Refuse what could exhaust memory when nodes are composed: aliases and deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise InvalidFile(alias(line, lines))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InvalidFile(Mistake(line, "The brackets are nested too deeply"))


def _front_matter(
    node: yaml.MappingNode,
    names: Sequence[str],
    hints: Mapping[str, str],
    mistakes: list[Mistake],
) -> FrontMatter:
    values = FrontMatter(node.start_mark.line + 1, mistakes)
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = re.sub(r"[\s_-]+", " ", str(key.value)).strip().casefold()
        if name not in names:
            mistakes.append(Mistake(line, _unknown(name, names, hints)))
        elif name in values.nodes:
            mistakes.append(Mistake(line, f"`{name}` stands twice; keep one of them"))
        else:
            values.nodes[name], values.lines[name] = value, line
    return values


def _unknown(name: str, names: Sequence[str], hints: Mapping[str, str]) -> str:
    if name in hints:
        return f"There is no `{name}` here: {hints[name]}"
    near = get_close_matches(name, names, n=1, cutoff=0.65)
    wanted = f"write `{near[0]}`" if near else f"known are {', '.join(names)}"
    return f"There is no `{name}` here: {wanted}"


def _lines_of(path: Path) -> list[str]:
    try:
        if not path.is_file():
            raise InvalidFile(Mistake(1, f"There is no file {path}"))
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFile(Mistake(1, "The file has more than two million bytes"))
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidFile(Mistake(1, f"Cannot read the file: {error.strerror}")) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "This line is not UTF-8: save the file as UTF-8 and try again"
        raise InvalidFile(Mistake(line, message)) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _end_of_front_matter(lines: Sequence[str]) -> int:
    """Return the index of the closing ---."""
    if lines[0].rstrip() != "---":
        raise InvalidFile(
            Mistake(
                1, f"The file has no front matter: begin with ---, lines such as {EXAMPLE}, and ---"
            )
        )
    for place, line in enumerate(lines[1:], 1):
        if line.rstrip() in {"---", "..."}:
            return place
    raise InvalidFile(Mistake(1, "The front matter has no end: write --- below its last line"))


def _whole_number(text: str) -> int | None:
    # At most nine digits: SQLite holds no number of twenty.
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"write a whole number such as 3, not {text!r}")
    return int(text)


def _yes_or_no(value: str) -> bool:
    word = value.casefold()
    if word not in YES | NO:
        raise ValueError(f"write yes or no, not {value!r}")
    return word in YES
