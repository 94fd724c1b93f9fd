"""Rules for families of old addresses; each room registers those that it understands."""

import re
from collections.abc import Callable, Mapping

from flask import current_app

# A rule gets the match of the path and the query; it returns a local path, or None.
Rule = Callable[[re.Match[str], Mapping[str, str]], str | None]


def register(pattern: str, rule: Rule, *, extensions: dict[str, object]) -> None:
    """Register a rule for the paths that match a pattern from end to end."""
    rules = extensions.setdefault("psg_redirects", [])
    assert isinstance(rules, list)  # noqa: S101  # tells the type checker what we put there
    rules.append((re.compile(pattern), rule))


def apply(path: str, query: Mapping[str, str]) -> str | None:
    """Return the destination that the first fitting rule gives."""
    for pattern, rule in current_app.extensions.get("psg_redirects", []):
        if found := pattern.fullmatch(path):
            return rule(found, query)  # type: ignore[no-any-return]  # extensions are untyped
    return None
