"""Every pattern of the code takes linear time, or what it is given is bounded."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.regex_safety import fault

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "psgflask").rglob("*.py"))
FUNCTIONS = {
    "compile",
    *("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"),
}
BOUNDED = json.loads((ROOT / "tests/house_patterns.json").read_text("utf-8"))


TREES = {file: ast.parse(file.read_text("utf-8")) for file in FILES}
CALLS = {
    file: [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for file, tree in TREES.items()
}


def methods(file: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield (what is called upon, the name of its method, the call) of each call in a file."""
    for call in CALLS[file]:
        if isinstance(call.func, ast.Attribute):
            upon = call.func.value
            name = upon.id if isinstance(upon, ast.Name) else getattr(upon, "attr", "")
            yield name, call.func.attr, call


USES: dict[str, set[str]] = {}
for _file in FILES:
    for _name, _method, _call in methods(_file):
        USES.setdefault(_name, set()).add(_method)
    # Handed on, it may be used in any way.
    for _value in (value for call in CALLS[_file] for value in call.args):
        if isinstance(_value, ast.Name):
            USES.setdefault(_value.id, set()).add("search")


def patterns() -> Iterator[tuple[str, str, int, set[str]]]:
    """Yield (place, pattern, flags, the ways in which it is used) of every pattern of the code."""
    for file, tree in TREES.items():
        where = file.relative_to(ROOT / "psgflask").as_posix()
        in_module: set[int] = set()
        for node in tree.body:
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            if ast.unparse(node.value.func) == "re.compile":
                name = ast.unparse(node.targets[0])
                module = importlib.import_module(f"psgflask.{where[:-3].replace('/', '.')}")
                made = vars(module)[name]
                in_module.add(node.lineno)
                yield f"{where} {name}", made.pattern, made.flags, USES.get(name, {"search"})
        for name, method, call in methods(file):
            if name == "re" and method in FUNCTIONS and call.lineno not in in_module:
                text = call.args[0]
                ways = {"search" if method == "compile" else method}
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield f"{where} {text.value}", text.value, flags_of(call), ways
                else:
                    yield f"{where} {ast.unparse(text)}", "", 0, set()


def flags_of(call: ast.Call) -> int:
    """Return the flags that a call names, wherever they stand."""
    named = re.findall(r"\bre\.([A-Z]+)\b", ast.unparse(call))
    return sum(int(getattr(re, name)) for name in set(named))


def named(value: object) -> str:
    """Return how a parameter is named, the same in every process: sets have no order."""
    return str(sorted(value) if isinstance(value, set) else value)[:60]


@pytest.mark.parametrize(("place", "pattern", "flags", "ways"), list(patterns()), ids=named)
def test_a_pattern_is_linear_or_its_input_is_bounded(
    place: str, pattern: str, flags: int, ways: set[str]
) -> None:
    anywhere = not ways <= {"match", "fullmatch"}
    found = fault(pattern, flags, whole=ways == {"fullmatch"}, anywhere=anywhere)
    if not ways:
        found = "it is made while the site runs"
    assert bool(found) == (place in BOUNDED), found


def test_each_exception_matches_a_pattern_and_has_a_reason() -> None:
    assert set(BOUNDED) <= {place for place, *_rest in patterns()}
    assert all(BOUNDED.values())


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(a+)+b", r"a*a*b", r"\s+$", r"(?:a|a)*b", r".*x", r"x.*y", r"\s*\n\s*", r"a*?a*?b"),
        *(r"(?:\d+,?)*x", r"\w+\s*\w+:", r"(?:a|ab)*c", r"\d{1,200}x", r"(?i)a+A+b", r"\S+@\S+"),
        *(r"^(?:mailto:)?<?\s*|\s*>?[.,;]?$", r"(?m)^\s+$", r"[^@]+@", r"([^\W\d_][\w -]*?) +0"),
    ],
)
def test_a_pattern_that_is_not_linear_is_found(pattern: str) -> None:
    assert fault(pattern)


@pytest.mark.parametrize(
    ("pattern", "whole"),
    [
        *((r"\s+", False), (r"\n{3,}", False), (r"[a-z0-9]+(?:-[a-z0-9]+)*", True)),
        *((r"(?:\d+,)*\d+", True), (r"^x.*y", False), (r"(?:a|b)*c", True), (r"[^<>]*>", True)),
        *((r"@[^\s@.]+\.", False), (r"a{1,20}b", False), (r"(?:[^\W_]+ )+x", True)),
    ],
)
def test_a_linear_pattern_is_left_alone(pattern: str, whole: bool) -> None:
    assert fault(pattern, whole=whole) == ""
