"""Kills a process at each file operation in turn."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link"}


def at_each_step(work: Callable[[], object], below: Path) -> Iterator[int]:
    """Do some work in processes that are killed at their first, second, ... operation in a folder.

    Yield the number of the operation each time that a process was killed there; stop once one has
    finished its work.
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
        # Files that rmtree removes are named without their path.
        here = event in {"os.remove", "os.rmdir"} or below in str(arguments[:2])
        if event in STEPS and here:
            taken += 1
            if taken == step:
                os._exit(9)

    sys.addaudithook(note)
