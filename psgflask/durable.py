"""Files that survive a power cut: written whole or not at all; work that a kill may cut short."""

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def keep_on_disk(file: Path) -> None:
    """Wait until what is written of a file, or of a folder's list, would survive a power cut."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    with beside.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
    keep_on_disk(file.parent)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Say whether nobody else works in a folder, and keep others out of it meanwhile.

    The system lets go of it when the process ends, however that comes about. Where folders cannot
    be locked (some network disks) it is taken for granted.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
        yield True
    finally:
        os.close(handle)


@contextmanager
def workshop(folder: Path, prefix: str) -> Iterator[Path]:
    """Make a folder for its owner alone, gone in the end, and remove those of the same prefix.

    Only for whoever is `alone` in the folder: then what is left there is of processes that died.
    """
    clear(folder, prefix)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def clear(folder: Path, prefix: str) -> None:
    """Remove what workshops of a prefix left whose process died."""
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
