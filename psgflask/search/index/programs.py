"""Has runs written by programs of their own, one for each processor, so that all work at once."""

import contextlib
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from psgflask.search.index import runs
from psgflask.search.index.documents import Document
from psgflask.search.index.inverting import inverted
from psgflask.search.index.run_program import DONE, framed

MOST = 4
PROGRAM = Path(__file__).with_name("run_program.py")

Job = tuple[Path, list[Document]]


def processors() -> int:
    """Return how many processes may build at once here."""
    # Not every system tells which ones this process may use.
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(MOST, found or 1)


def written(jobs: Iterable[Job], processes: int) -> Iterator[tuple[Path, int]]:
    """Write a run of each job's documents into its file; yield it, and of how many, once it is.

    In the order of the jobs, of which one a program is taken in advance. With one process all is
    done here, and so is what a program leaves undone that dies.
    """
    if processes < 2:
        for file, documents in jobs:
            _write_here(file, documents)
            yield file, len(documents)
        return
    with contextlib.ExitStack() as open_ones:
        free = deque(open_ones.enter_context(_Program()) for _each in range(processes))
        busy: deque[tuple[_Program, Job]] = deque()
        for job in jobs:
            if not free:
                yield _finished(*busy[0])
                free.append(busy.popleft()[0])
            program = free.popleft()
            program.begin(*job)
            busy.append((program, job))
        while busy:
            yield _finished(*busy.popleft())


class _Program:
    """A running program; it ends when its standard input does, so also when we are killed."""

    def __init__(self) -> None:
        # Not by forking: other threads may hold locks. -P: this folder's modules have names of
        # the standard library's.
        self._process = subprocess.Popen(  # noqa: S603  # our own file
            [sys.executable, "-P", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None  # noqa: S101  # they are pipes
        assert self._process.stdout is not None  # noqa: S101  # the same
        self._to, self._from = self._process.stdin, self._process.stdout

    def __enter__(self) -> "_Program":
        return self

    def __exit__(self, *failure: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        # What it is at it ends first: the next rebuild goes on from there.
        self._process.wait()
        self._from.close()

    def begin(self, file: Path, documents: list[Document]) -> None:
        """Let it write a run; what it is doing must be finished."""
        with contextlib.suppress(BrokenPipeError):  # it is dead, as `is_done` will say
            self._to.write(framed(pickle.dumps((file, documents), pickle.HIGHEST_PROTOCOL)))
            self._to.flush()

    def is_done(self) -> bool:
        """Wait until it has written the run, and say whether it has."""
        return self._from.read(len(DONE)) == DONE


def _finished(program: _Program, job: Job) -> tuple[Path, int]:
    file, documents = job
    if not program.is_done():
        _write_here(file, documents)
    return file, len(documents)


def _write_here(file: Path, documents: list[Document]) -> None:
    runs.write(file, inverted(documents))
