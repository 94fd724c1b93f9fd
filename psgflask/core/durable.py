"""Files that outlast a power cut, a kill or a full disk: written whole or not at all."""

import errno
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def keep_on_disk(file: Path) -> None:
    """Wait until what is written of a file, or of a folder's list, would survive a power cut."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new.

    Raises OSError, and leaves nothing behind then.
    """
    beside = _written_beside(file, content)
    try:
        beside.replace(file)
    except BaseException:
        _remove(beside)
        raise
    keep_on_disk(file.parent)


def write_new(file: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner alone; it is there whole or not at all.

    Raises FileExistsError for one that is there, which is left as it is; OSError.
    """
    if file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
    beside = _written_beside(file, content)
    try:
        os.link(beside, file)
    except FileExistsError:  # somebody was quicker
        raise
    except OSError:  # a disk that knows no links
        beside.replace(file)
    finally:
        _remove(beside)
    keep_on_disk(file.parent)


def append_lines(file: Path, lines: Iterable[str]) -> None:
    """Add lines to the end of a text file, made for its owner alone: all of them or none.

    A last line that was cut off, by a crash of whoever wrote it, is ended first, so that it spoils
    no other. Raises OSError; the file is as it was then.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            content = b"\n" + content
        try:
            _write_at(handle, content, size)
            os.fsync(handle)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if not size:
        keep_on_disk(file.parent)


def _written_beside(file: Path, content: bytes) -> Path:
    beside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write_at(handle, content, 0)
        os.fsync(handle)
    except BaseException:
        _remove(beside)
        raise
    finally:
        os.close(handle)
    return beside


def _write_at(handle: int, content: bytes, place: int) -> None:
    view = memoryview(content)
    while view:
        done = os.pwrite(handle, view, place)
        view, place = view[done:], place + done


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


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
