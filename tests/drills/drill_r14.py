"""R14: the clock of the real server jumps and is put right; nothing is lost, all is right again.

`python -m tests.drills.drill_r14 [--seconds 15]`. The server and its worker run under libfaketime,
the uptime is real: 100 days ahead and back, a day behind and back, over the last Sundays of March
and October and over 29 February. The clock has been watched for two days before. No row may go,
an embargoed article must be hidden again within a minute wherever it stood, who asks is not
refused, and mails leave.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.mail import outbox
from psgflask.mail.models import DEAD, SENT, Message
from psgflask.members.models import Application, Person
from psgflask.search import search_log
from psgflask.search.models import SearchQuery
from psgflask.search.search_log import DailyCount
from tests import factories
from tests.benchmarks.servers import ROOT, serving
from tests.drills.drill_s4 import Visitor, people
from tests.drills.installation import close_connections, fresh
from tests.mail.mail_server import MailServer

WITHIN = 60.0  # seconds
LIBRARY = "faketime/libfaketimeMT.so.1"
FOLDERS = (*Path("/usr/lib").glob("*/"), Path("/usr/lib"), Path("/usr/local/lib"))
AHEAD, BEHIND = timedelta(days=100), -timedelta(days=1)
KEPT = (Person, Application, Account, ConfirmationToken, Message, SearchQuery)
PLACES = {
    "page": "/news/{word}",
    "list": "/news/",
    "feed": "/news.atom",
    "sitemap": "/sitemap.xml",
    "search": "/search/?q={word}",
    "search feed": "/search.json?q={word}",
    "suggestions": "/search/suggest?q={word}",
}
# The moments at which summer time begins and ends in London, and a day that most years lack.
DATES = {
    "summer time": datetime(2027, 3, 28, 1, tzinfo=UTC),
    "winter time": datetime(2027, 10, 31, 1, tzinfo=UTC),
    "29 February": datetime(2028, 2, 29, 0, tzinfo=UTC),
}
EMBARGOED, FRESH = "quipucamayoc", "chaskiwasi"


def main() -> int:
    """Run the drill; return 0 when nothing was lost and everything was right in time."""
    parser = argparse.ArgumentParser(description="R14: the clock jumps and is put right")
    parser.add_argument("--seconds", type=float, default=15, help="how long it is wrong")
    seconds = parser.parse_args().seconds
    library = next((f / LIBRARY for f in FOLDERS if (f / LIBRARY).is_file()), None)
    if library is None:
        print("R14: libfaketime is missing; on Debian: apt install faketime")
        return 1
    with fresh(50) as app, tempfile.TemporaryDirectory() as spare, MailServer() as post:
        fill(app)
        pretended = Path(spare, "offset")
        move(pretended, timedelta(0))
        settings = {f"PSG_{name}": str(value) for name, value in post.settings().items()}
        environment = {
            **settings,
            "PSG_INSTANCE": app.instance_path,
            "PSG_TRUSTED_PROXIES": "1",
            "PSG_WORKER": "yes",
            "PSG_SECRETARY_EMAIL": "secretary@psg.example",
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(pretended),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        with serving("wsgi:app", **environment) as server:
            drill = Drill(app, server.port, post, pretended, seconds)
            drill.run()
            print(f"R14: {len(drill.faults)} faults {drill.faults or ''}")
            return 1 if drill.faults else 0


def fill(app: Flask) -> None:
    """Fill the site with what a clock could erase, and its clock with two good days."""
    people(app, 10)
    session, now = db.session(), utc_now()
    for article in range(2):
        factories.article(session, f"Article {article}", now=now - timedelta(days=2))
    factories.article(session, FRESH.capitalize(), slug=FRESH, now=now - timedelta(hours=1))
    _scheduled(session, EMBARGOED, now + timedelta(days=3))
    for name, at in DATES.items():
        _scheduled(session, _word(name), at)
    dead = outbox.enqueue(
        session, kind="test", to="a@example.org", language="en", values={}, now=now
    )
    outbox.mark_dead(session, dead.id, error="550 no", now=now - timedelta(days=10))
    day = now.date() - timedelta(days=10)
    search_log.store(session, [DailyCount(day, "asked once", 1, 0)], secret="x")
    session.commit()
    close_connections()
    readings, watched = clock_watch.Readings(), int(2 * clock_watch.DAY)
    for ago in range(watched, -1, -300):
        readings.add(utc_now().timestamp() - ago, None if ago == watched else 300)
    Path(app.instance_path, clock_watch.FILE).write_text(clock_watch.serialize(readings))


def _scheduled(session: Session, word: str, at: datetime) -> None:
    factories.article(
        session, word.capitalize(), slug=word, status="scheduled", at=at, now=utc_now()
    )


def _word(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalpha()) + "wasi"


def move(file: Path, by: timedelta) -> None:
    """Let the server's clock show the time and so much more from now on."""
    beside = file.with_suffix(".new")
    beside.write_text(f"{by.total_seconds():+.1f}\n")
    beside.replace(file)


class Drill:
    """What is done to the clock, and what the site then shows."""

    def __init__(
        self, app: Flask, port: int, post: MailServer, pretended: Path, seconds: float
    ) -> None:
        self.app, self.port, self.post = app, port, post
        self.pretended, self.seconds = pretended, seconds
        self.faults: list[str] = []
        self.before = self.rows()

    def run(self) -> None:
        """Go through everything."""
        self.until("before", "mails left", lambda: not self.waiting())
        self.until("before", "fresh article", partial(self.everywhere, FRESH, there=True))
        self.ahead()
        self.behind()
        for name, at in DATES.items():
            self.over(name, at)
        self.right("after all dates", {_word(name): False for name in DATES} | {FRESH: True})
        self.doctor()

    def ahead(self) -> None:
        """Jump ahead, let people ask and mails be refused meanwhile, and jump back."""
        self.post.at["RCPT"] = "450 4.2.1 Try later"
        move(self.pretended, AHEAD)
        begun = time.monotonic()
        self.until("ahead", "embargo passed", partial(self.everywhere, EMBARGOED, there=True))
        asked, last = self.ask_until_refused()
        self.until("ahead", "mails refused", lambda: bool(self.tried()))
        time.sleep(max(0.0, begun + self.seconds - time.monotonic()))
        print(f"{'ahead':<14} {asked} asked for, then {last}; wrong for {self.lasted(begun)}")
        self.post.at.clear()
        self.right("back", {EMBARGOED: False, FRESH: True})
        status = self.asks()
        print(f"{'back':<14} who was refused before asks again and is answered {status}")
        if status != 303:
            self.faults.append(f"a network is refused with {status}")

    def behind(self) -> None:
        """Jump behind, ask meanwhile, and jump back."""
        move(self.pretended, BEHIND)
        begun = time.monotonic()
        self.until("behind", "fresh article hidden", lambda: not self.shows("search", FRESH))
        status = self.asks()
        time.sleep(max(0.0, begun + self.seconds - time.monotonic()))
        print(f"{'behind':<14} who asks is answered {status}; wrong for {self.lasted(begun)}")
        self.right("back", {EMBARGOED: False, FRESH: True})
        self.ask_until_refused()

    def over(self, name: str, at: datetime) -> None:
        """Let a date come; an article is due at that very moment, and not before."""
        word, before = _word(name), timedelta(seconds=20)
        move(self.pretended, at - before - utc_now())
        due = time.monotonic() + before.total_seconds()
        time.sleep(before.total_seconds() - 10)
        early = [place for place in PLACES if self.shows(place, word) and time.monotonic() < due]
        if early:
            self.faults.append(f"{name}: {early} too early")
        time.sleep(max(0.0, due - time.monotonic()))
        self.until(name, "due article", partial(self.everywhere, word, there=True))

    def right(self, step: str, articles: Mapping[str, bool]) -> None:
        """Put the clock right; everything must be so within a minute, and no row gone."""
        move(self.pretended, timedelta(0))
        begun = time.monotonic()
        for word, there in articles.items():
            what = f"{word} {'shown' if there else 'hidden'}"
            self.until(step, what, partial(self.everywhere, word, there=there), since=begun)
        self.until(step, "mails left", lambda: not self.waiting(), since=begun)
        time.sleep(12)  # two rounds of the worker more
        gone = {name: len(ids - self.rows()[name]) for name, ids in self.before.items()}
        print(f"{step:<14} rows erased: {sum(gone.values())} of {gone}")
        if any(gone.values()):
            self.faults.append(f"{step}: erased {gone}")
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            dead = session.scalars(select(Message).where(Message.state == DEAD)).all()
            if len(dead) != 1 or not dead[0].recipient:
                self.faults.append(f"{step}: {len(dead)} dead mails, or the one is blank")

    def until(
        self, step: str, what: str, is_so: Callable[[], bool], *, since: float | None = None
    ) -> None:
        """Wait until it is so; note a fault when that takes too long."""
        begun = time.monotonic() if since is None else since
        while not is_so():
            if time.monotonic() - begun > 2 * WITHIN:
                self.faults.append(f"{step}: {what} never")
                return
            time.sleep(0.2)
        taken = time.monotonic() - begun
        if taken > WITHIN:
            self.faults.append(f"{step}: {what} after {taken:.0f} s")
        print(f"{step:<14} {what:<28} after {taken:5.1f} s")

    def lasted(self, begun: float) -> str:
        """Say for how long the clock has been wrong."""
        return f"{time.monotonic() - begun:.0f} s"

    def ask_until_refused(self) -> tuple[int, int]:
        """Ask for new links from one network; return how many were taken, and the last status."""
        for asked in range(60):
            status = self.asks()
            if status != 303:
                return asked, status
        return 60, 303

    def asks(self) -> int:
        """Ask for a new link, from the same network each time; return the status."""
        visitor = Visitor(self.port)
        visitor.moves = 0
        (status, _headers, _page), _seconds = visitor.asks_again("waiting-0@example.org")
        visitor.connection.close()
        return status

    def everywhere(self, word: str, *, there: bool) -> bool:
        """Say whether every place shows an article, or none does: two times, as kept and anew."""
        return all(self.shows(place, word) == there for place in (*PLACES, *PLACES))

    def shows(self, place: str, word: str) -> bool:
        """Say whether an article stands in a place."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", PLACES[place].format(word=word))
        response = connection.getresponse()
        page = response.read().decode()
        connection.close()
        return response.status == 200 and f"/news/{word}" in page

    def rows(self) -> dict[str, set[int]]:
        """Return the ids of all rows that a clock could erase, by table."""
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            return {model.__tablename__: set(session.scalars(select(model.id))) for model in KEPT}

    def waiting(self) -> list[int]:
        """Return the mails that have not left."""
        done = (SENT, DEAD, "void")
        return self._mails(Message.state.not_in(done))

    def tried(self) -> list[int]:
        """Return the mails that were refused and wait."""
        return self._mails((Message.state == "waiting") & (Message.tries > 0))

    def _mails(self, which: Any) -> list[int]:
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            return list(session.scalars(select(Message.id).where(which)))

    def doctor(self) -> None:
        """Ask the doctor, who must tell of every jump."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "doctor", "--json"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
        )
        told = [found for found in json.loads(done.stdout) if found["subject"] == "clock"]
        for found in told:
            print(f"doctor         {found['state']}: {found['text']}")
        if sum("jumped" in found["text"] for found in told) < 4 + len(DATES):
            self.faults.append("the doctor does not tell of every jump")


if __name__ == "__main__":
    sys.exit(main())
