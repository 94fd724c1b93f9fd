"""What the clock can be trusted with: what all its readings of a day agree on, and its jumps.

A machine's clock may be wrong for a while: set by hand, asked before the network answers, taken
from a snapshot. So nothing is deleted, blanked or given up on one reading of it. The worker reads
the clock in every round and counts the time between by the machine's uptime. A reading of some
time ago says what time it is now, too: what it showed and what has passed since. The earliest of
all that the readings of the last day say is what deletes by age; the latest is what a date must
exceed to be known for one that was written while the clock was ahead. A clock that is wrong for
less than a day of watching does nothing that cannot be undone.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.core.durable import write_whole
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding

log = logging.getLogger(__name__)

FILE = "clock.json"
DAY, WEEK = 86_400.0, 7 * 86_400.0
# The lowest and the highest reading of each slice of the time watched are kept. A longer pause
# between two readings counts as one slice: a day is as many rounds at least.
SLICE = 600.0
# What the clock moved by against the uptime: more than this is a jump, less a correction.
JUMP = 60.0
SAVE_EVERY = 60.0
MOST_JUMPS = 20
# Between them lies every date that anything here has.
LONG_AGO, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
ADVICE = "timedatectl says whether the clock is set by the network (NTP); let it be"


@dataclass(frozen=True)
class Agreed:
    """Between which moments it is now by all readings of a day; anything until there were some."""

    earliest: datetime = LONG_AGO
    latest: datetime = NEVER


@dataclass(frozen=True)
class Jump:
    """The clock was to show one thing and showed another, in seconds since 1970."""

    expected: float
    shown: float
    watched: float  # how long it had been watched then


@dataclass
class Readings:
    """Readings of a clock, in seconds: what it shows since 1970, what was watched since the first.

    An offset is what the clock showed less what had been watched: it stays as long as the clock
    goes right.
    """

    watched: float = 0.0
    shown: float | None = None
    slices: dict[int, tuple[float, float]] = field(default_factory=dict)  # offsets
    jumps: list[Jump] = field(default_factory=list)
    # The offset that was the lowest of a day, and when it was so last.
    floor: tuple[float, float] | None = None

    def take(self, shown: float, passed: float | None) -> Jump | None:
        """Take a reading, `passed` seconds of uptime after the last; None after a restart.

        Returns the jump that it shows.
        """
        jump = self._jump(shown, passed)
        self.watched += min(max(passed or 0.0, 0.0), SLICE)
        self.shown = shown
        offset, at = shown - self.watched, int(self.watched // SLICE)
        low, high = self.slices.get(at, (offset, offset))
        if at not in self.slices:
            # One more than a day: from the last right reading to the first wrong one is a step.
            oldest = int((self.watched - DAY) // SLICE) - 1
            self.slices = {each: kept for each, kept in self.slices.items() if each >= oldest}
        self.slices[at] = (min(low, offset), max(high, offset))
        self._raise_floor()
        if jump is not None:
            self.jumps = [*self.jumps, jump][-MOST_JUMPS:]
        self.jumps = [kept for kept in self.jumps if self.watched - kept.watched < WEEK]
        return jump

    @property
    def settled(self) -> bool:
        """Whether the clock has been watched for a day."""
        return self.watched >= DAY

    def agreed(self) -> Agreed:
        """Return what all readings of the last day agree on."""
        if not self.settled:
            return Agreed()
        return Agreed(
            _moment(self.watched + min(low for low, _high in self.slices.values())),
            _moment(self.watched + max(high for _low, high in self.slices.values())),
        )

    def not_before(self) -> datetime:
        """Return a moment that is past, also while the clock is behind for less than a day."""
        return _moment(self.watched + self.floor[0]) if self.floor else LONG_AGO

    def _jump(self, shown: float, passed: float | None) -> Jump | None:
        if self.shown is None:
            return None
        expected = self.shown + (passed or 0.0)
        moved = shown - expected
        # While nobody watched, a clock may have gone forward as it should, never back.
        jumped = moved < -JUMP if passed is None else abs(moved) > JUMP
        return Jump(expected, shown, self.watched) if jumped else None

    def _raise_floor(self) -> None:
        if not self.settled:
            return
        lowest = min(low for low, _high in self.slices.values())
        before, held = self.floor or (lowest, self.watched)
        # What has been lower for a day is right, and the floor was not.
        if lowest >= before - JUMP or self.watched - held > DAY:
            self.floor = (lowest, self.watched)


class Watch:
    """Reads the clock of an installation, and keeps the readings in its folder."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._readings: Readings | None = None
        self._read_at: float | None = None
        self._saved_at: float | None = None

    def look(self) -> Agreed:
        """Take a reading; return what all readings of the last day agree on."""
        with self._lock:
            return self._take().agreed()

    def save(self) -> None:
        """Take a reading; write all down once a minute, and a jump at once. Raises OSError."""
        with self._lock:
            readings = self._take()
            now = uptime()
            if self._saved_at is None or now - self._saved_at >= SAVE_EVERY:
                write_whole(self.file, _written(readings).encode("ascii"))
                self._saved_at = now

    def _take(self) -> Readings:
        if self._readings is None:
            self._readings = read(self.file)
        before, self._read_at = self._read_at, uptime()
        passed = None if before is None else self._read_at - before
        jump = self._readings.take(utc_now().timestamp(), passed)
        if jump is not None:
            self._saved_at = None
            log.warning("The clock jumped from %s to %s", *_ends(jump))
        return self._readings


def init_app(app: Flask) -> None:
    """Let the app's worker watch the clock."""
    app.extensions["psg_clock"] = Watch(Path(app.instance_path, FILE))


def sweep(app: Flask) -> None:
    """Read the clock: the first task of each of the worker's rounds."""
    watch: Watch = app.extensions["psg_clock"]
    watch.save()


def agreed(app: Flask) -> Agreed:
    """Return what all readings of the last day agree on; for the worker's process alone."""
    watch: Watch = app.extensions["psg_clock"]
    return watch.look()


def at_least(app: Flask, now: datetime) -> datetime:
    """Return `now`, and while the clock is surely behind, a moment that is nearer to the present.

    For what is written down and deleted by its age one day.
    """
    return max(now, read(Path(app.instance_path, FILE)).not_before())


def uptime() -> float:
    """Return seconds that no setting of the clock changes; those of a sleep are among them."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def read(file: Path) -> Readings:
    """Return the readings that are kept in a file; none where it cannot be read."""
    try:
        return _parsed(file.read_bytes())
    except FileNotFoundError:
        return Readings()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("The readings of the clock are lost (%s); a day of them is needed anew", error)
        return Readings()


def doubts(app: Flask) -> Iterator[Finding]:
    """Does the clock go right, and has it been watched for long enough?"""
    readings, now = read(Path(app.instance_path, FILE)), utc_now().timestamp()
    if readings.shown is not None and now < readings.shown - JUMP:
        text = f"The clock shows {_shown(now)}, and has shown {_shown(readings.shown)} before"
        yield Finding("clock", FAULT, text, ADVICE)
    for jump in readings.jumps:
        text = "The clock jumped from {} to {}".format(*_ends(jump))
        yield Finding("clock", ATTENTION, text, ADVICE)
    if not readings.settled:
        hours = int(readings.watched // 3600)
        text = f"Watched for {hours} hours; nothing is deleted by age before it was for 24"
        yield Finding("clock", OK, text)
    elif not readings.jumps:
        yield Finding("clock", OK, "Goes right")


def _parsed(content: bytes) -> Readings:
    """Return what `_written` wrote. Raises ValueError, TypeError, KeyError, AttributeError."""
    told = json.loads(content)
    slices = {int(at): (float(low), float(high)) for at, (low, high) in told["slices"].items()}
    jumps = [Jump(float(a), float(b), float(c)) for a, b, c in told["jumps"]]
    floor = told["floor"] and (float(told["floor"][0]), float(told["floor"][1]))
    found = Readings(float(told["watched"]), float(told["shown"]), slices, jumps, floor)
    numbers = [found.watched, found.shown or 0.0, *(floor or ())]
    numbers += [offset for pair in slices.values() for offset in pair]
    numbers += [part for jump in jumps for part in (jump.expected, jump.shown, jump.watched)]
    if not slices or not all(map(isfinite, numbers)):
        raise ValueError("not as it was written")
    return found


def _written(readings: Readings) -> str:
    return json.dumps(
        {
            "watched": readings.watched,
            "shown": readings.shown,
            "slices": readings.slices,
            "jumps": [[jump.expected, jump.shown, jump.watched] for jump in readings.jumps],
            "floor": readings.floor,
        }
    )


def _moment(seconds: float) -> datetime:
    """Return a moment, at the bounds when no date that anything has could be meant."""
    bounded = min(max(seconds, LONG_AGO.timestamp()), NEVER.timestamp())
    return datetime.fromtimestamp(bounded, UTC)


def _ends(jump: Jump) -> tuple[str, str]:
    return _shown(jump.expected), _shown(jump.shown)


def _shown(seconds: float) -> str:
    return f"{_moment(seconds):%Y-%m-%d %H:%M:%S} UTC"
