"""The worker's lock: one worker an installation; its file says which of its tasks are in trouble.

The file is as long from the first moment on as it ever gets, and is written in its place: what is
in it can be changed when the disk is full.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "worker.lock"
SIZE = 8192  # bytes; ten tasks in trouble take less than half
LOOKS = 5  # of whoever reads while it is written


@dataclass(frozen=True)
class Trouble:
    """A task that fails, or does not come to an end: since when, how often, why, what to do."""

    task: str
    since: str  # a moment, ISO 8601
    times: int
    error: str
    advice: str


class Lock:
    """The lock, held until it is closed or the process ends."""

    def __init__(self, descriptor: int) -> None:
        # None once it is let go: its number may be another file's then.
        self._descriptor: int | None = descriptor
        self.write(())

    def write(self, troubles: Iterable[Trouble]) -> bool:
        """Say in the file which tasks are in trouble; False when it cannot be written."""
        if self._descriptor is None:
            return False
        content = json.dumps({"troubles": [asdict(trouble) for trouble in troubles]}).encode()
        try:
            return os.pwrite(self._descriptor, content.ljust(SIZE), 0) == SIZE
        except OSError:  # only where there never was room for it
            return False

    def close(self) -> None:
        """Let another worker take it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def take(instance: Path) -> Lock | None:
    """Take the lock of an installation; None while another worker holds it. Raises OSError."""
    descriptor = os.open(instance / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def is_held(instance: Path) -> bool:
    """Say whether a worker of this installation is at work, in whichever process."""
    try:
        with (instance / FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def troubles(instance: Path) -> list[Trouble] | None:
    """Return which tasks of the worker that holds the lock are in trouble.

    None where it could not write that down.
    """
    for _look in range(LOOKS):
        with suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads((instance / FILE).read_bytes())
            return [Trouble(**trouble) for trouble in told["troubles"]]
    return None
