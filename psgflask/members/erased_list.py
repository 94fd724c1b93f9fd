"""The list of who was erased, beside the database, so that a restored backup can be made good.

It holds numbers and moments, nothing else: what they stood for is gone.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from psgflask.core.durable import append_lines
from psgflask.members.refusals import MembershipRefused

log = logging.getLogger(__name__)

FILE = "erased.txt"
NUMBER = re.compile(r"PSG \d+-\d")


class ListUnreadable(MembershipRefused):
    """The list cannot be read, or a line of it is not as it was written."""


@dataclass(frozen=True, order=True)
class Entry:
    """Somebody who was erased, and when."""

    at: datetime
    number: str


def read(file: Path) -> list[Entry]:
    """Return the list, the earliest first; none where there is no file. Raises ListUnreadable."""
    entries, torn = readable(file)
    if torn:
        raise ListUnreadable(why_not(file, torn))
    return entries


def readable(file: Path) -> tuple[list[Entry], list[int]]:
    """Return the entries, the earliest first, and the places of lines that are none.

    Such a line is one that a crash cut off. Raises ListUnreadable where the file cannot be read.
    """
    try:
        lines = file.read_bytes().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ListUnreadable(f"Cannot read {file}: {error}") from error
    found = {place: _entry(line) for place, line in enumerate(lines, 1) if line.strip()}
    torn = [place for place, entry in found.items() if entry is None]
    return sorted({entry for entry in found.values() if entry is not None}), torn


def why_not(file: Path, torn: list[int]) -> str:
    """Return what is wrong with lines of the list, and what to do."""
    places = f"line{'s' * (len(torn) > 1)} {', '.join(map(str, torn))}"
    return (
        f"{file}, {places}: not a moment and a number, as a crash may leave it. The worker adds"
        " whom the database knows to be erased; then delete the line"
    )


def add(file: Path, entries: Iterable[Entry]) -> int:
    """Write those down that are not in the list yet, for the file's owner alone; say how many.

    A line that cannot be read keeps nobody from being added. Raises ListUnreadable, OSError.
    """
    there, torn = readable(file)
    new = sorted(set(entries) - set(there))
    if new:
        append_lines(file, (f"{entry.at.isoformat()} {entry.number}" for entry in new))
    if torn:
        log.warning("%s", why_not(file, torn))
    return len(new)


def _entry(line: str) -> Entry | None:
    moment, _, number = line.strip().partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if at.tzinfo is None or not NUMBER.fullmatch(number.strip()):
        return None
    return Entry(at.astimezone(UTC), number.strip())
