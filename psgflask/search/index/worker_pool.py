"""Worker processes that write sorted runs, one for each processor, so that all work at once."""

import contextlib
import logging
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from select import POLLIN, POLLOUT, poll
from typing import IO

from psgflask.search.index import runs
from psgflask.search.index.documents import Document
from psgflask.search.index.inverting import inverted
from psgflask.search.index.runs import SortedRun
from psgflask.search.index.worker_process import DONE, framed

log = logging.getLogger(__name__)

MOST = 4
# Seconds, where a run takes about one: a worker process that takes so long hangs and is killed.
TIMEOUT = 120
SCRIPT = Path(__file__).with_name("worker_process.py")
FAILED = "A program that writes runs for the index %s; its work is done without it"

RunJob = tuple[Path, list[Document]]


def processors() -> int:
    """Return how many processes may index at once here."""
    # Not every system reports which ones this process may use.
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST, found or 1)


def write_runs(jobs: Iterable[RunJob], processes: int) -> Iterator[SortedRun]:
    """Write a run of each job's documents into its file; yield it; the caller closes it.

    In the order of the jobs, one of which is taken in advance for each worker process. With one
    process all is done in this one, and so is what a worker process leaves undone, which gets no
    further job.
    """
    with contextlib.ExitStack() as stack:
        idle = _started(processes if processes > 1 else 0, stack)
        busy: deque[tuple[_WorkerProcess, RunJob]] = deque()
        for job in jobs:
            while busy and not idle:
                yield _finished(busy, idle)
            if idle:
                worker = idle.popleft()
                worker.begin(*job)
                busy.append((worker, job))
            else:
                yield _write_here(*job)
        while busy:
            yield _finished(busy, idle)


class _WorkerProcess:
    """A running worker process; it ends when its standard input does, so also when we are killed.

    Started, not forked: other threads may hold locks.
    """

    def __init__(self) -> None:
        # -P: modules in this folder have the names of modules of the standard library.
        self._process = subprocess.Popen(  # noqa: S603  # our own file
            [sys.executable, "-P", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101  # they are pipes
        assert self._process.stdout is not None  # noqa: S101  # the same
        self._to, self._from = self._process.stdin, self._process.stdout
        os.set_blocking(self._to.fileno(), False)
        self._sent = True

    def __enter__(self) -> "_WorkerProcess":
        return self

    def __exit__(self, *failure: object) -> None:
        self._to.close()
        # It finishes the run that it is writing: the next rebuild resumes from there.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(TIMEOUT)
        self._process.kill()
        self._process.wait()
        self._from.close()

    def begin(self, file: Path, documents: list[Document]) -> None:
        """Send it a job; the one before must be finished."""
        left = memoryview(framed(pickle.dumps((file, documents), pickle.HIGHEST_PROTOCOL)))
        with contextlib.suppress(BrokenPipeError):  # it is dead, as `finish` will notice
            while left and _ready(self._to, POLLOUT, TIMEOUT):
                left = left[os.write(self._to.fileno(), left) :]
        self._sent = not left

    def finish(self, file: Path) -> SortedRun | None:
        """Wait until it has written the run, and open that; None where that failed."""
        # If it has not even read the job, the timeout has passed already.
        answers = _ready(self._from, POLLIN, TIMEOUT if self._sent else 0)
        answer = os.read(self._from.fileno(), len(DONE)) if answers else None
        # It has imported the code as it is now, this process perhaps that of before an update.
        run = SortedRun.open_valid(file) if answer == DONE else None
        if run is None:
            reason = "hangs" if answer is None else "is of other code" if answer else "has died"
            log.warning(FAILED, reason)
            self._process.kill()
        return run


def _ready(stream: IO[bytes], event: int, timeout: float) -> bool:
    """Wait so many seconds until a pipe can be read or written, or is broken; say whether it is."""
    polling = poll()
    polling.register(stream, event)
    return bool(polling.poll(timeout * 1000))


def _started(count: int, stack: contextlib.ExitStack) -> deque[_WorkerProcess]:
    """Start so many worker processes, or as many as the system allows."""
    workers: deque[_WorkerProcess] = deque()
    try:
        for _each in range(count):
            workers.append(stack.enter_context(_WorkerProcess()))
    except OSError as error:
        log.warning(
            "%s of %s programs that write runs were started: %s", len(workers), count, error
        )
    return workers


def _finished(busy: deque[tuple[_WorkerProcess, RunJob]], idle: deque[_WorkerProcess]) -> SortedRun:
    """Return the run that was begun first; its worker is idle again if it has written it."""
    worker, (file, documents) = busy.popleft()
    run = worker.finish(file)
    if run is None:
        return _write_here(file, documents)
    idle.append(worker)
    return run


def _write_here(file: Path, documents: list[Document]) -> SortedRun:
    runs.write(file, inverted(documents))
    return SortedRun.open(file)
