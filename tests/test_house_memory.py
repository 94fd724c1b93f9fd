"""Everything that outlives a call in memory is listed, with its bound."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Commands end, and their memory with them.
NOT_IN_THE_SERVER = ("psgflask/sample/", "psgflask/translations/")
CACHES = {"lru_cache", "cache"}
CONTAINERS = {"dict", "set", "list", "defaultdict", "OrderedDict", "Counter", "deque", "local"}
BOUNDED = {"LRUCache", "PageCache"}


def named(call: ast.expr) -> str:
    """Return the last name of what is called: `lru_cache` of `functools.lru_cache(maxsize=2)`."""
    if isinstance(call, ast.Call):
        return named(call.func)
    if isinstance(call, ast.Attribute):
        return call.attr
    return call.id if isinstance(call, ast.Name) else ""


def is_empty(value: ast.expr | None) -> bool:
    """Say whether something begins as a container with nothing in it, or is a cache."""
    if isinstance(value, ast.Dict | ast.List):
        return not (value.keys if isinstance(value, ast.Dict) else value.elts)
    if not isinstance(value, ast.Call):
        return False
    name = named(value)
    return name in BOUNDED | CACHES or (name in CONTAINERS and not value.args)


def long_lived(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's caches, and of containers that outlive a call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if CACHES & set(map(named, node.decorator_list)):
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                of_object = isinstance(target, ast.Attribute) and named(target.value) == "self"
                of_module = isinstance(target, ast.Name) and node in tree.body
                if (of_object or of_module) and is_empty(node.value):
                    yield named(target)
                if isinstance(target, ast.Subscript) and named(target.value) == "extensions":
                    key = target.slice
                    yield str(key.value) if isinstance(key, ast.Constant) else "?"


def found() -> dict[str, list[str]]:
    """Return the caches and containers by module."""
    places: dict[str, list[str]] = {}
    for file in sorted((ROOT / "psgflask").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(NOT_IN_THE_SERVER):
            continue
        names = sorted(set(long_lived(ast.parse(file.read_text("utf-8")))))
        if names:
            places[name] = names
    return places


def test_every_cache_is_listed_with_its_bound() -> None:
    listed = json.loads((ROOT / "tests" / "house_memory.json").read_text("utf-8"))
    assert {name: sorted(entries) for name, entries in listed.items()} == found()
    assert [n for entries in listed.values() for n, why in entries.items() if len(why) < 10] == []
