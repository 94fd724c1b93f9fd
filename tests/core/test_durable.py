"""Files are written whole or not at all, whatever fails on the way."""

import os
import stat
import threading
from pathlib import Path

import pytest

from psgflask.core import durable
from tests.full_disk import no_fsync, no_room_after


def test_a_file_is_replaced_atomically_with_mode_0600(tmp_path: Path) -> None:
    file = tmp_path / "file"
    durable.atomic_write(file, b"one")
    durable.atomic_write(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("count", [0, 1, 5])
def test_r4_a_full_disk_leaves_the_old_content_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    file = tmp_path / "file"
    durable.atomic_write(file, b"before")
    with monkeypatch.context() as patched:
        no_room_after(patched, count)
        with pytest.raises(OSError, match="No space left"):
            durable.atomic_write(file, b"after and longer")
        with pytest.raises(OSError, match="No space left"):
            durable.atomic_create(tmp_path / "new", b"something")
        with pytest.raises(OSError, match="No space left"):
            durable.append_lines(file, ["a line"])
        with pytest.raises(OSError, match="No space left"):
            durable.append_lines(tmp_path / "empty", ["a line"])
    assert file.read_bytes() == b"before"
    (tmp_path / "empty").unlink()
    assert list(tmp_path.iterdir()) == [file]


def test_r4_a_failed_fsync_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    durable.atomic_write(file, b"before\n")

    with monkeypatch.context() as patched:
        no_fsync(patched)
        with pytest.raises(OSError, match="No space"):
            durable.atomic_write(file, b"after")
        with pytest.raises(OSError, match="No space"):
            durable.append_lines(file, ["a line"])
    assert file.read_bytes() == b"before\n"
    assert list(tmp_path.iterdir()) == [file]


def test_atomic_create_never_replaces_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    durable.atomic_create(file, b"one")
    with pytest.raises(FileExistsError):
        durable.atomic_create(file, b"two")
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_atomic_create_works_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*given: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    durable.atomic_create(tmp_path / "file", b"one")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"one"]


def test_lines_are_appended_after_a_truncated_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one\ntw")
    durable.append_lines(file, ["three", "four"])
    durable.append_lines(file, ["five"])
    assert file.read_bytes() == b"one\ntw\nthree\nfour\nfive\n"


def test_lines_of_concurrent_writers_are_all_there_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def write(name: str) -> None:
        for number in range(50):
            durable.append_lines(file, [f"{name} {number}", f"{name} {number} again"])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = file.read_text().splitlines()
    wanted = {f"{name} {n}{end}" for name in "abc" for n in range(50) for end in ("", " again")}
    assert len(lines) == len(wanted)
    assert set(lines) == wanted
