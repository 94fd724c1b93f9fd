"""A disk that is full: what a test writes with, and what is left of it."""

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
    """Let nothing be brought to the disk: where it was only promised room, that is told now."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(os, "fsync", full)


def no_room_after(patched: pytest.MonkeyPatch, count: int) -> None:
    """Let no more than `count` bytes be written by `os.pwrite`: then there is no room left."""
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
