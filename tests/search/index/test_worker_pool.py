"""Worker processes that fail: each run is written in the end, and the log says why."""

import contextlib
import errno
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psgflask.search.index import worker_pool
from psgflask.search.index.runs import SortedRun
from tests.search.corpus import document

CHUNKS = [[1, 2], [3], [4, 5], [6], [7]]
ALL = [number for chunk in CHUNKS for number in chunk]

# The script of the worker process, with a line that runs before anything else.
CHANGED = """
import os, runpy, sys, time
there = runpy.run_path({script!r})
there["make_packages"]()
from psgflask.search.index import runs
{line}
there["main"]()
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The worker processes that are started."""
    start = subprocess.Popen
    found: list[subprocess.Popen[bytes]] = []

    def noting(*args: Any, **said: Any) -> subprocess.Popen[bytes]:
        found.append(start(*args, **said))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", noting)
    return found


def change(monkeypatch: pytest.MonkeyPatch, folder: Path, line: str) -> None:
    """Let the worker processes run a line first."""
    changed = folder / "changed.py"
    changed.write_text(CHANGED.format(script=str(worker_pool.SCRIPT), line=line))
    monkeypatch.setattr(worker_pool, "SCRIPT", changed)


def written(folder: Path, body: str = "") -> Iterator[SortedRun]:
    """Let two worker processes write the runs of all chunks."""
    jobs = (
        (folder / f"run{chunk[0]}", [document(number, "Title", body) for number in chunk])
        for chunk in CHUNKS
    )
    return worker_pool.write_runs(jobs, 2)


def ids(found: Iterator[SortedRun]) -> list[list[int]]:
    """Return the ids of each run, and close it."""
    read = []
    for run in found:
        with contextlib.closing(run):
            read.append(run.ids)
    return read


OTHER_MAKE = "runs.VERSION += 1"
OTHER_SCHEMA = "runs.SCHEMA_VERSION += 1"
UNWRITTEN = "runs.write = lambda file, arrays: None"
CUT_SHORT = "runs.write = lambda file, arrays: file.write_bytes(b'cut short')"
READS_NOTHING = "time.sleep(30)"
NEVER_ENDS = "import atexit; atexit.register(time.sleep, 30)"
FIRST_DIES = """
try:
    os.mkdir({folder!r})
except FileExistsError:
    pass
else:
    sys.exit()
"""


@pytest.mark.parametrize("line", [OTHER_MAKE, OTHER_SCHEMA, UNWRITTEN, CUT_SHORT])
def test_a_run_of_other_code_is_written_again_and_its_process_gets_no_further_job(
    tmp_path: Path,
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    line: str,
) -> None:
    change(monkeypatch, tmp_path, line)
    assert ids(written(tmp_path)) == CHUNKS
    assert made == ALL
    assert caplog.messages == [worker_pool.FAILED % "is of other code"] * 2
    # What stays in the files was written by this code too.
    for chunk in CHUNKS:
        run = SortedRun.open_valid(tmp_path / f"run{chunk[0]}") or pytest.fail("not found")
        run.close()


def test_if_one_of_two_processes_dies_the_other_goes_on(
    tmp_path: Path,
    made: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change(monkeypatch, tmp_path, FIRST_DIES.format(folder=str(tmp_path / "first")))
    assert ids(written(tmp_path)) == CHUNKS
    assert made in CHUNKS[:2]
    assert caplog.messages == [worker_pool.FAILED % "has died"]


@pytest.mark.parametrize(("room", "made_here"), [(0, ALL), (1, [])])
def test_as_many_processes_work_as_can_be_started(
    tmp_path: Path,
    made: list[int],
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    room: int,
    made_here: list[int],
) -> None:
    start = subprocess.Popen

    def starting(*args: Any, **said: Any) -> Any:
        if len(started) == room:
            raise OSError(errno.EAGAIN, "no room")
        return start(*args, **said)

    monkeypatch.setattr(subprocess, "Popen", starting)
    assert ids(written(tmp_path)) == CHUNKS
    assert made == made_here
    assert [f"{room} of 2 programs" in message for message in caplog.messages] == [True]
    assert [process.returncode for process in started] == [0] * room


@pytest.mark.parametrize("body", ["", "more than fits into a pipe " * 10_000])
def test_a_process_that_hangs_is_killed_and_its_run_written_here(
    tmp_path: Path,
    made: list[int],
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    body: str,
) -> None:
    change(monkeypatch, tmp_path, READS_NOTHING)
    monkeypatch.setattr(worker_pool, "TIMEOUT", 0.05)
    assert ids(written(tmp_path, body)) == CHUNKS
    assert made == ALL
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2
    assert caplog.messages == [worker_pool.FAILED % "hangs"] * 2


def test_a_process_that_does_not_end_when_all_is_written_is_killed(
    tmp_path: Path,
    made: list[int],
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(monkeypatch, tmp_path, NEVER_ENDS)
    for run in written(tmp_path):
        run.close()
        if run.ids == CHUNKS[-1]:
            monkeypatch.setattr(worker_pool, "TIMEOUT", 0.05)
    assert made == []
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2
