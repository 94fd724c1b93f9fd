"""R3 in small: the sender is killed in the middle of a batch; the drill does it a hundred times."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(330)  # the drill has 300 of its own: it starts a process for each kill
def test_r3_a_sender_that_is_killed_loses_no_mail_and_repeats_at_most_the_one_in_flight() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.drills.drill_r3", "--mails", "40", "--kills", "4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 4 kills, 0 lost" in ran.stdout
