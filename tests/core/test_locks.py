"""File locks: exclusive or shared, waited for or not, and released with their holder."""

from pathlib import Path

import pytest

from psgflask.core import locks
from psgflask.core.locks import FileLock


def test_an_exclusive_lock_is_held_until_it_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    held = FileLock(file, create=True)
    with pytest.raises(BlockingIOError):
        FileLock(file, wait=False)
    held.close()
    with FileLock(file, wait=False), pytest.raises(BlockingIOError):
        FileLock(file, shared=True, wait=False)
    FileLock(file, wait=False).close()
    assert file.stat().st_mode & 0o077 == 0


def test_shared_locks_exclude_only_exclusive_ones(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path, shared=True, wait=False),
        FileLock(tmp_path, shared=True, wait=False),
        pytest.raises(BlockingIOError),
    ):
        FileLock(tmp_path, wait=False)


def test_a_lock_that_is_not_got_leaves_no_file_open(tmp_path: Path) -> None:
    with FileLock(tmp_path):
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(BlockingIOError):
            FileLock(tmp_path, wait=False)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_only_one_process_locks_a_folder(tmp_path: Path) -> None:
    with locks.try_exclusive(tmp_path) as first, locks.try_exclusive(tmp_path) as second:
        assert (first, second) == (True, False)
    with locks.try_exclusive(tmp_path) as again:
        assert again


def test_a_file_system_without_locks_counts_as_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*args: object, **kwargs: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks, "flock", unsupported)
    with locks.try_exclusive(tmp_path) as locked:
        assert locked
