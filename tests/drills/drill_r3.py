"""R3: kill the sender at random points of a batch; no mail is lost, and few come twice.

`python -m tests.drills.drill_r3 [--mails 2000] [--kills 100] [--seed 3]`. Mails go to a real mail
server on this machine, sent by `flask worker` in a process of its own, which is killed with
SIGKILL again and again while it sends. The server counts each mail by its Message-ID: every one
must have come, and the repeated ones may be no more than the kills.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail import outbox
from psgflask.mail.models import SENT, Message
from psgflask.ops import installation, migrations
from tests.drills.installation import SETTINGS, close_connections
from tests.mail.mail_server import MailServer

MAX_SECONDS = 120  # seconds in which a worker must have sent something


def main() -> int:
    """Run the drill; return 0 when every mail came and few of them twice."""
    parser = argparse.ArgumentParser(description="R3: the sender killed in the middle of a batch")
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare, MailServer() as server:
        return drill(Path(spare), server, args.mails, args.kills, random.Random(args.seed))


def drill(folder: Path, server: MailServer, mails: int, kills: int, chance: random.Random) -> int:
    """Send `mails`, killing the sender `kills` times; print how many were lost and came twice."""
    with _site(folder / "instance") as app:
        wanted = _posted(mails)
        begun = time.monotonic()
        environment = _environment(folder / "instance", server)
        done = 0
        while done < kills and _left(server, wanted):
            done += _send_and_kill(environment, server, mails, kills, chance)
        _send(environment, server, wanted)
        seconds = time.monotonic() - begun
        sent, arrived = _sent(app), server.counted()
    lost = len(wanted - arrived.keys())
    twice = sum(arrived.values()) - len(arrived)
    strange = len(arrived.keys() - wanted)
    print(
        f"R3: {mails} mails, {done} kills, {lost} lost, {twice} came again, none more often than"
        f" {max(arrived.values(), default=0)} times, {sent} noted as sent, {seconds:.0f} s"
    )
    return 1 if lost or strange or twice > done or sent != mails or done < kills else 0


@contextmanager
def _site(instance: Path) -> Iterator[Flask]:
    before = os.environ.get("PSG_INSTANCE")
    os.environ["PSG_INSTANCE"] = str(instance)
    installation.create_folders(instance)
    installation.write_config(instance)
    app = create_app(SETTINGS)
    try:
        with app.app_context():
            migrations.upgrade()
            yield app
            close_connections()
    finally:
        del os.environ["PSG_INSTANCE"]
        if before:
            os.environ["PSG_INSTANCE"] = before


def _posted(mails: int) -> set[str]:
    """Post so many mails, in both languages; return what is before the @ of their Message-ID."""
    session = db.session()
    posted = [
        outbox.enqueue(
            session,
            kind="test",
            to=f"member{number}@example.org",
            language="es" if number % 2 else "en",
            values={},
            now=utc_now(),
        ).message_id
        for number in range(mails)
    ]
    session.commit()
    close_connections()
    return {f"<{each}@psg.example>" for each in posted}


def _environment(instance: Path, server: MailServer) -> dict[str, str]:
    settings = {f"PSG_{name}": str(value) for name, value in server.settings().items()}
    return {**os.environ, **settings, "PSG_INSTANCE": str(instance)}


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "flask", "--app", "psgflask", "worker"]
    root = Path(__file__).resolve().parents[2]
    running = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def _send_and_kill(
    environment: dict[str, str],
    server: MailServer,
    mails: int,
    kills: int,
    chance: random.Random,
) -> int:
    """Let a sender send some mails and kill it somewhere in the next one; return 1."""
    some = chance.randint(1, max(1, 2 * mails // (3 * kills)))
    before = len(server.arrived)
    with _worker(environment) as running:
        if not server.wait_for(before + some, MAX_SECONDS):
            raise SystemExit(f"R3: the worker sent {len(server.arrived) - before} of {some} mails")
        # From the moment that the server has a mail to well into the next one.
        time.sleep(chance.choice((0.0, chance.uniform(0, 0.002), chance.uniform(0, 0.02))))
        running.kill()
    return 1


def _send(environment: dict[str, str], server: MailServer, wanted: set[str]) -> None:
    """Let a sender send what is left, and end it in order."""
    with _worker(environment) as running:
        ends = time.monotonic() + MAX_SECONDS
        while _left(server, wanted) and time.monotonic() < ends:
            time.sleep(0.1)
        running.terminate()
        running.wait(MAX_SECONDS)


def _left(server: MailServer, wanted: set[str]) -> set[str]:
    return wanted - server.counted().keys()


def _sent(app: Flask) -> int:
    count = db.session.scalar(select(func.count()).where(Message.state == SENT))
    close_connections()
    return count or 0


if __name__ == "__main__":
    sys.exit(main())
