"""R3 in small: the sender is killed in the middle of a batch; the drill does it a hundred times."""

import random
from pathlib import Path

import pytest

from tests.drills import drill_r3
from tests.mail.mail_server import MailServer


def test_r3_a_sender_that_is_killed_loses_no_mail_and_repeats_at_most_the_one_in_flight(
    tmp_path: Path, server: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = drill_r3.drill(tmp_path, server, mails=40, kills=4, chance=random.Random(3))
    told = capsys.readouterr().out
    assert "0 lost" in told
    assert failed == 0, told
