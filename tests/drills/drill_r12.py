"""R12: a mail server that goes wild; the worker stays small, goes on with all else, and ends.

`python -m tests.drills.drill_r12 [--timeout 3]`. `flask worker` in a process of its own sends to a
server on this machine that answers without end, fast or drop by drop, or says nothing. Each time
an article is published that nobody indexes but the worker; in the end it is told to stop.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask
from sqlalchemy import delete, select

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail.models import Message
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer
from tests import factories
from tests.drills.installation import close_connections, fresh
from tests.mail.hostile_server import WILD, HostileServer, silence
from tests.mail.mails import post

ROOT = Path(__file__).resolve().parents[2]
WORKER_TIMEOUT = 60  # seconds in which a worker must have begun, and indexed
ENDS_WITHIN = 10
MAX_MEGABYTES = 20  # that a wild server may add to a worker


def main() -> int:
    """Run the drill; return 0 when the worker was small and useful each time, and ended."""
    parser = argparse.ArgumentParser(description="R12: a mail server that goes wild")
    parser.add_argument("--timeout", type=int, default=3)
    timeout = parser.parse_args().timeout
    with fresh(20) as app:
        usual = _peak(app, None, timeout)[0]
        print(f"R12: a worker without a mail server takes {usual:.0f} MB")
        wrong = 0
        for stage in ("GREETING", "CONTENT"):
            for behaviour in WILD:
                with HostileServer(stage, behaviour) as server:
                    peak, indexed, noted, ended = _peak(app, server, timeout)
                good = peak <= usual + MAX_MEGABYTES and indexed and noted and ended <= ENDS_WITHIN
                wrong += not good
                print(
                    f"  {stage.lower():<9}{behaviour.__name__:<21} {peak:4.0f} MB, "
                    f"{'an article indexed' if indexed else 'NOT INDEXED'}, "
                    f"{'the trouble noted' if noted else 'NOT NOTED'}, "
                    f"ended {ended:.1f} s after SIGTERM"
                )
        with HostileServer("CONTENT", silence) as server:
            seconds = _end_of_one_that_waits(app, server)
        wrong += seconds > ENDS_WITHIN
        print(f"  a mail on its way to who says nothing: ended {seconds:.1f} s after SIGTERM")
        print(f"R12: {2 * len(WILD)} kinds of wild servers, {wrong} things wrong")
        return 1 if wrong else 0


def _peak(
    app: Flask, server: HostileServer | None, timeout: int
) -> tuple[float, bool, bool, float]:
    """Let a worker run; return its peak in MB, what it did, and the seconds that its end took."""
    number = _publish(app)
    running = _started(app, server, timeout)
    try:
        begun = time.monotonic()
        indexed = noted = False
        while not (indexed and noted) and time.monotonic() - begun < WORKER_TIMEOUT:
            time.sleep(0.2)
            indexed = indexed or number in indexer.store(app).hashes()
            noted = noted or server is None or _is_noted()
        time.sleep(1)
        status = Path(f"/proc/{running.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
        running.send_signal(signal.SIGTERM)
        told = time.monotonic()
        running.wait(WORKER_TIMEOUT)
        return peak / 1000, indexed, noted, time.monotonic() - told
    finally:
        running.kill()
        running.wait()


def _end_of_one_that_waits(app: Flask, server: HostileServer) -> float:
    """Stop a worker whose mail the server has, and does not answer; return the seconds."""
    _publish(app)
    running = _started(app, server, 600)
    try:
        begun = time.monotonic()
        while b"data" not in server.heard and time.monotonic() - begun < WORKER_TIMEOUT:
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        told = time.monotonic()
        running.wait(WORKER_TIMEOUT)
        return time.monotonic() - told
    finally:
        running.kill()
        running.wait()


def _started(app: Flask, server: HostileServer | None, timeout: int) -> "subprocess.Popen[bytes]":
    """Start a worker of its own that sends to a server; without one it writes files."""
    settings = {
        "PSG_INSTANCE": app.instance_path,
        "PSG_SMTP_HOST": "localhost" if server else "",
        "PSG_SMTP_PORT": str(server.port) if server else "25",
        "PSG_SMTP_SECURITY": "none",
        "PSG_SMTP_TIMEOUT": str(timeout),
        "PSG_MAIL_FROM": "site@psg.example",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "psgflask", "worker"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    )


def _publish(app: Flask) -> int:
    """Publish an article and leave it to the worker to index, and a mail to send."""
    session = db.session()
    held = indexer.store(app).writing(wait=True)
    assert held is not None
    with held:
        number = factories.article(session, "Left to the worker").id
        session.add(LedgerEntry(article_id=number))
        session.execute(delete(Message))
        post(session, utc_now())
        session.commit()
    close_connections()
    return int(number)


def _is_noted() -> bool:
    noted = any(db.session.scalars(select(Message.error)))
    close_connections()
    return noted


if __name__ == "__main__":
    sys.exit(main())
