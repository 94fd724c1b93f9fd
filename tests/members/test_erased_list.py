from datetime import UTC, datetime
from pathlib import Path

import pytest

from psgflask.members import erased_list
from psgflask.members.erased_list import Entry, ListUnreadable
from tests.full_disk import no_room_after

FIRST = Entry(datetime(2026, 7, 1, 12, 0, 0, 123, tzinfo=UTC), "PSG 1001-9")
SECOND = Entry(datetime(2026, 8, 1, 12, 0, tzinfo=UTC), "PSG 1002-4")


def test_the_list_holds_each_erasure_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "erased.txt"
    assert erased_list.read(file) == []
    assert erased_list.add(file, [SECOND, FIRST]) == 2
    assert erased_list.add(file, [FIRST, SECOND]) == 0
    assert erased_list.read(file) == [FIRST, SECOND]
    assert file.stat().st_mode & 0o077 == 0


def test_where_nobody_was_erased_there_is_no_list(tmp_path: Path) -> None:
    erased_list.add(tmp_path / "erased.txt", [])
    assert list(tmp_path.iterdir()) == []


def test_two_lists_put_together_by_hand_are_one(tmp_path: Path) -> None:
    file = tmp_path / "erased.txt"
    erased_list.add(file, [FIRST, SECOND])
    file.write_text(file.read_text() + "\n" + file.read_text())
    assert erased_list.read(file) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "line",
    [
        *("PSG 1001-9", "yesterday PSG 1001-9", "2026-07-01T12:00:00 PSG 1001-9"),
        *("2026-07-01T12:00:00+00:00 PSG 100", "2026-07-01T12:00:00+00:00", "\x00\x00\x00"),
    ],
)
def test_a_line_that_says_nothing_is_told_with_its_place(tmp_path: Path, line: str) -> None:
    file = tmp_path / "erased.txt"
    file.write_text(f"2026-07-01T12:00:00+00:00 PSG 1001-9\n{line}\n")
    with pytest.raises(ListUnreadable, match="line 2"):
        erased_list.read(file)


@pytest.mark.parametrize("length", range(1, len("2026-07-01T12:00:00+00:00 PSG 1001-9\n")))
def test_a_line_that_a_crash_cut_off_keeps_nobody_from_being_added(
    tmp_path: Path, length: int
) -> None:
    """As an older version may have left it: whoever is not in the list is added all the same."""
    file = tmp_path / "erased.txt"
    whole = "2026-07-01T12:00:00+00:00 PSG 1001-9\n"
    file.write_text(whole.replace("1001-9", "1003-1") + whole[:length])
    erased_list.add(file, [FIRST, SECOND])
    entries, _torn = erased_list.readable(file)
    assert {FIRST, SECOND} <= set(entries)
    assert {entry.number for entry in entries} == {"PSG 1001-9", "PSG 1002-4", "PSG 1003-1"}
    assert file.read_text().endswith("\n")
    erased_list.add(file, [FIRST, SECOND])
    assert erased_list.readable(file)[0] == entries


def test_r4_what_there_is_no_room_for_leaves_the_list_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "erased.txt"
    erased_list.add(file, [FIRST])
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        no_room_after(patched, 10)
        with pytest.raises(OSError, match="No space"):
            erased_list.add(file, [SECOND])
    assert file.read_bytes() == before
    assert erased_list.add(file, [SECOND]) == 1
    assert erased_list.read(file) == [FIRST, SECOND]
