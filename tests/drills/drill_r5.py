"""R5: harm each file of the index under a running site; it answers, notices, and mends itself.

`python -m tests.drills.drill_r5 [--articles 500]`. The real server and its worker run; a visitor
searches all the time. Every answer must be 200, and the index true again within a minute.
"""

import argparse
import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.ops.serving import commands
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import IndexUnavailable, SearchOptions
from psgflask.search.index import columns, generations
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.index.store import Store
from psgflask.search.query.parsing import parse
from psgflask.search.sync import indexer
from tests.drills.installation import fresh
from tests.search import indexes

ROOT = Path(__file__).resolve().parents[2]
MENDED_WITHIN = 60
QUERIES = ("mining", '"human rights"', "minería", "protes*", "law -mining", "xyzzy", "")


def main() -> int:
    """Run the drill; return 0 when no search failed and each harm was mended in time."""
    parser = argparse.ArgumentParser(description="R5: the index harmed under a running site")
    parser.add_argument("--articles", type=int, default=500)
    with fresh(parser.parse_args().articles) as app, site() as port, _visitor(port) as answers:
        return drill(app, answers)


def drill(app: Flask, answers: Counter[int]) -> int:
    """Do each harm and wait until it is mended; print how long that took at most."""
    whole = indexer.store(app).hashes(), _asked(indexes.store(app))
    taken: dict[str, float] = {}
    for name, harm in _harms(app):
        harm()
        begun = time.monotonic()
        while not _is_whole(app, whole) and time.monotonic() - begun < 2 * MENDED_WITHIN:
            time.sleep(0.2)
        taken[name] = time.monotonic() - begun
        print(f"{name:<28} mended in {taken[name]:4.1f} s; answers so far {dict(answers)}")
    failed = sum(answers.values()) - answers[200]
    slowest = max(taken.values())
    print(
        f"R5: {len(taken)} harms, mended in {slowest:.1f} s at most;"
        f" {sum(answers.values())} searches, {failed} failed"
    )
    return 1 if failed or not answers[200] or slowest > MENDED_WITHIN else 0


def _asked(store: Store) -> list[tuple[int, ...]]:
    """Return what somebody finds who opens the index now."""
    engine = ArrayEngine(store)
    now = utc_now()
    return [
        engine.search(parse(q, interface="en"), SearchOptions(now=now)).ids for q in QUERIES if q
    ]


def _is_whole(app: Flask, whole: tuple[dict[int, str], list[tuple[int, ...]]]) -> bool:
    store = indexes.store(app)
    store.distrust()
    try:
        return (store.hashes(), _asked(store)) == whole
    except (IndexBroken, IndexUnavailable):
        return False


def _harms(app: Flask) -> Iterator[tuple[str, Callable[[], None]]]:
    """Name each harm and do it to the files that are there then."""
    folder = indexer.store(app).folder
    ways: dict[str, Callable[[Path], None]] = {
        "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
        "flip": _flip,
        "empty": lambda file: os.truncate(file, 0),
        "delete": Path.unlink,
    }
    for kind in (".toc", ".trm", ".pst", ".col", "sums.json", *columns.SUFFIXES):
        for way, harm in ways.items():
            file = _file(folder, kind)
            yield f"{way} {kind}", lambda harm=harm, file=file: harm(file)  # type: ignore[misc]  # bound now
    yield "delete current", (folder / generations.POINTER).unlink
    yield "empty the folder", lambda: shutil.rmtree(folder)


def _file(folder: Path, kind: str) -> Path:
    generation = generations.current(folder)
    found = [file for file in generation.iterdir() if file.name.endswith(kind)]
    return max(found, key=lambda file: file.stat().st_size)


def _flip(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte[0] ^ 0x40]))


@contextmanager
def site() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = commands.server_command("127.0.0.1", port)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _attempt in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def _visitor(port: int) -> Iterator[Counter[int]]:
    """Search all the time in a thread; count the answers by their status, 0 for none."""
    answers: Counter[int] = Counter()
    leave = threading.Event()

    def search() -> None:
        while not leave.is_set():
            for query in QUERIES:
                answers[_ask(port, f"/search/?q={quote(query)}")] += 1
            leave.wait(0.05)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield answers
    finally:
        leave.set()
        thread.join()


def _ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
