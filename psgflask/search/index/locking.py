"""Locks of the processes that change the index."""

from pathlib import Path

from psgflask.core.locks import FileLock

WRITE, BUILD = "write.lock", "build.lock"


def take(folder: Path, name: str, *, wait: bool) -> FileLock | None:
    """Take a lock of the index in a folder; None when it is held and not waited for."""
    # Beside the folder: emptying that must not make a second lock possible.
    try:
        return FileLock(folder.with_name(f"{folder.name}.{name}"), create=True, wait=wait)
    except BlockingIOError:
        return None
