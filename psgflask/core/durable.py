"""Files that survive a power cut, a kill or a full disk: written whole or not at all."""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psgflask.core.locks import flock


def fsync(path: Path) -> None:
    """Wait until a file's content, or the list of a folder's files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(file: Path, content: bytes) -> None:
    """Write a file for its owner alone and wait until it is on the disk.

    Raises OSError, and leaves nothing behind then.
    """
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write_at(handle, content, 0)
        os.fsync(handle)
    except BaseException:
        _remove(file)
        raise
    finally:
        os.close(handle)


def atomic_write(file: Path, content: bytes, *, temporary: Path | None = None) -> None:
    """Replace a file in one step: a reader sees the old content or the new.

    `temporary` is the file beside it that is written first, where one that a killed process left
    must not stay. Raises OSError, and leaves nothing behind then.
    """
    temporary = temporary or _temporary_name(file)
    write_synced(temporary, content)
    try:
        temporary.replace(file)
    except BaseException:
        _remove(temporary)
        raise
    fsync(file.parent)


def atomic_create(file: Path, content: bytes) -> None:
    """Write a file that does not exist yet, for its owner alone; it appears whole or not at all.

    Raises FileExistsError for one that exists, which stays as it is; OSError.
    """
    if file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
    temporary = _temporary_name(file)
    write_synced(temporary, content)
    try:
        os.link(temporary, file)
    except FileExistsError:  # another process was quicker
        raise
    except OSError:  # a file system without hard links
        temporary.replace(file)
    finally:
        _remove(temporary)
    fsync(file.parent)


def append_lines(file: Path, lines: Iterable[str]) -> None:
    """Add lines to the end of a text file, made for its owner alone: all of them or none.

    A last line that was cut off by a crash is ended first, so that it spoils no other. Raises
    OSError; the file is as it was then.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # some network disks have no locks
            flock(handle)
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
        fsync(file.parent)


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder for its owner alone, removed after the block; remove stale ones of `prefix`.

    Only for the process that has locked the parent (`locks.try_exclusive`): what it finds there
    belongs to processes that died.
    """
    remove_stale_folders(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_folders(parent: Path, prefix: str) -> None:
    """Remove temporary folders of a prefix whose process died."""
    for folder in parent.glob(f"{prefix}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _temporary_name(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")


def _write_at(handle: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
