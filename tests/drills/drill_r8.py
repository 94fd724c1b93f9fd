"""R8: another program holds the database for half a minute; who reads notices nothing.

`python -m tests.drills.drill_r8 [--seconds 30] [--articles 500] [--writers 6]`. The real server
and its worker run. A process of its own says BEGIN EXCLUSIVE and waits. Meanwhile readers ask for
pages of every kind, among them articles that nobody asked for before: none may fail. People send
the form of joining: each must hear 503 within six seconds, on a page that has all they typed, and
is taken when they press again afterwards. Commands that read give their answer, one that writes
says "busy", and each of them ends.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from psgflask.core.database import db
from psgflask.members.models import Application
from psgflask.news.models import Article
from tests import html_forms
from tests.benchmarks.servers import ROOT, serving
from tests.drills.drill_s4 import SEND, Visitor
from tests.drills.installation import close_connections, fresh

WITHIN = 6.0  # seconds until a writer is told
COMMANDS_WITHIN = 20.0  # seconds, the start of Python among them, beside all the rest
READERS = 4
HOLDING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""
READING = (
    *("news list", "search check", "mail list", "members list", "pages list", "search report"),
    *("doctor --json", "backup FILE"),
)
WRITING = "mail test somebody@example.org"
# Status and seconds of each answer, by the kind of page.
Seen = dict[str, list[tuple[int, float]]]


def main() -> int:
    """Run the drill; return 0 when nobody was worse off than may be."""
    parser = argparse.ArgumentParser(description="R8: a locked database")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--articles", type=int, default=500)
    parser.add_argument("--writers", type=int, default=6)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        slugs = list(db.session.scalars(select(Article.slug).where(Article.language == "en")))
        close_connections()
        environment = {"PSG_INSTANCE": app.instance_path, "PSG_TRUSTED_PROXIES": "1"}
        with serving("wsgi:app", **environment, PSG_WORKER="yes") as server:
            return drill(app, server.port, slugs, args)


def drill(app: Flask, port: int, slugs: list[str], args: argparse.Namespace) -> int:
    """Hold the database while all go about their business; print how that went."""
    people = [_person(port, number) for number in range(args.writers)]
    seen: Seen = {}
    released = threading.Event()
    with _held(Path(app.instance_path, "psg.sqlite")), ThreadPoolExecutor(40) as pool:
        begun = time.monotonic()
        readers = [
            pool.submit(_read, port, slugs[number::READERS], seen, released)
            for number in range(READERS)
        ]
        try:
            sent = list(pool.map(lambda person: person[0].post(SEND, person[1]), people))
            commands = [_run(app, command) for command in (*READING, WRITING)]
            time.sleep(max(0.0, args.seconds - (time.monotonic() - begun)))
        finally:
            released.set()
        for reader in readers:
            reader.result()
        held_for = time.monotonic() - begun
    failed = _told_of_readers(seen, held_for)
    failed += _told_of_writers(app, people, sent)
    return 1 if failed + _told_of_commands(commands) else 0


def _told_of_readers(seen: Seen, held_for: float) -> int:
    failed = 0
    for kind, answers in seen.items():
        seconds = [taken * 1000 for _status, taken in answers]
        errors = sum(status != 200 for status, _taken in answers)
        parts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
        print(
            f"R8: {kind:<8} {len(answers):>5} answers in {held_for:.0f} s, {errors} failed;"
            f" p50 {parts[49]:.0f} ms, p95 {parts[94]:.0f} ms, {max(seconds):.0f} ms at most"
        )
        failed += errors
    return failed


def _told_of_writers(
    app: Flask,
    people: list[tuple[Visitor, html_forms.Fields]],
    sent: list,  # type: ignore[type-arg]  # what Visitor.post gives
) -> int:
    refused = lost = 0
    slowest = 0.0
    taken = 0
    for (visitor, fields), ((status, headers, page), seconds) in zip(people, sent, strict=True):
        refused += status == 503 and "retry-after: " in headers.lower()
        slowest = max(slowest, seconds)
        kept = html_forms.form_of(page)
        visitor.connection.close()
        lost += any(
            kept.fields.get(name) != value
            for name, value in fields.items()
            if name not in {"csrf_token", "from"}
        )
        (status, _headers, _page), _seconds = visitor.post(SEND, kept.filled({}))
        taken += status == http.client.SEE_OTHER
    stored = len(db.session.scalars(select(Application.id)).all())
    close_connections()
    print(
        f"R8: {len(people)} sent the form: {refused} heard 503 with Retry-After, after"
        f" {slowest:.1f} s at most; {lost} lost something typed; afterwards {taken} were taken,"
        f" {stored} are stored"
    )
    right = refused == taken == stored == len(people) and not lost and slowest <= WITHIN
    return 0 if right else 1


def _told_of_commands(commands: list[tuple[str, int, float, str]]) -> int:
    failed = 0
    for command, status, seconds, output in commands:
        busy = "busy" in output
        # The doctor finds fault with a site that is for this machine alone.
        right = busy and status == 1 if command == WRITING else not busy
        right &= status == 0 or command == WRITING or command.startswith("doctor")
        right &= "Traceback" not in output and seconds <= COMMANDS_WITHIN
        failed += not right
        told = "says busy" if busy else "gives its answer"
        print(f"R8: {command.partition(' FILE')[0]:<30} {told} after {seconds:.1f} s ({status})")
    return failed


def _person(port: int, number: int) -> tuple[Visitor, html_forms.Fields]:
    """Fill in the form up to its last button; return who did and what the button would send."""
    visitor = Visitor(port)
    visitor.network, visitor.moves = 0x100 * (number + 1), 0
    visitor.fills_in_the_form()
    visitor.connection.close()  # the server closes what is idle for long
    typed = {"email": f"person-{number}@example.org", "name": f"Person {'abcdefgh'[number % 8]}"}
    return visitor, visitor.application.filled(typed)


def _read(port: int, slugs: list[str], seen: Seen, over: threading.Event) -> None:
    """Ask for pages of every kind in turn, each article once."""
    paths = {"home": "/", "list": "/news/", "search": "/search/?q=mining", "healthz": "/healthz"}
    fresh_ones = iter(slugs)
    while not over.is_set():
        if (slug := next(fresh_ones, None)) is not None:
            paths["article"] = f"/news/{slug}"
        else:
            paths.pop("article", None)
        for kind, path in paths.items():
            seen.setdefault(kind, []).append(_ask(port, path))
        over.wait(0.1)


def _ask(port: int, path: str) -> tuple[int, float]:
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return status, time.perf_counter() - begun


def _run(app: Flask, command: str) -> tuple[str, int, float, str]:
    """Run a command in a process of its own; return its exit code, seconds and output."""
    target = Path(app.instance_path).parent / "backup.tar"
    words = [str(target) if word == "FILE" else word for word in command.split()]
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "psgflask", *words],
        cwd=ROOT,
        env={**os.environ, "PSG_INSTANCE": app.instance_path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return command, done.returncode, time.perf_counter() - begun, done.stdout


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Let another process hold the database for the length of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError("The database could not be held")
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


if __name__ == "__main__":
    sys.exit(main())
