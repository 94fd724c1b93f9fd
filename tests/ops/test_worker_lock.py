"""The worker's lock and what stands in it, as another process reads it."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from psgflask.ops import worker_lock
from psgflask.ops.worker_lock import SIZE, TaskFailure

ONE = TaskFailure(
    "mail", "2026-03-01T12:00:00+00:00", 3, "there is no room left on the disk", "Do it"
)


def taken(folder: Path) -> worker_lock.WorkerLock:
    lock = worker_lock.acquire(folder)
    assert lock is not None
    return lock


def test_one_process_holds_the_lock_until_it_is_released(tmp_path: Path) -> None:
    assert not worker_lock.is_held(tmp_path)
    with closing(taken(tmp_path)):
        assert worker_lock.is_held(tmp_path)
        assert worker_lock.acquire(tmp_path) is None
    assert not worker_lock.is_held(tmp_path)
    taken(tmp_path).close()
    assert (tmp_path / worker_lock.FILE).stat().st_mode & 0o077 == 0


def test_failing_tasks_are_read_from_the_file_and_cleared_by_the_next_worker(
    tmp_path: Path,
) -> None:
    with closing(taken(tmp_path)) as lock:
        assert worker_lock.read_failures(tmp_path) == []
        assert lock.write([ONE])
        assert worker_lock.read_failures(tmp_path) == [ONE]
    with closing(taken(tmp_path)):
        assert worker_lock.read_failures(tmp_path) == []


def test_r4_it_can_be_written_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file never grows: its places on the disk are its own from the first moment on."""
    with closing(taken(tmp_path)) as lock:
        file = tmp_path / worker_lock.FILE
        before = file.stat()
        assert before.st_size == SIZE
        many = [TaskFailure(f"task {n}", ONE.since, 10**6, "w" * 200, "a" * 100) for n in range(10)]
        assert lock.write(many)
        assert worker_lock.read_failures(tmp_path) == many
        after = file.stat()
        assert (after.st_ino, after.st_size, after.st_blocks) == (
            *(before.st_ino, before.st_size, before.st_blocks),
        )


def test_a_lock_file_without_space_on_the_disk_reports_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        lock = taken(tmp_path)
        assert not lock.write([ONE])
        assert worker_lock.read_failures(tmp_path) is None
    with closing(lock):
        assert lock.write([ONE])
        assert worker_lock.read_failures(tmp_path) == [ONE]


@pytest.mark.parametrize("content", ["", "{}", '{"troubles": [{}]}', '{"troubles": 3}', "\x00" * 9])
def test_an_unreadable_lock_file_reports_no_tasks(tmp_path: Path, content: str) -> None:
    (tmp_path / worker_lock.FILE).write_text(content)
    assert worker_lock.read_failures(tmp_path) is None
