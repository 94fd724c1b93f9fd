"""R18: a soak: forty requests a second of every kind, hostile ones among them; nothing may grow.

`python -m tests.drills.drill_r18 [--articles 10000] [--fill 20000] [--minutes 10] [--rate 40]`. The
real server, its arenas bounded as `flask serve` bounds them (`--arenas 0` leaves them to the
system). First `--fill` requests of the same kinds, as fast as they are answered: caches that have
a bound grow until they reach it. Then a line a minute: resident memory, open files, threads, the
time that responses took. From the first minute to the last the memory may grow by 5 % and the open
files not at all; the drift of the times is reported, and judged by whoever knows what else the
machine did.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote

from flask import Flask
from sqlalchemy import select

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.models import Article
from psgflask.search.language import words
from psgflask.search.sync import article_documents
from tests.benchmarks.servers import Server, serving
from tests.drills.installation import close_connections, fresh

MAX_GROWTH = 0.05
MORE_FILES = 12  # connections that clients have open at the moment of counting
CLIENTS = 20
FORMATS = ("/", "/es/", "/news/", "/topics/", "/updates/", "/sitemap.xml", "/news.atom", "/about/")
FAULTS = range(500, 503)  # 503 is how the site says that it is busy

Address = Callable[[Random], tuple[str, str]]
Turns = asyncio.Queue[tuple[str, str] | None]


@dataclass
class Minute:
    """What was seen in one minute."""

    taken: list[float] = field(default_factory=list)  # ms
    statuses: Counter[int] = field(default_factory=Counter)
    megabytes: float = 0
    files: int = 0
    threads: int = 0

    @property
    def p95(self) -> float:
        """What all but one answer in twenty took, in ms."""
        ordered = sorted(self.taken) or [float("nan")]
        return ordered[int(0.95 * (len(ordered) - 1))]

    def summary(self) -> str:
        """Return it as a line."""
        answered = ", ".join(f"{code}: {n}" for code, n in sorted(self.statuses.items()))
        return (
            f"{self.megabytes:.0f} MB, {self.files} files, {self.threads} threads,"
            f" p95 {self.p95:.0f} ms; {answered}"
        )


def main() -> int:
    """Run the drill; return 0 when nothing grew and nothing failed."""
    parser = argparse.ArgumentParser(description="R18: a soak")
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--fill", type=int, default=20_000, help="requests that fill the caches")
    parser.add_argument("--rate", type=float, default=40, help="requests a second")
    parser.add_argument("--arenas", type=int, default=2, help="MALLOC_ARENA_MAX; 0: the system's")
    args = parser.parse_args()
    with fresh(args.articles) as app:
        address = _addresses(app)
        known = {"PSG_INSTANCE": app.instance_path}
        known["MALLOC_ARENA_MAX"] = str(args.arenas)
        with serving(**known) as server:
            minutes = asyncio.run(_soak(server, address, args.fill, args.minutes, args.rate))
    return _judged(minutes)


def _judged(minutes: Sequence[Minute]) -> int:
    first, last = minutes[0], minutes[-1]
    span = max(1, len(minutes) - 1)
    grown = last.megabytes / first.megabytes - 1
    slope = (last.megabytes - first.megabytes) / span
    faults = sum(minute.statuses[code] for minute in minutes for code in (0, *FAULTS))
    print(
        f"R18: {sum(len(minute.taken) for minute in minutes)} requests in {len(minutes)} minutes;"
        f" {first.megabytes:.0f} -> {last.megabytes:.0f} MB"
        f" ({grown:+.1%}, {slope:+.1f} MB a minute), files {first.files} -> {last.files},"
        f" p95 {first.p95:.0f} -> {last.p95:.0f} ms; {faults} faults"
    )
    return 1 if faults or grown > MAX_GROWTH or last.files > first.files + MORE_FILES else 0


async def _soak(
    server: Server, address: Address, fill: int, minutes: int, rate: float
) -> list[Minute]:
    chance, seen = Random(18), []
    print(f"R18, at first: {server.rss_megabytes():.0f} MB", flush=True)
    filling = Minute()
    async with _clients(server.port, filling) as turns:
        for _request in range(fill):
            await turns.put(address(chance))
    _count(server, filling)
    print(f"R18, filled by {fill} requests: {filling.summary()}", flush=True)
    for number in range(1, minutes + 1):
        minute, end = Minute(), time.monotonic() + 60
        async with _clients(server.port, minute) as turns:
            due = time.monotonic()
            while due < end:
                await turns.put(address(chance))
                due = max(due + 1 / rate, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        _count(server, minute)
        seen.append(minute)
        print(f"R18, minute {number}: {minute.summary()}", flush=True)
    return seen


@asynccontextmanager
async def _clients(port: int, minute: Minute) -> AsyncIterator[Turns]:
    """Give what takes requests; all of them are answered when the block ends."""
    turns: Turns = asyncio.Queue(CLIENTS)
    clients = [asyncio.create_task(_client(port, turns, minute)) for _n in range(CLIENTS)]
    yield turns
    for _each in clients:
        await turns.put(None)
    await asyncio.gather(*clients)


def _count(server: Server, minute: Minute) -> None:
    minute.megabytes = server.rss_megabytes()
    minute.files, minute.threads = _counted(server)


async def _client(port: int, turns: Turns, minute: Minute) -> None:
    while (turn := await turns.get()) is not None:
        path, header = turn
        begun = time.perf_counter()
        status = await _ask(port, path, header)
        minute.taken.append((time.perf_counter() - begun) * 1000)
        minute.statuses[status] += 1


async def _ask(port: int, path: str, header: str) -> int:
    """Ask on a connection of its own; 0 where there is no answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{header}\r\n"
        writer.write(head.encode())
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        return int(answer.split(b" ", 2)[1])
    except (OSError, IndexError, ValueError, TimeoutError):
        return 0


def _addresses(app: Flask) -> Address:
    """Return what chooses an address and the headers that go with it."""
    with app.app_context():
        session = db.session()
        some = article_documents.documents_of(session, range(1, 400), utc_now())
        known = [word.folded for each in some for word in words(each.body) if len(word.folded) > 3]
        rows = session.execute(
            select(Article.id, Article.order_date, Article.language, Article.slug).where(
                catalogue.published(utc_now()), Article.kind.in_(catalogue.NEWS_KINDS)
            )
        ).all()
        close_connections()

    def one(chance: Random) -> str:
        number, day, language, slug = chance.choice(rows)
        return chance.choice(
            (
                chance.choice(FORMATS),
                f"{'/es' * (language == 'es')}/news/{slug}",
                f"/news/{day.year}/{day.month:02}/",
                f"/news/?before={day}.{number}",
                f"/search/?q={chance.choice(known)}+{chance.choice(known)}",
                f"/search/?q={_misspelt(chance, chance.choice(known))}",
                f"/search/suggest?q={chance.choice(known)[:5]}",
                f"/search.json?q={chance.choice(known)}&sort=newest",
                f"/news.php?position={chance.randrange(9_000)}",
                f"/nothing/{chance.random()}",
            )
        )

    def choose(chance: Random) -> tuple[str, str]:
        noise = f"{chance.random()}"
        if chance.random() < 0.8:
            return one(chance), "Accept-Encoding: gzip, br\r\n"
        return chance.choice(
            (
                (f"/search/?q={quote('🦙' + noise)}{'x' * 50_000}", ""),
                (f"/search/?q={'+'.join(_misspelt(chance, noise) for _n in range(60))}", ""),
                ("/", f"Accept-Encoding: br;q={noise}, {'x' * 60_000}\r\n"),
                ("/", f"Cookie: a={noise}{'y' * 60_000}\r\nX-{noise}: {'z' * 30_000}\r\n"),
                (f"/news/?before={noise}&before={noise}", ""),
                (f"/news/?{'&'.join(f'a{n}={noise}' for n in range(190))}", ""),
                (f"/topics?x={noise}{'x' * 3_000}", ""),
                (f"/{noise}{'x' * 1_900}", ""),
            )
        )

    return choose


def _misspelt(chance: Random, word: str) -> str:
    letters = list(word)
    letters[chance.randrange(len(letters))] = chance.choice("abcdefghijklmnñopqrstuvwxyzáé")
    return quote("".join(letters) + chance.choice("bcdfg"))


def _counted(server: Server) -> tuple[int, int]:
    """Return the open files and threads of the server and its children."""
    files = threads = 0
    waiting = [server.process.pid]
    while waiting:
        pid = waiting.pop()
        process = Path(f"/proc/{pid}")
        files += len(os.listdir(process / "fd"))  # noqa: PTH208  # a link may be gone by now
        threads += len(os.listdir(process / "task"))  # noqa: PTH208  # likewise
        children = (process / f"task/{pid}/children").read_text().split()
        waiting += [int(child) for child in children]
    return files, threads


if __name__ == "__main__":
    sys.exit(main())
