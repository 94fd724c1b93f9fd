"""The list of who was erased, beside the database, so that a restored backup can be made good.

It holds numbers and moments, nothing else: what they stood for is gone.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psgflask.members.refusals import MembershipRefused

FILE = "erased.txt"


class ListUnreadable(MembershipRefused):
    """A line of the list is not as it was written."""


@dataclass(frozen=True, order=True)
class Entry:
    """Somebody who was erased, and when."""

    at: datetime
    number: str


def read(file: Path) -> list[Entry]:
    """Return the list, the earliest first; none where there is no file. Raises ListUnreadable."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ListUnreadable(f"Cannot read {file}: {error}") from error
    entries: set[Entry] = set()
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        moment, _, number = line.strip().partition(" ")
        try:
            at = datetime.fromisoformat(moment)
            entries.add(Entry(at.astimezone(UTC), number.strip()))
        except ValueError as error:
            raise ListUnreadable(f"{file}, line {place}: not a moment and a number") from error
    return sorted(entries)


def add(file: Path, entries: Iterable[Entry]) -> int:
    """Write those down that are not in the list yet, for the file's owner alone; say how many."""
    there = set(read(file))
    new = sorted(set(entries) - there)
    if new:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as opened:
            opened.writelines(f"{entry.at.isoformat()} {entry.number}\n" for entry in new)
            opened.flush()
            os.fsync(opened.fileno())
    return len(new)
