"""200 people apply at once while the mail server is down: all stored, each mail once.

Who hears that the site is busy finds all that was typed on that page, and sends it again from there
when it says so; any other error is a failure.
No more mails with a link go out than may in an hour; of the secretary's, ten and one that counts.

`python -m tests.drills.drill_joining [--people 200]`. The real server behind one trusted proxy;
everybody comes from a network of their own and goes through every page of the form. The sends
start together. Then the mail server comes up, and every mail must arrive there, none twice.
"""

import argparse
import http.client
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Semaphore
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from psgflask.accounts.rate_limits import RATE_LIMITS
from psgflask.core.database import db
from psgflask.mail.models import SENT, Message
from psgflask.members import digest
from psgflask.members.models import Application, Person
from tests import html_forms
from tests.benchmarks.servers import serving
from tests.drills.drill_s4 import SEND, Visitor
from tests.drills.installation import close_connections, fresh
from tests.mail.mail_server import MailServer

SECRETARY = "secretary@psg.example"
# In an hour.
MAILED = next(limit.count for limit in RATE_LIMITS["join"] if limit.holds and not limit.mailbox)
MAX_SECONDS = 900  # seconds in which all mails must have come
AFTERWARDS = 30  # seconds in which none may come again
AT_THE_FORM = 10  # people who fill it in at a time; they send together
MAX_SENDS = 10  # of one person
BUSY = http.client.SERVICE_UNAVAILABLE


def main() -> int:
    """Run the drill; return 0 when all were stored and every mail came once."""
    parser = argparse.ArgumentParser(description="Many applications at once, the mail server down")
    parser.add_argument("--people", type=int, default=200)
    count = parser.parse_args().people
    with fresh(0) as app:
        port = _free_port()
        environment = {
            "PSG_INSTANCE": app.instance_path,
            "PSG_TRUSTED_PROXIES": "1",
            "PSG_WORKER": "yes",
            "PSG_SMTP_HOST": "localhost",
            "PSG_SMTP_PORT": str(port),
            "PSG_SMTP_SECURITY": "none",
            "PSG_MAIL_FROM": "site@psg.example",
            "PSG_SECRETARY_EMAIL": SECRETARY,
        }
        with serving("wsgi:app", **environment) as server:
            return drill(app, server.port, port, count)


def drill(app: Flask, port: int, mail_port: int, count: int) -> int:
    """Let so many apply, then the mail server come up; print what was stored and delivered."""
    barrier, form = Barrier(count), Semaphore(AT_THE_FORM)
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda number: _applies(port, number, form, barrier), range(count)))
    shown = [status for status, _seconds, _sends in answers if status != 200]
    seconds = [taken for _status, taken, _sends in answers]
    sends = sum(times for _status, _seconds, times in answers)
    stored = _count(Application), _count(Person), _count(Message)
    print(
        f"Joining: {count} sent at once; {stored[0]} applications of {stored[1]} people and"
        f" {stored[2]} mails stored, {sends - count} times busy, {len(shown)} errors shown"
        f" {shown or ''}; a send answered after"
        f" {statistics.median(seconds):.1f} s (median), {max(seconds):.1f} s at most"
    )
    begun = time.monotonic()
    with MailServer(port=mail_port) as post:
        wanted = min(count, MAILED), min(count, digest.MAX_SINGLE_MAILS)
        post.wait_for(sum(wanted), MAX_SECONDS)
        taken = time.monotonic() - begun
        time.sleep(AFTERWARDS)
        to = [recipient for arrived in post.arrived for recipient in arrived.recipients]
        times = post.counted()
    applicants = {f"person-{number}@example.org" for number in range(count)}
    lost = wanted[0] - len(applicants & set(to)) + wanted[1] - to.count(SECRETARY)
    twice = sum(times.values()) - len(times)
    print(
        f"Joining: the mail server up: {len(to)} mails came, {to.count(SECRETARY)} of them to the"
        f" secretary, {lost} lost, {twice} came twice, all within {taken:.0f} s;"
        f" {_count(Message, Message.state == SENT)} noted as sent"
    )
    whole = stored[0] == stored[1] == count and len(to) == sum(wanted)
    return 0 if whole and not (shown or lost or twice) else 1


def _applies(port: int, number: int, form: Semaphore, barrier: Barrier) -> tuple[int, float, int]:
    """Apply as one of many.

    Return the status of the last page, the seconds of the longest send, and how many there were.
    """
    try:
        with form:
            visitor = Visitor(port)
            visitor.network, visitor.moves = number + 1, 0
            visitor.fills_in_the_form()
    except BaseException:
        barrier.abort()
        raise
    typed = {"email": f"person-{number}@example.org", "name": f"Person {number}"}
    fields = visitor.application.filled(typed)
    barrier.wait(600)
    longest, sends, status = 0.0, 0, int(BUSY)
    while status == BUSY and sends < MAX_SENDS:
        visitor.connection.close()  # the server has, after some seconds of silence
        (status, headers, page), seconds = visitor.post(SEND, fields)
        longest, sends = max(longest, seconds), sends + 1
        if status == BUSY:
            fields = html_forms.form_of(page).filled({})  # all that was typed is there
            time.sleep(int(_header(headers, "retry-after")) + number % 10)
    if status == http.client.SEE_OTHER:
        page, _headers = visitor.get(_header(headers, "location"))
        status = http.client.OK if "PSG 1" in page.replace("\xa0", " ") else 0
    return status, longest, sends


def _header(headers: str, name: str) -> str:
    lines = (line.partition(": ") for line in headers.splitlines())
    return next(value for key, _colon, value in lines if key.lower() == name)


def _count(table: Any, *where: Any) -> int:
    count = db.session.scalar(select(func.count()).select_from(table).where(*where))
    close_connections()
    return count or 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
