"""A disk that is full: what a test writes with, and what is left of it."""

import errno
import os

import pytest


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
