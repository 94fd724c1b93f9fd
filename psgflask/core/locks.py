"""File locks (flock): held by one process at a time, until released or until it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


def flock(descriptor: int, *, shared: bool = False, wait: bool = True) -> None:
    """Lock an open file, exclusively or `shared`, until its descriptor is closed.

    Raises BlockingIOError where another process holds it and is not waited for; OSError where the
    file system has no locks.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)


class FileLock:
    """A lock on a file, or on a folder, held until it is closed or the process ends."""

    def __init__(
        self, path: Path, *, create: bool = False, shared: bool = False, wait: bool = True
    ) -> None:
        """Open and lock a file; `create` makes it, for its owner alone. Raises as `flock` does."""
        flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
        self.descriptor = os.open(path, flags, 0o600)
        try:
            flock(self.descriptor, shared=shared, wait=wait)
        except BaseException:
            os.close(self.descriptor)
            raise

    def __enter__(self) -> Self:
        """Hold the lock for the length of the block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Release it."""
        self.close()

    def close(self) -> None:
        """Release the lock."""
        os.close(self.descriptor)


@contextmanager
def try_exclusive(folder: Path) -> Iterator[bool]:
    """Lock a folder for the length of the block without waiting; yield whether that succeeded.

    Where folders cannot be locked (some network disks) it counts as locked. Raises OSError where
    the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(descriptor, wait=False)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
        yield True
    finally:
        os.close(descriptor)
