"""What the tests leave out: nothing without a reason, and nothing unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SLOW

TESTS = Path(__file__).resolve().parent


def test_what_the_quick_checks_leave_out_exists_and_has_a_reason() -> None:
    assert [name for name in SLOW if not (TESTS / name).exists()] == []
    assert all(SLOW.values())


@pytest.mark.parametrize(
    ("processes", "no_skips", "code"), [("0", "", 0), ("0", "1", 1), ("2", "1", 1)]
)
def test_a_skip_fails_where_skips_are_not_allowed(
    tmp_path: Path, processes: str, no_skips: str, code: int
) -> None:
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text("utf-8"), "utf-8")
    (tmp_path / "test_one.py").write_text(
        "import pytest\ndef test_runs():\n    assert True\ndef test_skips():\n"
        "    pytest.skip('no browser here')\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "--numprocesses", processes, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TESTS.parent), "PSG_NO_SKIPS": no_skips},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code
    assert "Tests that ran: unit 1," in ran.stdout
    assert ran.stdout.rstrip().splitlines()[-1].startswith("Left out: 1 tests.")
