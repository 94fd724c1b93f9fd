"""Where old addresses have moved to: stored redirects first, then the rules that packages register.

A redirect is stored when a page moves; a rule covers a family of addresses.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from psgflask.redirects.models import Redirect

# A rule gets the match of the path, and the query; it returns a local path, or None.
Rule = Callable[[re.Match[str], Mapping[str, str]], str | None]
_EXTENSION = "psg_redirects"


def normalise(path: str, query: str = "") -> str:
    """Return an address as the table stores it: the path and its query sorted."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return f"{path}?{urlencode(pairs)}" if pairs else path


def record_move(session: Session, old: str, new: str) -> None:
    """Store that a page moved; chains are shortened and no address redirects to itself."""
    session.execute(update(Redirect).where(Redirect.new == old).values(new=new))
    for row in session.scalars(select(Redirect).where(Redirect.old.in_([old, new]))):
        session.delete(row)
    session.flush()
    session.add(Redirect(old=old, new=new))


def find(session: Session, path: str, query: str) -> str | None:
    """Return the stored destination of an old address, None where there is none."""
    return session.scalar(select(Redirect.new).where(Redirect.old == normalise(path, query)))


def find_sources(session: Session, path: str) -> Sequence[str]:
    """Return the old addresses that redirect to a path."""
    return session.scalars(select(Redirect.old).where(Redirect.new == path)).all()


def change_target(session: Session, old: str, new: str) -> None:
    """Let the redirects to a path lead to another one; the path itself gets none."""
    session.execute(update(Redirect).where(Redirect.new == old).values(new=new))


def delete(session: Session, source: str) -> None:
    """Delete the redirect of an old address."""
    session.execute(sql_delete(Redirect).where(Redirect.old == source))


def delete_to(session: Session, path: str) -> None:
    """Delete the redirects to a path that ceases to exist."""
    session.execute(sql_delete(Redirect).where(Redirect.new == path))


def register_rule(pattern: str, rule: Rule, *, extensions: dict[str, Any]) -> None:
    """Register a rule for the paths that a pattern matches in full."""
    extensions.setdefault(_EXTENSION, []).append((re.compile(pattern), rule))


def find_by_rule(path: str, query: Mapping[str, str], *, extensions: dict[str, Any]) -> str | None:
    """Return the destination by the first rule that matches, None where none does."""
    rules: list[tuple[re.Pattern[str], Rule]] = extensions.get(_EXTENSION, [])
    for pattern, rule in rules:
        if match := pattern.fullmatch(path):
            return rule(match, query)
    return None
