"""The memberships on offer: what each is called, whom it is for, and what it costs from when."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from psgflask.core.language_names import LANGUAGES

INDIVIDUAL, UNWAGED, HOUSEHOLD = "individual", "unwaged", "household"
ORGANISATION, LIFE = "organisation", "life"
KINDS = (INDIVIDUAL, UNWAGED, HOUSEHOLD, ORGANISATION, LIFE)
FILE = "memberships.toml"
SHIPPED = Path(__file__).with_name(FILE)
ENTRIES = ("kind", "name", "description", "amounts", "offered")
LONGEST_KEY = 40
MOST_POUNDS = Decimal("999999.99")


class MembershipsUnreadable(ValueError):
    """The file of memberships holds a mistake; the message says where and what to write."""


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
    """Return every membership by its key, in order; those not offered (any more) too.

    What is shipped, changed by memberships.toml in the instance folder. Raises
    MembershipsUnreadable.
    """
    own = instance / FILE
    try:
        changed = own.stat().st_mtime_ns
    except FileNotFoundError:
        return dict(_load(None, 0))
    return dict(_load(own, changed))


def offered(instance: Path) -> dict[str, Tier]:
    """Return the memberships that one can apply for, by their keys, in order."""
    return {key: tier for key, tier in load(instance).items() if tier.offered}


def amount_on(tier: Tier, day: date) -> Decimal | None:
    """Return what a membership costs on a day, in pounds; None while no amount is set."""
    begun = [pounds for first, pounds in tier.amounts if first <= day]
    return begun[-1] if begun else None


@lru_cache(maxsize=8)
def _load(own: Path | None, changed: int) -> dict[str, Tier]:
    """Read the files; `changed` makes one that was saved again another."""
    written = _parsed(SHIPPED)
    for key, entries in (_parsed(own) if own else {}).items():
        if not isinstance(entries, dict):
            raise MembershipsUnreadable(f"{own}: write [{key}] on a line of its own")
        written[key] = {**written.get(key, {}), **entries}
    return {key: _tier(own or SHIPPED, key, entries) for key, entries in written.items()}


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise MembershipsUnreadable(f"Cannot read {file}: {error}") from error


def _tier(file: Path, key: str, entries: dict[str, Any]) -> Tier:
    def refuse(why: str) -> MembershipsUnreadable:
        return MembershipsUnreadable(f"{file}, [{key}]: {why}")

    if not key or len(key) > LONGEST_KEY:
        raise refuse(f"the name in brackets must have 1 to {LONGEST_KEY} characters")
    if unknown := set(entries) - set(ENTRIES):
        raise refuse(f"there is no entry {min(unknown)!r}; there are {', '.join(ENTRIES)}")
    if entries.get("kind") not in KINDS:
        raise refuse(f"kind must be one of {', '.join(KINDS)}")
    if not isinstance(entries.get("offered", True), bool):
        raise refuse("offered must be true or false")
    for name in ("name", "description"):
        told = entries.get(name)
        if not isinstance(told, dict) or not all(
            isinstance(told.get(language), str) and told[language].strip() for language in LANGUAGES
        ):
            raise refuse(f'{name} must be {{ en = "...", es = "..." }}')
    return Tier(
        key=key,
        kind=entries["kind"],
        name={language: entries["name"][language] for language in LANGUAGES},
        description={language: entries["description"][language] for language in LANGUAGES},
        amounts=tuple(sorted(_amount(entry, refuse) for entry in _list(entries, refuse))),
        offered=entries.get("offered", True),
    )


def _list(entries: dict[str, Any], refuse: Any) -> list[Any]:
    amounts = entries.get("amounts", [])
    if not isinstance(amounts, list):
        raise refuse('amounts must be [{ from = 2026-01-01, pounds = "30.00" }]')
    return amounts


def _amount(entry: Any, refuse: Any) -> tuple[date, Decimal]:
    try:
        first, typed = entry["from"], entry["pounds"]
        pounds = Decimal(str(typed))
        if type(first) is not date or pounds != round(pounds, 2):
            raise ValueError
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise refuse('an amount looks like { from = 2026-01-01, pounds = "30.00" }') from error
    if not 0 <= pounds <= MOST_POUNDS:
        raise refuse(f"{typed} pounds is no amount")
    return first, pounds.quantize(Decimal("0.01"))
