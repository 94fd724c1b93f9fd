"""R7: eight write and fifty read at once: nobody is told that the database is locked.

`python -m tests.drills.drill_r7 [--writes 1000] [--readers 50] [--articles 500]`. The real server
behind one trusted proxy. Each writer sends applications again and again, every time with another
address from another network: a person, an application, consents, an entry of the audit; above what
an hour allows no mail. Every write must be answered as ever and be found afterwards, 99 of 100
within a second, and no reader may see an error.
"""

import argparse
import http.client
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from psgflask.core.database import db
from psgflask.members.models import Application
from tests.benchmarks.servers import serving
from tests.drills.drill_s4 import Visitor
from tests.drills.installation import SETTINGS, close_connections, fresh

WRITERS = 8
WITHIN = 1.0  # seconds for 99 of 100 writes
PAGES = ("/", "/news/", "/topics/", "/search/?q=mining", "/members/join", "/news.atom")


def main() -> int:
    """Run the drill; return 0 when nothing was refused, lost or late."""
    parser = argparse.ArgumentParser(description="R7: writers and readers at once")
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--articles", type=int, default=500)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        environment = {
            "PSG_INSTANCE": app.instance_path,
            "PSG_TRUSTED_PROXIES": "1",
            "PSG_SECRET_KEY": str(SETTINGS["SECRET_KEY"]),
        }
        with serving("wsgi:app", **environment) as server:
            return drill(server.port, args.writes, args.readers)


def drill(port: int, writes: int, readers: int) -> int:
    """Write and read at once; print how that went."""
    over = threading.Event()
    begun = time.monotonic()
    with ThreadPoolExecutor(WRITERS + readers) as pool:
        reading = [pool.submit(_read, port, number, over) for number in range(readers)]
        writing = [pool.submit(_write, port, number, writes) for number in range(WRITERS)]
        written = [answer for each in writing for answer in each.result()]
        over.set()
        seen = sum((each.result() for each in reading), Counter[tuple[int, str]]())
    seconds = time.monotonic() - begun
    refused = Counter(status for status, _taken in written if status != http.client.SEE_OTHER)
    slow = statistics.quantiles([taken for _status, taken in written], n=100)[98]
    kept = _count(Application)
    errors = {key: count for key, count in seen.items() if key[0] != http.client.OK}
    wanted = WRITERS * writes
    print(
        f"R7: {WRITERS} writers, {wanted} writes, {sum(refused.values())} refused"
        f" {dict(refused) or ''}, {kept} applications found, p99 {slow:.2f} s; {readers} readers,"
        f" {seen.total()} pages, {sum(errors.values())} errors {errors or ''}; {seconds:.0f} s"
    )
    return 1 if refused or errors or kept != wanted or slow > WITHIN else 0


def _write(port: int, number: int, writes: int) -> list[tuple[int, float]]:
    visitor = Visitor(port)
    visitor.fills_in_the_form()
    visitor.network = (number + 1) * 0x1000  # each writer has networks of its own
    answers = []
    for at in range(writes):
        (status, _headers, _page), taken = visitor.applies(f"w{number}-{at}@example.org")
        answers.append((status, taken))
    return answers


def _read(port: int, number: int, over: threading.Event) -> Counter[tuple[int, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seen: Counter[tuple[int, str]] = Counter()
    while not over.wait(0.1):
        page = PAGES[(number + seen.total()) % len(PAGES)]
        connection.request("GET", page)
        answer = connection.getresponse()
        answer.read()
        seen[answer.status, page] += 1
    connection.close()
    return seen


def _count(table: type) -> int:
    count = db.session.scalar(select(func.count()).select_from(table))
    close_connections()
    return count or 0


if __name__ == "__main__":
    sys.exit(main())
