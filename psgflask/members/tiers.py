"""The memberships on offer: what each is called, whom it is for, and what it costs from when."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from psgflask.core.language_names import LANGUAGES
from psgflask.core.money import parse_pounds

INDIVIDUAL, UNWAGED, HOUSEHOLD = "individual", "unwaged", "household"
ORGANISATION, LIFE = "organisation", "life"
KINDS = (INDIVIDUAL, UNWAGED, HOUSEHOLD, ORGANISATION, LIFE)
FILE = "memberships.toml"
SHIPPED = Path(__file__).with_name(FILE)
ENTRIES = ("kind", "name", "description", "amounts", "offered")
KEY_LENGTH = 40
# Pounds, of payments too: what the columns of amounts hold.
MAX_AMOUNT = Decimal("999999.99")


class MembershipsUnreadable(ValueError):
    """The file of memberships has an error; the message says where and what to write."""


# Makes the error about one table of the file out of its reason.
Refuse = Callable[[str], MembershipsUnreadable]


@dataclass(frozen=True)
class Tier:
    """One membership; `name` and `description` by language, `amounts` in pounds by first day."""

    key: str
    kind: str
    name: Mapping[str, str]
    description: Mapping[str, str]
    amounts: tuple[tuple[date, Decimal], ...] = ()
    offered: bool = True


def load(instance: Path) -> dict[str, Tier]:
    """Return every membership by its key, in order, including those no longer offered.

    The shipped file, overridden by memberships.toml in the instance folder. Raises
    MembershipsUnreadable.
    """
    file = instance / FILE
    try:
        mtime_ns = file.stat().st_mtime_ns
    except FileNotFoundError:
        return dict(_load(None, 0))
    return dict(_load(file, mtime_ns))


def offered(instance: Path) -> dict[str, Tier]:
    """Return the memberships that are open to applicants, by key, in order."""
    return {key: tier for key, tier in load(instance).items() if tier.offered}


def amount_on(tier: Tier, day: date) -> Decimal | None:
    """Return what a membership costs on a day, in pounds; None while no amount is set."""
    amounts = [pounds for first_day, pounds in tier.amounts if first_day <= day]
    return amounts[-1] if amounts else None


@lru_cache(maxsize=8)
def _load(file: Path | None, mtime_ns: int) -> dict[str, Tier]:
    """Load the files; `mtime_ns` is part of the cache key."""
    tables = _parse(SHIPPED)
    for key, entries in (_parse(file) if file else {}).items():
        if not isinstance(entries, dict):
            raise MembershipsUnreadable(f"{file}: write [{key}] on a line of its own")
        tables[key] = {**tables.get(key, {}), **entries}
    return {key: _tier(file or SHIPPED, key, entries) for key, entries in tables.items()}


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise MembershipsUnreadable(f"Cannot read {file}: {error}") from error


def _tier(file: Path, key: str, entries: dict[str, Any]) -> Tier:
    def refuse(reason: str) -> MembershipsUnreadable:
        return MembershipsUnreadable(f"{file}, [{key}]: {reason}")

    if not key or len(key) > KEY_LENGTH:
        raise refuse(f"the name in brackets must have 1 to {KEY_LENGTH} characters")
    if unknown := set(entries) - set(ENTRIES):
        raise refuse(f"there is no entry {min(unknown)!r}; there are {', '.join(ENTRIES)}")
    if entries.get("kind") not in KINDS:
        raise refuse(f"kind must be one of {', '.join(KINDS)}")
    if not isinstance(entries.get("offered", True), bool):
        raise refuse("offered must be true or false")
    for name in ("name", "description"):
        texts = entries.get(name)
        if not isinstance(texts, dict) or not all(
            isinstance(texts.get(language), str) and texts[language].strip()
            for language in LANGUAGES
        ):
            raise refuse(f'{name} must be {{ en = "...", es = "..." }}')
    return Tier(
        key=key,
        kind=entries["kind"],
        name={language: entries["name"][language] for language in LANGUAGES},
        description={language: entries["description"][language] for language in LANGUAGES},
        amounts=tuple(sorted(_amount(entry, refuse) for entry in _amounts(entries, refuse))),
        offered=entries.get("offered", True),
    )


def _amounts(entries: dict[str, Any], refuse: Refuse) -> list[Any]:
    amounts = entries.get("amounts", [])
    if not isinstance(amounts, list):
        raise refuse('amounts must be [{ from = 2026-01-01, pounds = "30.00" }]')
    return amounts


def _amount(entry: Any, refuse: Refuse) -> tuple[date, Decimal]:
    try:
        first_day, pounds = entry["from"], parse_pounds(str(entry["pounds"]))
        if type(first_day) is not date:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise refuse('an amount looks like { from = 2026-01-01, pounds = "30.00" }') from error
    if pounds > MAX_AMOUNT:
        raise refuse(f"{pounds} pounds is no amount")
    return first_day, pounds
