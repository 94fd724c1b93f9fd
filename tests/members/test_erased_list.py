from datetime import UTC, datetime
from pathlib import Path

import pytest

from psgflask.members import erased_list
from psgflask.members.erased_list import Entry, ListUnreadable

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


@pytest.mark.parametrize("line", ["PSG 1001-9", "yesterday PSG 1001-9"])
def test_a_line_that_says_nothing_is_told_with_its_place(tmp_path: Path, line: str) -> None:
    file = tmp_path / "erased.txt"
    file.write_text(f"2026-07-01T12:00:00+00:00 PSG 1001-9\n{line}\n")
    with pytest.raises(ListUnreadable, match="line 2"):
        erased_list.read(file)
