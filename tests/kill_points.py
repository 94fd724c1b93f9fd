"""Ends a process at each step that it takes on the disk, one after the other."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link"}


def at_each_step(work: Callable[[], object], below: Path) -> Iterator[int]:
    """Do some work in processes that are ended before their first, second, ... step below a folder.

    Yield the number of the step each time that a process has ended there; stop when one has come
    to the end of its work.
    """
    step = 0
    while True:
        step += 1
        child = os.fork()
        if child == 0:
            _end_at(step, str(below))
            try:
                work()
            except BaseException:
                os._exit(2)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == 0:
            return
        assert ended == 9, f"step {step} ended with {ended}"
        yield step


def _end_at(step: int, below: str) -> None:
    taken = 0

    def note(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal taken
        # What is removed of a whole folder is named without its path.
        here = event in {"os.remove", "os.rmdir"} or below in str(arguments[:2])
        if event in STEPS and here:
            taken += 1
            if taken == step:
                os._exit(9)

    sys.addaudithook(note)
