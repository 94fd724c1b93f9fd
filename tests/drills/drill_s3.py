"""S3: 120 applications at once from one /48, to one mailbox in many spellings; a hall; scripts.

`python -m tests.drills.drill_s3 [--applications 120] [--hall 40]`. The real server behind one
trusted proxy, with a worker and a mail server. The attacker fills in whole forms and waits as
people do; each application comes from another /64 of one /48, its address with a port beside it.
Then one form is sent again and again, forms are sent at once and with the trap filled in, and as
many people as sit in a hall apply from its one network.
"""

import argparse
import http.client
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from psgflask.accounts import email_addresses
from psgflask.accounts.rate_limits import RATE_LIMITS
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail.models import WAITING, Message
from psgflask.members import digest
from psgflask.members.models import Application
from psgflask.members.web import form_tokens
from psgflask.members.web.page import HONEYPOT
from tests.benchmarks.servers import serving
from tests.drills.drill_s4 import SEND, Visitor
from tests.drills.installation import SETTINGS, close_connections, fresh
from tests.mail.mail_server import MailServer

SECRETARY = "secretary@psg.example"
KEY = str(SETTINGS["SECRET_KEY"])
VICTIM = "janedoe@gmail.com"
SPELLINGS = ("jane.doe+{}@gmail.com", "j.a.n.e.doe+{}@googlemail.com", "JaneDoe+x{}@GMail.com")
BUSY = 503
# As many as the site takes at once, so that it says of none that it is busy; and people of a hall,
# who press the button again when it does.
ATTACKERS, PEOPLE = 6, 30
MAX_OF_A_SITE = next(limit.count for limit in RATE_LIMITS["join"] if limit.supernet)
MAX_TO_A_MAILBOX = 3
MAX_TO_THE_SECRETARY = digest.MAX_SINGLE_MAILS + 1
SECONDS = 120  # in which the mails must have come


@dataclass
class Site:
    """The site and the mail server of the drill."""

    app: Flask
    port: int
    post: MailServer

    def mails(self) -> list[str]:
        """Return to whom mails came, once none waits that is due."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            due = select(func.count()).where(Message.state == WAITING, Message.due_at <= utc_now())
            waiting = db.session.scalar(due)
            close_connections()
            if not waiting:
                break
            time.sleep(0.5)
        time.sleep(1)
        return [recipient for arrived in self.post.arrived for recipient in arrived.recipients]

    def applications(self) -> int:
        """Return how many are kept."""
        count = db.session.scalar(select(func.count(Application.id)))
        close_connections()
        return count or 0


def main() -> int:
    """Run the drill; return 0 when nobody was flooded and everybody honest was taken."""
    parser = argparse.ArgumentParser(description="S3: a flood of applications, and a hall")
    parser.add_argument("--applications", type=int, default=120)
    parser.add_argument("--hall", type=int, default=40)
    args = parser.parse_args()
    with fresh(0) as app, MailServer(port=_free_port()) as post:
        environment = {
            "PSG_INSTANCE": app.instance_path,
            "PSG_TRUSTED_PROXIES": "1",
            "PSG_WORKER": "yes",
            "PSG_SECRET_KEY": KEY,
            "PSG_MAIL_FROM": "site@psg.example",
            "PSG_SECRETARY_EMAIL": SECRETARY,
            **{f"PSG_{name}": str(value) for name, value in post.settings().items()},
        }
        with serving("wsgi:app", **environment) as server:
            site = Site(app, server.port, post)
            Sender(site.port, "192.0.2.9")  # fills in the form that all of them send
            failed = [
                flood(site, args.applications),
                one_form(site),
                scripts(site),
                hall(site, args.hall),
                of_the_secretary(site),
            ]
    return 1 if any(failed) else 0


def flood(site: Site, count: int) -> bool:
    """Send so many applications as fast as can be, to one mailbox from one /48."""

    def sends(number: int) -> int:
        email = SPELLINGS[number % len(SPELLINGS)].format(number)
        return _sent(site, f"[2001:db8:bad:{number:x}::1]:{40_000 + number}", email=email)

    before, begun = site.applications(), time.perf_counter()
    answers = Counter(_at_once(ATTACKERS, sends, range(count)))
    taken = time.perf_counter() - begun
    kept = site.applications() - before
    reached = [
        to for to in site.mails() if to != SECRETARY and email_addresses.mailbox_of(to) == VICTIM
    ]
    print(
        f"S3, {count} applications from one /48 to one mailbox in {taken:.1f} s: {len(reached)}"
        f" mails to it, {kept} applications kept, {answers[429]} times 429, other answers"
        f" {_others(answers)}"
    )
    return (
        len(reached) > MAX_TO_A_MAILBOX
        or kept != answers[303]
        or kept > MAX_OF_A_SITE
        or answers[303] + answers[429] + answers[BUSY] != count
    )


def one_form(site: Site) -> bool:
    """Send one form again and again, to another address each time."""
    stamp, before = _stamp(), site.applications()
    answers = Counter(
        _sent(site, "192.0.2.1", email=f"form-{number}@example.org", stamp=stamp)
        for number in range(10)
    )
    kept = site.applications() - before
    print(f"S3, one form sent for 10 people: {kept} application kept, answers {_others(answers)}")
    return kept != 1


def scripts(site: Site) -> bool:
    """Send what scripts send: forms at once, and with every field filled in."""
    before = site.applications()
    answers: Counter[int] = Counter()
    for number in range(20):
        email = f"script-{number}@example.org"
        at_once = form_tokens.issue(KEY, now=utc_now())
        trapped: dict[str, Any] = {HONEYPOT: "x"}
        answers[_sent(site, f"198.51.{number}.1", email=email, stamp=at_once)] += 1
        answers[_sent(site, f"198.51.{number}.1", email=email, **trapped)] += 1
    kept = site.applications() - before
    reached = [to for to in site.mails() if to.startswith("script-")]
    print(
        f"S3, 40 forms sent at once or with the trap filled in: {len(reached)} mails, {kept}"
        f" applications kept, answers {_others(answers)}"
    )
    return bool(reached or kept)


def hall(site: Site, count: int) -> bool:
    """Let so many people apply from one network, each with an address of their own."""

    def applies(number: int) -> int:
        return _sent(site, "203.0.113.5", patience=10, email=f"hall-{number}@example.org")

    answers = Counter(_at_once(PEOPLE, applies, range(count)))
    reached = {to for to in site.mails() if to.startswith("hall-")}
    print(
        f"S3, a hall of {count} on one network: {answers[303]} taken, {len(reached)} mailed a"
        f" link, other answers {_others(answers)}"
    )
    return answers[303] != count or len(reached) != count


def of_the_secretary(site: Site) -> bool:
    """Look at what the secretary was mailed, and whether it tells of every application."""
    mailed = site.mails().count(SECRETARY)
    many = db.session.scalars(select(Message).where(Message.kind == digest.MANY)).all()
    counted = sum(int(one.values["count"]) for one in many)
    close_connections()
    kept = site.applications()
    print(
        f"S3, the secretary: {mailed} mails so far, {len(many)} to come, which counts {counted};"
        f" {kept} applications in all"
    )
    return mailed + len(many) > MAX_TO_THE_SECRETARY or mailed + counted != kept


def _sent(site: Site, network: str, *, patience: int = 0, **typed: str) -> int:
    """Send an application from somewhere, in a form begun a minute ago; return the status.

    With `patience`, again when the site says that it is busy.
    """
    visitor = Sender(site.port, network)
    fields = {"stamp": _stamp(), **typed}
    status = visitor.sends(fields)
    while status == BUSY and patience:
        time.sleep(1)
        status, patience = visitor.sends(fields), patience - 1
    visitor.connection.close()
    return status


class Sender(Visitor):
    """Somebody with a form of their own, filled in as far as its last page."""

    filled: tuple[str, dict[str, list[str]]] = ("", {})

    def __init__(self, port: int, network: str) -> None:
        if not Sender.filled[0]:
            super().__init__(port)
            self.fills_in_the_form()
            Sender.filled = (self.cookie, self.application.filled({}))
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookie, self.from_, self.network, self.moves = Sender.filled[0], network, 0, 0

    def sends(self, typed: dict[str, str]) -> int:
        """Send the form with other answers; return the status."""
        fields = {**Sender.filled[1], **{name: [value] for name, value in typed.items()}}
        (status, _headers, _page), _seconds = self.post(SEND, fields, self.from_)
        return status


def _at_once(senders: int, sends: Callable[[int], int], numbers: Iterable[int]) -> list[int]:
    with ThreadPoolExecutor(senders) as pool:
        return list(pool.map(sends, numbers))


def _others(answers: Counter[int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(answers.items())) or "none"


def _stamp() -> str:
    return form_tokens.issue(KEY, now=utc_now() - timedelta(minutes=1))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
