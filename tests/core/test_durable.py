"""Files that are written whole or not at all, whatever fails in the middle."""

import os
import stat
import threading
from pathlib import Path

import pytest

from psgflask.core import durable
from tests.full_disk import no_fsync, no_room_after


def test_a_file_is_replaced_in_one_step_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    durable.atomic_write(file, b"one")
    durable.atomic_write(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("count", [0, 1, 5])
def test_r4_a_full_disk_leaves_what_was_there_and_nothing_beside_it(
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


def test_r4_what_cannot_be_brought_to_the_disk_is_not_written(
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


def test_a_new_file_never_takes_the_place_of_one_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    durable.atomic_create(file, b"one")
    with pytest.raises(FileExistsError):
        durable.atomic_create(file, b"two")
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_file_is_written_where_a_disk_knows_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*given: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    durable.atomic_create(tmp_path / "file", b"one")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"one"]


def test_lines_are_added_behind_one_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one\ntw")
    durable.append_lines(file, ["three", "four"])
    durable.append_lines(file, ["five"])
    assert file.read_bytes() == b"one\ntw\nthree\nfour\nfive\n"


def test_lines_of_several_writers_are_all_there_and_whole(tmp_path: Path) -> None:
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
