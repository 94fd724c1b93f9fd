"""R2 in small: the drill of that name with a few kills."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(330)  # the drill has 300 of its own: it starts a process for each kill
def test_a_killed_command_leaves_whole_articles_or_none(tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.drills.drill_r2"),
            *("--kills", "5", "--instance", str(tmp_path / "instance")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 0 faults" in ran.stdout
