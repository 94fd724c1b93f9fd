"""A manuscript: a Markdown file that opens with named values between two lines of ---."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import yaml

from psgflask.manuscript.advice import advise, alias, crowded, lost_text, unreadable

Value = TypeVar("Value")

LARGEST = 2_000_000  # bytes
DEEPEST = 12  # a list of groups of values is 3 deep
EXAMPLE = "`title: Teachers start new strike`"
YES = frozenset({"yes", "true", "on", "sí", "si"})
NO = frozenset({"no", "false", "off"})


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong on a line of a file (counted from 1), and what to write there."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class FrontMatterWrong(ValueError):
    """A manuscript cannot be taken as it is; it names every mistake that was found."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))

    @property
    def line(self) -> int:
        """The line of the first mistake."""
        return self.mistakes[0].line

    @property
    def message(self) -> str:
        """What to write on that line."""
        return self.mistakes[0].message


@dataclass
class Head:
    """Named values as they were written; notes what is wrong while they are read.

    Every value is the text that stands in the file: YAML's own types (dates, numbers, yes and
    no) are never asked. `mistakes` is shared by the heads of one file.
    """

    first_line: int
    mistakes: list[Mistake]
    nodes: dict[str, yaml.Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, name: str) -> int:
        """Return the line of a name, or where the head begins when it is not there."""
        return self.lines.get(name, self.first_line)

    def wrong(self, name: str, message: str) -> None:
        """Note a mistake in a value."""
        self.mistakes.append(Mistake(self.line(name), message))

    def finish(self) -> None:
        """Raise FrontMatterWrong with every mistake noted so far, if there is one."""
        if self.mistakes:
            raise FrontMatterWrong(*self.mistakes)

    def text(self, name: str, *, example: str | None = None) -> str:
        """Return a value as it was written; absent is "", a mistake if an `example` is given."""
        node = self.nodes.get(name)
        if node is not None and not isinstance(node, yaml.ScalarNode):
            self.wrong(name, f"`{name}` takes a text; put it in quotes if it begins with [ or {{")
            return ""
        value = str(node.value).strip() if node is not None else ""
        if example and not value:
            self.wrong(name, f"`{name}` is missing: write for example `{name}: {example}`")
        return value

    def read(self, name: str, reading: Callable[[str], Value], otherwise: Value) -> Value:
        """Return a value as `reading` understands it; its ValueError becomes a mistake."""
        value = self.text(name)
        if not value:
            return otherwise
        try:
            return reading(value)
        except ValueError as error:
            self.wrong(name, f"`{name}`: {error}")
            return otherwise

    def choice(self, name: str, words: Sequence[str], otherwise: str) -> str:
        """Return one of some words, `otherwise` when absent."""

        def reading(value: str) -> str:
            if value.casefold() not in words:
                raise ValueError(f"write {' or '.join(words)}, not {value!r}")
            return value.casefold()

        return self.read(name, reading, otherwise)

    def says_yes(self, name: str) -> bool:
        """Return whether a value is yes; absent means no."""
        return self.read(name, _yes_or_no, False)

    def texts(self, name: str) -> list[str]:
        """Return a list: [one, two], one a line after hyphens, or parted by commas."""
        node = self.nodes.get(name)
        if not isinstance(node, yaml.SequenceNode):
            return [part.strip() for part in self.text(name).split(",") if part.strip()]
        if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            self.wrong(name, f"`{name}` is a list of words, such as `{name}: [one, two]`")
            return []
        return [str(item.value).strip() for item in node.value]

    def heads(self, name: str, names: Sequence[str]) -> list["Head"]:
        """Return a list of groups of named values, such as the pictures of an article."""
        node = self.nodes.get(name)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return []
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        groups = [item for item in items if isinstance(item, yaml.MappingNode)]
        if not groups or len(groups) != len(items):
            self.wrong(
                name,
                f"`{name}` is a list: for each one write a line `  - {names[0]}: …` below it, and"
                f" under {names[0]!r} lines such as `    {names[1]}: …`",
            )
            return []
        return [_head(item, names, {}, self.mistakes) for item in groups]


@dataclass(frozen=True)
class Manuscript:
    """A file: its head, and the Markdown below."""

    path: Path
    head: Head
    body: str


def read(path: Path, names: Sequence[str], hints: Mapping[str, str] | None = None) -> Manuscript:
    """Read a file whose head may hold these names; `hints` answer for names often tried.

    Raises FrontMatterWrong when the file or its head cannot be read at all; mistakes in single
    values are noted in the head, whose `finish` raises them together.
    """
    lines = _lines_of(path)
    end = _end_of_head(lines)
    # The blank line stands for the opening ---, so that YAML counts lines as the file does.
    text = "\n".join(["", *lines[1:end]])
    wrong = (*unreadable(lines, end + 1), *crowded(lines, end + 1))
    mistakes = [Mistake(*found) for found in wrong]
    node = _composed(text, lines, mistakes)
    if node is None:
        return Manuscript(path, Head(1, mistakes), "\n".join(lines[end + 1 :]))
    if not isinstance(node, yaml.MappingNode):
        raise FrontMatterWrong(Mistake(2, f"Write a name, a colon and a value, as in {EXAMPLE}"))
    head = _head(node, names, hints or {}, mistakes)
    head.first_line = 1
    return Manuscript(path, head, "\n".join(lines[end + 1 :]).strip("\n") + "\n")


def _composed(text: str, lines: Sequence[str], mistakes: list[Mistake]) -> yaml.Node | None:
    try:
        _check_shape(text, lines)
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise FrontMatterWrong(Mistake(*advise(error, lines))) from error
    mistakes += [Mistake(*lost) for lost in lost_text(node, lines)] if node else []
    return node


def _check_shape(text: str, lines: Sequence[str]) -> None:
    """Refuse what would run away with us when nodes are made: references and deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise FrontMatterWrong(Mistake(*alias(line, lines)))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise FrontMatterWrong(Mistake(line, "The brackets are nested too deeply"))


def _head(
    node: yaml.MappingNode,
    names: Sequence[str],
    hints: Mapping[str, str],
    mistakes: list[Mistake],
) -> Head:
    head = Head(node.start_mark.line + 1, mistakes)
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = re.sub(r"[\s_-]+", " ", str(key.value)).strip().casefold()
        if name not in names:
            mistakes.append(Mistake(line, _unknown(name, names, hints)))
        elif name in head.nodes:
            mistakes.append(Mistake(line, f"`{name}` stands twice; keep one of them"))
        else:
            head.nodes[name], head.lines[name] = value, line
    return head


def _unknown(name: str, names: Sequence[str], hints: Mapping[str, str]) -> str:
    if name in hints:
        return f"There is no `{name}` here: {hints[name]}"
    near = get_close_matches(name, names, n=1, cutoff=0.65)
    wanted = f"write `{near[0]}`" if near else f"known are {', '.join(names)}"
    return f"There is no `{name}` here: {wanted}"


def _lines_of(path: Path) -> list[str]:
    try:
        if not path.is_file():
            raise FrontMatterWrong(Mistake(1, f"There is no file {path}"))
        if path.stat().st_size > LARGEST:
            raise FrontMatterWrong(Mistake(1, "The file has more than two million bytes"))
        raw = path.read_bytes()
    except OSError as error:
        raise FrontMatterWrong(Mistake(1, f"Cannot read the file: {error.strerror}")) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "This line is not UTF-8: save the file as UTF-8 and try again"
        raise FrontMatterWrong(Mistake(line, message)) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _end_of_head(lines: Sequence[str]) -> int:
    """Return where the closing --- stands."""
    if lines[0].rstrip() != "---":
        raise FrontMatterWrong(
            Mistake(
                1, f"The file has no front matter: begin with ---, lines such as {EXAMPLE}, and ---"
            )
        )
    for place, line in enumerate(lines[1:], 1):
        if line.rstrip() in {"---", "..."}:
            return place
    raise FrontMatterWrong(Mistake(1, "The front matter has no end: write --- below its last line"))


def _yes_or_no(value: str) -> bool:
    word = value.casefold()
    if word not in YES | NO:
        raise ValueError(f"write yes or no, not {value!r}")
    return word in YES
