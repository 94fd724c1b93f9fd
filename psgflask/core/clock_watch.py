"""How far the system clock can be trusted: the time that a day's readings agree on, and jumps.

A machine's clock may be wrong for a while: set by hand, read before the network is up, restored
from a snapshot. So nothing is deleted, blanked or given up on one reading of it. The worker reads
the clock in every round and measures the time between readings by the machine's uptime. An older
reading implies the present time, too: what it showed and what has passed since. Of all that the
readings of the last day imply, the earliest decides what is old enough to delete; a date later
than the latest was written while the clock was ahead. A clock that is wrong for less than a day
does nothing that cannot be undone.
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

from psgflask.core.clock import LONDON, utc_now
from psgflask.core.durable import atomic_write
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding

log = logging.getLogger(__name__)

FILE = "clock.json"
DAY, WEEK = 86_400.0, 7 * 86_400.0
# The lowest and the highest reading of each slice of the time watched are stored. A longer gap
# between two readings counts as one slice: a day takes at least as many rounds.
SLICE = 600.0
# A shift against the uptime of more than this is a jump, a smaller one a correction.
JUMP = 60.0
SAVE_EVERY = 60.0
MAX_JUMPS = 20
# All dates in use lie between these.
LONG_AGO, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
ADVICE = "timedatectl says whether the clock is set by the network (NTP); let it be"


@dataclass(frozen=True)
class TimeBounds:
    """Between which times it is now by all readings of a day; unbounded until there are any."""

    earliest: datetime = LONG_AGO
    latest: datetime = NEVER


@dataclass(frozen=True)
class Jump:
    """The time that the clock should have shown and what it showed, in seconds since 1970."""

    expected: float
    shown: float
    watched: float  # for how long it had been watched then


@dataclass
class Readings:
    """Readings of a clock, in seconds: what it showed since 1970, time watched since the first.

    An offset is what the clock showed less the time watched: constant while the clock is right.
    """

    watched: float = 0.0
    shown: float | None = None
    slices: dict[int, tuple[float, float]] = field(default_factory=dict)  # offsets
    jumps: list[Jump] = field(default_factory=list)
    # The lowest offset of a day, and when it was last the lowest.
    floor: tuple[float, float] | None = None

    def add(self, shown: float, elapsed: float | None) -> Jump | None:
        """Add a reading, `elapsed` seconds of uptime after the last; None after a restart.

        Returns the jump that it reveals.
        """
        jump = self._jump(shown, elapsed)
        self.watched += min(max(elapsed or 0.0, 0.0), SLICE)
        self.shown = shown
        offset, number = shown - self.watched, int(self.watched // SLICE)
        low, high = self.slices.get(number, (offset, offset))
        if number not in self.slices:
            # One more than a day: from the last right reading to the first wrong one is a slice.
            oldest = int((self.watched - DAY) // SLICE) - 1
            self.slices = {n: offsets for n, offsets in self.slices.items() if n >= oldest}
        self.slices[number] = (min(low, offset), max(high, offset))
        self._raise_floor()
        if jump is not None:
            self.jumps = [*self.jumps, jump][-MAX_JUMPS:]
        self.jumps = [recent for recent in self.jumps if self.watched - recent.watched < WEEK]
        return jump

    @property
    def settled(self) -> bool:
        """Whether the clock has been watched for a day."""
        return self.watched >= DAY

    def bounds(self) -> TimeBounds:
        """Return what all readings of the last day agree on."""
        if not self.settled:
            return TimeBounds()
        return TimeBounds(
            _datetime(self.watched + min(low for low, _high in self.slices.values())),
            _datetime(self.watched + max(high for _low, high in self.slices.values())),
        )

    def not_before(self) -> datetime:
        """Return a time that is past, even while the clock is behind for less than a day."""
        return _datetime(self.watched + self.floor[0]) if self.floor else LONG_AGO

    def _jump(self, shown: float, elapsed: float | None) -> Jump | None:
        if self.shown is None:
            return None
        expected = self.shown + (elapsed or 0.0)
        shift = shown - expected
        # While nothing was watching, a clock may have gone forward as it should, never back.
        jumped = shift < -JUMP if elapsed is None else abs(shift) > JUMP
        return Jump(expected, shown, self.watched) if jumped else None

    def _raise_floor(self) -> None:
        if not self.settled:
            return
        lowest = min(low for low, _high in self.slices.values())
        before, since = self.floor or (lowest, self.watched)
        # An offset that has been lower for a day is right, and the floor was not.
        if lowest >= before - JUMP or self.watched - since > DAY:
            self.floor = (lowest, self.watched)


class ClockWatch:
    """Reads the clock of an installation, and stores the readings in its folder."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._readings: Readings | None = None
        self._read_at: float | None = None
        self._saved_at: float | None = None

    def bounds(self) -> TimeBounds:
        """Take a reading; return what all readings of the last day agree on."""
        with self._lock:
            return self._take_reading().bounds()

    def save(self) -> None:
        """Take a reading; store all of them once a minute, and a jump at once. Raises OSError."""
        with self._lock:
            readings = self._take_reading()
            now = uptime()
            if self._saved_at is None or now - self._saved_at >= SAVE_EVERY:
                atomic_write(self.file, serialize(readings).encode("ascii"))
                self._saved_at = now

    def _take_reading(self) -> Readings:
        if self._readings is None:
            self._readings = read_readings(self.file)
        before, self._read_at = self._read_at, uptime()
        elapsed = None if before is None else self._read_at - before
        jump = self._readings.add(utc_now().timestamp(), elapsed)
        if jump is not None:
            self._saved_at = None
            log.warning("The clock jumped from %s to %s", *_from_to(jump))
        return self._readings


def init_app(app: Flask) -> None:
    """Let the app's worker watch the clock."""
    app.extensions["psg_clock"] = ClockWatch(Path(app.instance_path, FILE))


def run(app: Flask) -> None:
    """Read the clock: a worker task."""
    watch: ClockWatch = app.extensions["psg_clock"]
    watch.save()


def time_bounds(app: Flask) -> TimeBounds:
    """Return what all readings of the last day agree on; in the worker's process only."""
    watch: ClockWatch = app.extensions["psg_clock"]
    return watch.bounds()


def corrected_time(app: Flask, now: datetime) -> datetime:
    """Return `now`, or while the clock is certainly behind, a time that is nearer to the present.

    For rows that are deleted by their age one day.
    """
    return max(now, read_readings(Path(app.instance_path, FILE)).not_before())


def uptime() -> float:
    """Return seconds that setting the clock does not change, time asleep included."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def read_readings(file: Path) -> Readings:
    """Return the readings that are stored in a file; none where it cannot be read."""
    try:
        return parse(file.read_bytes())
    except FileNotFoundError:
        return Readings()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("The readings of the clock are lost (%s); a day of them is needed anew", error)
        return Readings()


def check_clock(app: Flask) -> Iterator[Finding]:
    """Check whether the clock is right, and has been watched for long enough."""
    readings, now = read_readings(Path(app.instance_path, FILE)), utc_now().timestamp()
    if readings.shown is not None and now < readings.shown - JUMP:
        text = f"The clock shows {_format(now)}, and has shown {_format(readings.shown)} before"
        yield Finding("clock", FAULT, text, ADVICE)
    for jump in readings.jumps:
        text = "The clock jumped from {} to {}".format(*_from_to(jump))
        yield Finding("clock", ATTENTION, text, ADVICE)
    if not readings.settled:
        hours = int(readings.watched // 3600)
        text = f"Watched for {hours} hours; nothing is deleted by age before it was for 24"
        yield Finding("clock", OK, text)
    elif not readings.jumps:
        yield Finding("clock", OK, "Goes right")


def parse(content: bytes) -> Readings:
    """Return what `serialize` wrote. Raises ValueError, TypeError, KeyError, AttributeError."""
    data = json.loads(content)
    slices = {int(n): (float(low), float(high)) for n, (low, high) in data["slices"].items()}
    jumps = [Jump(float(a), float(b), float(c)) for a, b, c in data["jumps"]]
    floor = data["floor"] and (float(data["floor"][0]), float(data["floor"][1]))
    readings = Readings(float(data["watched"]), float(data["shown"]), slices, jumps, floor)
    numbers = [readings.watched, readings.shown or 0.0, *(floor or ())]
    numbers += [offset for pair in slices.values() for offset in pair]
    numbers += [part for jump in jumps for part in (jump.expected, jump.shown, jump.watched)]
    if not slices or not all(map(isfinite, numbers)):
        raise ValueError("not as it was written")
    return readings


def serialize(readings: Readings) -> str:
    """Return readings as JSON."""
    return json.dumps(
        {
            "watched": readings.watched,
            "shown": readings.shown,
            "slices": readings.slices,
            "jumps": [[jump.expected, jump.shown, jump.watched] for jump in readings.jumps],
            "floor": readings.floor,
        }
    )


def _datetime(seconds: float) -> datetime:
    """Return a datetime, at most at the bounds between which all dates in use lie."""
    bounded = min(max(seconds, LONG_AGO.timestamp()), NEVER.timestamp())
    return datetime.fromtimestamp(bounded, UTC)


def _from_to(jump: Jump) -> tuple[str, str]:
    return _format(jump.expected), _format(jump.shown)


def _format(seconds: float) -> str:
    return f"{_datetime(seconds).astimezone(LONDON):%Y-%m-%d %H:%M:%S %Z}"
