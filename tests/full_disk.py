"""A full disk, simulated: writes and fsync fail."""

import errno
import os
import sqlite3

import pytest

WORDS = {
    sqlite3.SQLITE_FULL: "database or disk is full",
    sqlite3.SQLITE_READONLY: "attempt to write a readonly database",
    sqlite3.SQLITE_CANTOPEN: "unable to open database file",
}


def of_sqlite(code: int) -> sqlite3.OperationalError:
    """Return the error that SQLite raises for a code."""
    error = sqlite3.OperationalError(WORDS[code])
    error.sqlite_errorcode = code
    return error


def no_fsync(patched: pytest.MonkeyPatch) -> None:
    """Make every fsync fail, as where space runs out on delayed allocation."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(os, "fsync", full)


def no_room_after(patched: pytest.MonkeyPatch, count: int) -> None:
    """Let `os.pwrite` write `count` bytes, then fail: the disk is full."""
    left = count
    real = os.pwrite

    def write(handle: int, content: bytes | memoryview, place: int) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = real(handle, content[:left], place)
        left -= done
        return done

    patched.setattr(os, "pwrite", write)
