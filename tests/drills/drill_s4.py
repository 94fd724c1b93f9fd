"""S4: can a clock on the other end tell whether an address is known? On the real server.

`python -m tests.drills.drill_s4 [--samples 200] [--runs 3]`.
"""

import argparse
import http.client
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import delete

from psgflask.accounts.models import Attempt
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members.web import form_tokens, forms
from tests import html_forms
from tests.benchmarks.servers import serving
from tests.drills.installation import SETTINGS, fresh
from tests.members.joining_form import FIRST, PERSON
from tests.members.people import applied, link_of, verified

WITHIN = 0.005  # seconds between the medians of any two kinds of address
BETWEEN = 30  # samples of each kind, after which the limits begin anew
KINDS = ("confirmed", "waiting", "unknown")
AGAIN, SEND, RIGHTS = "/accounts/join/again", "/members/join/send", "/members/rights"
# A signed word, and the length of a page with one: a reference grows by a digit.
RANDOM = re.compile(r"[\w.-]{40,}|(?<=content-length: )\d+", re.IGNORECASE)
# What an answer says, less what is random in it.
Answer = tuple[int, str, str]


def main() -> int:
    """Run the drill; return 0 when neither answers nor medians tell an address."""
    parser = argparse.ArgumentParser(description="S4: known and unknown addresses by the clock")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=4)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    with fresh(0) as app:
        people(app, args.samples * args.runs)
        environment = {
            "PSG_INSTANCE": app.instance_path,
            "PSG_TRUSTED_PROXIES": "1",
            "PSG_WORKER": "no",
            "PSG_SECRET_KEY": str(SETTINGS["SECRET_KEY"]),
        }
        with serving("wsgi:app", **environment) as server:
            visitor = Visitor(server.port)
            failed = measure("a new link", visitor.asks_again, args, chance)
            visitor.fills_in_the_form()
            failed = measure("an application", visitor.applies, args, chance) or failed
            visitor.opens_the_form_about_data()
            return measure("a request about data", visitor.asks_about_data, args, chance) or failed


def people(app: Flask, count: int) -> None:
    """Let so many have applied and confirmed their address, and as many have applied alone.

    Two days ago, so that what they may ask for is what anybody may.
    """
    session, then = db.session(), utc_now() - timedelta(days=2)
    for number in range(count):
        for kind in ("confirmed", "waiting"):
            email = f"{kind}-{number}@example.org"
            application = applied(session, email=email, name=email, postcode="M1 1AA", now=then)
            if kind == "confirmed":
                verified(session, application, now=then)
            else:
                link_of(session, application, now=then)
            session.execute(delete(Attempt))
    session.commit()
    db.session.remove()


def forget_attempts() -> None:
    """Let nothing have been asked for yet: what an hour allows in all is soon used up."""
    db.session.execute(delete(Attempt))
    db.session.commit()
    db.session.remove()


class Visitor:
    """Somebody with a browser and a clock, who comes from another network each time."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.network, self.moves = 0, 1
        page, headers = self.get(AGAIN)
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        self.again = html_forms.form_of(page)

    def get(self, path: str) -> tuple[str, http.client.HTTPMessage]:
        """Return a page and its headers."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.read().decode(), answer.headers

    def asks_again(self, email: str) -> tuple[Answer, float]:
        """Ask for a new link; return what was answered, and after how many seconds."""
        return self.post(AGAIN, self.again.filled({"email": email}))

    def fills_in_the_form(self) -> None:
        """Answer every question of an application, up to its last button, in no hurry."""
        page, headers = self.get(FIRST)
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        while (form := html_forms.form_of(page)).action != SEND:
            [asked] = form.fields["from"]
            typed = {name: PERSON[name] for name in forms.FIELDS[asked] if name in PERSON}
            (_status, _headers, page), _seconds = self.post(form.action, form.filled(typed))
        self.application = form
        time.sleep(form_tokens.MIN_AGE.total_seconds() + 1)

    def applies(self, email: str) -> tuple[Answer, float]:
        """Send the application under an address; return the answer, and after how many seconds.

        Each time in another form, begun a minute ago: one is good for one application.
        """
        begun = utc_now() - timedelta(minutes=1)
        typed = {"email": email, "stamp": form_tokens.issue(str(SETTINGS["SECRET_KEY"]), now=begun)}
        return self.post(SEND, self.application.filled(typed))

    def opens_the_form_about_data(self) -> None:
        """Open the form for complaints and requests about personal data."""
        page, headers = self.get(RIGHTS)
        self.cookie = headers["Set-Cookie"].partition(";")[0]
        self.about_data = html_forms.form_of(page)

    def asks_about_data(self, email: str) -> tuple[Answer, float]:
        """Ask for access under an address; return the answer, and after how many seconds."""
        begun = utc_now() - timedelta(minutes=1)
        stamp = form_tokens.issue(str(SETTINGS["SECRET_KEY"]), now=begun)
        typed = {"right": "access", "name": "Ana Quispe", "email": email, "stamp": stamp}
        return self.post(RIGHTS, self.about_data.filled(typed))

    def post(self, path: str, fields: html_forms.Fields, network: str = "") -> tuple[Answer, float]:
        """Send a form; return what was answered, and after how many seconds."""
        self.network += self.moves
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie,
            "X-Forwarded-For": network or f"2001:db8:{self.network:x}::1",
        }
        body = urlencode(fields, doseq=True)
        begun = time.perf_counter()
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        page = answer.read().decode()
        seconds = time.perf_counter() - begun
        said = [f"{name}: {value}" for name, value in answer.getheaders() if name != "date"]
        return (answer.status, "\n".join(said), page), seconds


def measure(
    what: str,
    ask: Callable[[str], tuple[Answer, float]],
    args: argparse.Namespace,
    chance: random.Random,
) -> int:
    """Ask for every kind of address in turn; print the medians of each run. 0 means all well."""
    failed = 0
    for run in range(args.runs):
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        answers: set[Answer] = set()
        for number in range(run * args.samples, (run + 1) * args.samples):
            if number % BETWEEN == 0:
                forget_attempts()
            for kind in chance.sample(KINDS, len(KINDS)):
                (status, headers, page), seconds = ask(f"{kind}-{number}@example.org")
                plain = [RANDOM.sub("...", text) for text in (headers, page)]
                answers.add((status, plain[0], plain[1]))
                times[kind].append(seconds)
        medians = {kind: statistics.median(times[kind]) for kind in KINDS}
        apart = max(medians.values()) - min(medians.values())
        told = ", ".join(f"{kind} {_spread(times[kind])}" for kind in KINDS)
        print(
            f"S4, {what}, run {run + 1}: {told}; {apart * 1000:.2f} ms apart,"
            f" {len(answers)} kind of answer ({min(answers)[0]})"
        )
        failed += apart > WITHIN or len(answers) != 1 or min(answers)[0] != 303
    return 1 if failed else 0


def _spread(seconds: list[float]) -> str:
    """Return the median in milliseconds, between the quartiles."""
    first, median, third = (1000 * value for value in statistics.quantiles(seconds, n=4))
    return f"{median:.2f} ms ({first:.2f}-{third:.2f})"


if __name__ == "__main__":
    sys.exit(main())
