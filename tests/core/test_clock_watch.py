"""R14: a clock that is wrong for less than a day deletes nothing early."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core import clock_watch
from psgflask.core.clock_watch import DAY, LONG_AGO, NEVER, SLICE, ClockWatch, Readings
from psgflask.core.findings import ATTENTION, FAULT, OK
from psgflask.ops import worker

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
START = NOON.timestamp()
AHEAD = 100 * DAY


class Machine:
    """A machine with its true time, its clock, and the readings of it."""

    def __init__(self, readings: Readings | None = None) -> None:
        self.true = START
        self.wrong_by = 0.0
        self.readings = readings or Readings()
        self.running = False

    def go(self, seconds: float, step: float = SLICE) -> None:
        """Let time pass, reading the clock at each step."""
        ends = self.true + seconds
        while self.true < ends:
            passed = min(step, ends - self.true)
            self.true += passed
            self.read(passed)

    def read(self, passed: float) -> None:
        self.readings.add(self.true + self.wrong_by, passed if self.running else None)
        self.running = True

    def stop(self, seconds: float) -> None:
        """Be off for a while; the readings are stored."""
        self.readings = clock_watch.parse(clock_watch.serialize(self.readings).encode())
        self.running = False
        self.true += seconds

    @property
    def earliest_is_off_by(self) -> float:
        """By how much the earliest bound exceeds the true time."""
        return self.readings.bounds().earliest.timestamp() - self.true

    @property
    def latest_is_off_by(self) -> float:
        return self.readings.bounds().latest.timestamp() - self.true


@pytest.fixture
def watched() -> Machine:
    """A machine whose clock has been right for two days."""
    machine = Machine()
    machine.go(2 * DAY)
    return machine


def test_until_the_clock_is_watched_for_a_day_the_time_is_unbounded() -> None:
    machine = Machine()
    machine.go(DAY)
    assert machine.readings.bounds() == clock_watch.TimeBounds(LONG_AGO, NEVER)
    machine.go(SLICE)
    assert machine.earliest_is_off_by == pytest.approx(0)


@pytest.mark.parametrize("seconds", [15, 3600, DAY - SLICE])
@pytest.mark.parametrize("off", [AHEAD, DAY, 61])
def test_r14_a_clock_that_is_ahead_for_less_than_a_day_ages_nothing(
    watched: Machine, off: float, seconds: float
) -> None:
    watched.wrong_by = off
    watched.go(seconds, step=5)
    assert watched.earliest_is_off_by == pytest.approx(0, abs=0.01)
    watched.wrong_by = 0
    watched.go(5)
    assert watched.earliest_is_off_by == pytest.approx(0, abs=0.01)
    watched.go(DAY + 2 * SLICE)
    assert watched.latest_is_off_by == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("off", [-AHEAD, -DAY, -61, -START])
def test_r14_a_clock_that_is_behind_puts_no_present_date_in_the_future(
    watched: Machine, off: float
) -> None:
    watched.wrong_by = off
    watched.go(DAY / 2, step=60)
    assert watched.latest_is_off_by == pytest.approx(0, abs=0.01)
    assert watched.readings.not_before().timestamp() == pytest.approx(watched.true, abs=0.01)


def test_r14_a_jump_while_the_machine_is_off_ages_nothing(watched: Machine) -> None:
    watched.stop(3600)
    watched.wrong_by = AHEAD
    watched.go(DAY - SLICE)
    assert watched.earliest_is_off_by <= 0
    watched.wrong_by = 0
    watched.go(DAY + 2 * SLICE)
    assert watched.earliest_is_off_by == pytest.approx(0, abs=0.01)


def test_a_worker_restarted_every_hour_still_watches_for_a_day() -> None:
    machine = Machine()
    for _hour in range(26):
        machine.go(3600, step=60)
        machine.stop(60)
    assert machine.readings.settled
    assert -26 * 120 <= machine.earliest_is_off_by <= 0


def test_a_pause_of_any_length_counts_as_one_round() -> None:
    machine = Machine()
    machine.go(50 * DAY, step=DAY)
    assert machine.readings.bounds() == clock_watch.TimeBounds(LONG_AGO, NEVER)
    machine.go(DAY + 2 * SLICE)
    assert machine.earliest_is_off_by == pytest.approx(0)


def test_a_clock_that_stays_shifted_for_a_day_is_trusted(
    watched: Machine,
) -> None:
    watched.wrong_by = AHEAD
    watched.go(DAY + 3 * SLICE)
    assert watched.earliest_is_off_by == pytest.approx(AHEAD)


Step = tuple[str, float, float]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(["wrong", "wrong", "right", "off"]),
        st.floats(1, DAY - 3 * SLICE),  # how long
        st.sampled_from([-START, -AHEAD, -DAY, -3600.0, 90.0, 3600.0, DAY, AHEAD, 40 * AHEAD]),
    ),
    max_size=8,
)


@given(steps=STEPS, pace=st.sampled_from([97.0, 599.0, 5000.0]))
def test_r14_nothing_is_deleted_too_early_whatever_the_clock_does_for_less_than_a_day(
    steps: list[Step], pace: float
) -> None:
    """A row is added at each step; it is deleted once the earliest bound makes it 90 days old."""
    machine, kept, life = Machine(), {}, 90 * DAY
    machine.go(2 * DAY)
    # Wrong for less than a day in all between two readings that are right.
    wrong = 0.0

    def look() -> None:
        now = machine.true + machine.wrong_by
        made = max(now, machine.readings.not_before().timestamp())
        kept[made] = machine.true
        agreed = machine.readings.bounds().earliest.timestamp()
        for dated in [dated for dated in kept if dated <= agreed - life]:
            assert machine.true - kept.pop(dated) >= life - 1

    for kind, seconds, off in steps:
        if kind == "off":
            machine.stop(seconds)
            wrong += SLICE  # what the next start takes before it reads
            continue
        if kind == "wrong" and wrong + seconds < DAY - 4 * SLICE:
            machine.wrong_by, wrong = off, wrong + seconds
        else:
            machine.wrong_by, wrong = 0.0, 0.0
        for _part in range(4):
            machine.go(seconds / 4, step=pace)
            look()
    machine.wrong_by = 0.0
    last = max(kept, default=machine.true)
    machine.go(DAY + 3 * SLICE)
    machine.stop(max(last, machine.true) + life - machine.true)
    machine.go(DAY + 3 * SLICE)
    look()
    assert [dated for dated in kept if kept[dated] < machine.true] == []


# Jumps


def test_a_jump_is_reported_for_a_week(watched: Machine) -> None:
    watched.wrong_by = AHEAD
    watched.go(5)
    watched.go(3600)
    watched.wrong_by = 0
    watched.go(5)
    there, back = watched.readings.jumps
    assert there.shown - there.expected == pytest.approx(AHEAD)
    assert back.shown - back.expected == pytest.approx(-AHEAD)
    watched.go(6 * DAY)
    assert len(watched.readings.jumps) == 2
    watched.go(2 * DAY)
    assert watched.readings.jumps == []


@pytest.mark.parametrize("off", [1, -1, 59, -59])
def test_a_small_correction_is_no_jump(watched: Machine, off: float) -> None:
    watched.wrong_by = off
    watched.go(60)
    assert watched.readings.jumps == []


def test_a_clock_behind_its_last_reading_before_a_restart_has_jumped(
    watched: Machine,
) -> None:
    watched.stop(3600)
    watched.wrong_by = -AHEAD
    watched.go(5)
    assert len(watched.readings.jumps) == 1
    watched.stop(3600)  # as it should
    watched.go(5)
    assert len(watched.readings.jumps) == 1


# The file, the worker and the doctor


class FakeClock:
    """The time of the clock and the uptime, set by tests."""

    def __init__(self) -> None:
        self.now, self.up = NOON, 1000.0

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.up += seconds


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    machine = FakeClock()
    monkeypatch.setattr(clock_watch, "utc_now", lambda: machine.now)
    monkeypatch.setattr(clock_watch, "uptime", lambda: machine.up)
    return machine


@pytest.fixture
def file(app: Flask) -> Path:
    return Path(app.instance_path, clock_watch.FILE)


def findings(app: Flask) -> list[tuple[str, str]]:
    return [(finding.state, finding.text) for finding in clock_watch.check_clock(app)]


def test_the_worker_reads_the_clock_first_in_every_round() -> None:
    assert worker.TASKS[0].run is clock_watch.run


def test_readings_are_stored_once_a_minute_and_survive_the_process(
    app: Flask, make_app: Callable[..., Flask], fake: FakeClock, file: Path
) -> None:
    clock_watch.run(app)
    first = file.read_bytes()
    fake.forward(59)
    clock_watch.run(app)
    assert file.read_bytes() == first
    fake.forward(1)
    clock_watch.run(app)
    assert clock_watch.read_readings(file).watched == 60
    again = make_app()
    fake.forward(5)
    clock_watch.run(again)
    fake.forward(60)
    clock_watch.run(again)
    assert clock_watch.read_readings(file).watched == 120


def test_a_jump_is_logged_and_stored_at_once(
    app: Flask, fake: FakeClock, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock_watch.run(app)
    fake.forward(5)
    fake.now += timedelta(days=100)
    clock_watch.run(app)
    assert "jumped from 2026-11-30 12:00:05 GMT to 2027-03-10 12:00:05 GMT" in caplog.text
    assert len(clock_watch.read_readings(file).jumps) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff", b'{"watched": NaN}', b'{"watched": 1e999}'],
)
def test_an_unreadable_file_restarts_the_day_of_readings(
    app: Flask,
    fake: FakeClock,
    file: Path,
    content: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file.write_bytes(content)
    assert clock_watch.time_bounds(app) == clock_watch.TimeBounds(LONG_AGO, NEVER)
    assert "a day of them is needed anew" in caplog.text
    clock_watch.run(app)
    assert clock_watch.read_readings(file).watched == 0


@pytest.mark.parametrize("where", ["watched", "shown", "floor", "slices"])
def test_a_file_with_nan_is_ignored(app: Flask, fake: FakeClock, file: Path, where: str) -> None:
    clock_watch.run(app)
    written = json.loads(file.read_bytes())
    bad = float("nan")
    written[where] = {"floor": [bad, 0], "slices": {"0": [bad, bad]}}.get(where, bad)
    file.write_text(json.dumps(written))
    assert clock_watch.read_readings(file) == Readings()


def test_r14_a_corrected_time_is_never_certainly_past(app: Flask, file: Path) -> None:
    assert clock_watch.corrected_time(app, NOON) == NOON
    machine = Machine()
    machine.true -= 2 * DAY
    machine.go(2 * DAY)
    file.write_text(clock_watch.serialize(machine.readings))
    behind = LONG_AGO + timedelta(seconds=30)  # a start before the network answers
    assert abs(clock_watch.corrected_time(app, behind) - NOON) < timedelta(seconds=1)
    later = NOON + timedelta(days=3)
    assert clock_watch.corrected_time(app, later) == later


def test_the_doctor_reports_on_the_clock(app: Flask, fake: FakeClock) -> None:
    ((state, text),) = findings(app)
    assert state == OK
    assert "0 hours" in text
    for _step in range(150):
        clock_watch.run(app)
        fake.forward(SLICE)
    assert findings(app) == [(OK, "Goes right")]
    fake.now += timedelta(days=100)
    clock_watch.run(app)
    fake.now -= timedelta(days=100)
    ((fault, _text), (attention, _jump)) = findings(app)
    assert (fault, attention) == (FAULT, ATTENTION)
    clock_watch.run(app)
    there, back = findings(app)
    assert there[0] == back[0] == ATTENTION
    assert "jumped from 2026-12-01" in there[1]
    assert "to 2026-12-01" in back[1]


def test_a_full_disk_does_not_stop_the_readings(
    app: Flask, fake: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clock_watch, "atomic_write", full)
    with pytest.raises(OSError, match="No space"):
        clock_watch.run(app)
    for _step in range(150):
        fake.forward(SLICE)
        seen = clock_watch.time_bounds(app)
    assert seen.earliest == fake.now


def test_the_uptime_never_goes_back() -> None:
    assert clock_watch.uptime() <= clock_watch.uptime()


def test_a_watch_without_a_file_has_no_bounds(tmp_path: Path) -> None:
    assert ClockWatch(tmp_path / "none").bounds() == clock_watch.TimeBounds()
