"""R7: eight write and fifty read at once: nobody is told that the database is locked.

`python -m tests.drills.drill_r7 [--writes 1000] [--readers 50] [--articles 500]`. The real server
behind one trusted proxy. Each writer sends applications again and again, every time with another
address from another network: a person, an application, consents, an entry of the audit; above what
an hour allows no mail. Every write must be answered as ever and be found afterwards, 99 of 100
within a second, and no reader may see an error. The readers are a process of their own, so that
what they cost is not counted as the time of a write.
"""

import argparse
import asyncio
import http.client
import itertools
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from sqlalchemy import func, select

from psgflask.core.database import db
from psgflask.members.models import Application
from tests.benchmarks.servers import serving
from tests.drills import flood
from tests.drills.drill_s4 import Visitor, forget_attempts
from tests.drills.installation import SETTINGS, close_connections, fresh

WRITERS = 8
WITHIN = 1.0  # seconds for 99 of 100 writes
# Seconds from an answer to a reader's next page: a brisk reader. Who asks faster is a flood (S2).
BETWEEN_PAGES = 1.0
BETWEEN_FORGETTING = 5.0  # seconds
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
            "PSG_SECRETARY_EMAIL": "secretary@example.org",
            "PSG_SECRET_KEY": str(SETTINGS["SECRET_KEY"]),
        }
        with serving("wsgi:app", **environment) as server:
            return drill(server.port, args.writes, args.readers)


def drill(port: int, writes: int, readers: int) -> int:
    """Write and read at once; print how that went."""
    begun = time.monotonic()
    other = multiprocessing.get_context("spawn")
    over, results = other.Event(), other.Queue()
    reading = other.Process(target=_read, args=(port, readers, over, results), daemon=True)
    reading.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(_write, port, number, writes) for number in range(WRITERS)]
        while wait(writing, timeout=BETWEEN_FORGETTING).not_done:
            forget_attempts()  # before they add up to what an hour allows in all
        written = [answer for each in writing for answer in each.result()]
    over.set()
    seen: Counter[tuple[int, str]] = results.get(timeout=60)
    reading.join()
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


def _read(port: int, readers: int, over: Event, results: "Queue[Counter[tuple[int, str]]]") -> None:
    async def all_of_them() -> Counter[tuple[int, str]]:
        seen: Counter[tuple[int, str]] = Counter()
        await asyncio.gather(*(_reader(port, number, over, seen) for number in range(readers)))
        return seen

    results.put(asyncio.run(all_of_them()))


async def _reader(port: int, number: int, over: Event, seen: Counter[tuple[int, str]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for at in itertools.count(number):
        page = PAGES[at % len(PAGES)]
        seen[await flood.request(reader, writer, page), page] += 1
        await asyncio.sleep(BETWEEN_PAGES)
        if over.is_set():
            break
    writer.close()


def _count(table: type) -> int:
    count = db.session.scalar(select(func.count()).select_from(table))
    close_connections()
    return count or 0


if __name__ == "__main__":
    sys.exit(main())
