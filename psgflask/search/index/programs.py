"""Has runs written by programs of their own, one for each processor, so that all work at once."""

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
from psgflask.search.index.run_program import DONE, framed
from psgflask.search.index.runs import Run

log = logging.getLogger(__name__)

MOST = 4
# Seconds, where a run takes about one: a program that takes so long hangs and is killed.
LIMIT = 120
PROGRAM = Path(__file__).with_name("run_program.py")
UNDONE = "A program that writes runs for the index %s; its work is done without it"

Job = tuple[Path, list[Document]]


def processors() -> int:
    """Return how many processes may build at once here."""
    # Not every system tells which ones this process may use.
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST, found or 1)


def written(jobs: Iterable[Job], processes: int) -> Iterator[Run]:
    """Write a run of each job's documents into its file; yield it once it is; the caller closes it.

    In the order of the jobs, of which one a program is taken in advance. With one process all is
    done here, and so is what a program leaves undone, which is given no more.
    """
    with contextlib.ExitStack() as open_ones:
        free = _started(processes if processes > 1 else 0, open_ones)
        busy: deque[tuple[_Program, Job]] = deque()
        for job in jobs:
            while busy and not free:
                yield _finished(busy, free)
            if free:
                program = free.popleft()
                program.begin(*job)
                busy.append((program, job))
            else:
                yield _written_here(*job)
        while busy:
            yield _finished(busy, free)


class _Program:
    """A running program; it ends when its standard input does, so also when we are killed."""

    def __init__(self) -> None:
        # Not by forking: other threads may hold locks. -P: this folder's modules have names of
        # the standard library's.
        self._process = subprocess.Popen(  # noqa: S603  # our own file
            [sys.executable, "-P", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101  # they are pipes
        assert self._process.stdout is not None  # noqa: S101  # the same
        self._to, self._from = self._process.stdin, self._process.stdout
        os.set_blocking(self._to.fileno(), False)
        self._taken = True

    def __enter__(self) -> "_Program":
        return self

    def __exit__(self, *failure: object) -> None:
        self._to.close()
        # What it is at it ends first: the next rebuild goes on from there.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LIMIT)
        self._process.kill()
        self._process.wait()
        self._from.close()

    def begin(self, file: Path, documents: list[Document]) -> None:
        """Let it write a run; what it is doing must be finished."""
        left = memoryview(framed(pickle.dumps((file, documents), pickle.HIGHEST_PROTOCOL)))
        with contextlib.suppress(BrokenPipeError):  # it is dead, as `written` will say
            while left and _ready(self._to, POLLOUT, LIMIT):
                left = left[os.write(self._to.fileno(), left) :]
        self._taken = not left

    def written(self, file: Path) -> Run | None:
        """Wait until it has written the run, and open that; None when there is none of our make."""
        # One that has not even taken the job was waited for already.
        answers = _ready(self._from, POLLIN, LIMIT if self._taken else 0)
        said = os.read(self._from.fileno(), len(DONE)) if answers else None
        # It has loaded what code is there now, and we perhaps what was there before an update.
        run = Run.found(file) if said == DONE else None
        if run is None:
            fault = "hangs" if said is None else "is of other code" if said else "has died"
            log.warning(UNDONE, fault)
            self._process.kill()
        return run


def _ready(stream: IO[bytes], event: int, limit: float) -> bool:
    """Wait so many seconds until a pipe can be read or written, or is broken; say whether it is."""
    waiting = poll()
    waiting.register(stream, event)
    return bool(waiting.poll(limit * 1000))


def _started(count: int, open_ones: contextlib.ExitStack) -> deque[_Program]:
    """Start so many programs, or as many as the system has room for."""
    found: deque[_Program] = deque()
    try:
        for _each in range(count):
            found.append(open_ones.enter_context(_Program()))
    except OSError as error:
        log.warning("%s of %s programs that write runs were started: %s", len(found), count, error)
    return found


def _finished(busy: deque[tuple[_Program, Job]], free: deque[_Program]) -> Run:
    """Return the run that was begun first; its program is free again if it has written it."""
    program, (file, documents) = busy.popleft()
    run = program.written(file)
    if run is None:
        return _written_here(file, documents)
    free.append(program)
    return run


def _written_here(file: Path, documents: list[Document]) -> Run:
    runs.write(file, inverted(documents))
    return Run.open(file)
