"""Locks of those who change the index, across processes."""

import contextlib
import fcntl
from contextlib import AbstractContextManager
from pathlib import Path

WRITE, BUILD = "write.lock", "build.lock"


def take(folder: Path, name: str, *, wait: bool) -> AbstractContextManager[object] | None:
    """Take a lock of the index in a folder; None when it is taken and not waited for."""
    # Beside the folder: whoever empties that must not make a second lock possible.
    file = folder.with_name(f"{folder.name}.{name}").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return contextlib.closing(file)
