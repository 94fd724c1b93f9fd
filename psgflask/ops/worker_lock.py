"""The worker's lock: one worker per installation; its file lists the tasks that fail.

The file has its final size from the start and is written in place, so that its content can be
changed when the disk is full.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from psgflask.core.locks import FileLock

FILE = "worker.lock"
SIZE = 8192  # bytes; ten failing tasks take less than half
ATTEMPTS = 5  # to read it while it is being written


@dataclass(frozen=True)
class TaskFailure:
    """A task that fails or does not end: since when, how often, why, and what to do."""

    task: str
    since: str  # ISO 8601
    times: int
    error: str
    advice: str


class WorkerLock:
    """The lock, held until it is closed or the process ends."""

    def __init__(self, lock: FileLock) -> None:
        # None once released: its descriptor may be another file's then.
        self._lock: FileLock | None = lock
        self.write(())

    def write(self, failures: Iterable[TaskFailure]) -> bool:
        """Write to the file which tasks fail; return False when it cannot be written."""
        if self._lock is None:
            return False
        content = json.dumps({"troubles": [asdict(failure) for failure in failures]}).encode()
        try:
            return os.pwrite(self._lock.descriptor, content.ljust(SIZE), 0) == SIZE
        except OSError:  # only where there never was space for it
            return False

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def acquire(instance: Path) -> WorkerLock | None:
    """Take the lock of an installation; None while another worker holds it. Raises OSError."""
    try:
        return WorkerLock(FileLock(instance / FILE, create=True, wait=False))
    except BlockingIOError:
        return None


def is_held(instance: Path) -> bool:
    """Say whether a worker of this installation runs, in whichever process."""
    try:
        FileLock(instance / FILE, shared=True, wait=False).close()
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_failures(instance: Path) -> list[TaskFailure] | None:
    """Return the failing tasks of the worker that holds the lock; None where none are readable."""
    for _attempt in range(ATTEMPTS):
        with suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads((instance / FILE).read_bytes())
            return [TaskFailure(**failure) for failure in stored["troubles"]]
    return None
