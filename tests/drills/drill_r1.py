"""R1: kill the worker at random points of indexing; the index stays readable, nothing is lost.

`python -m tests.drills.drill_r1 [--kills 500] [--articles 300] [--seed 1]`. Each time some
articles are published, changed and withdrawn while another process has the index, so that the
worker must bring them in; it is killed with SIGKILL in the middle. Then the index is opened.
"""

import argparse
import os
import random
import signal
import sys
import time

from flask import Flask
from sqlalchemy import select

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue, publishing
from psgflask.news.models import Article
from psgflask.search import worker_task
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import IndexUnavailable, SearchOptions
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.query.parsing import parse
from psgflask.search.sync import indexer
from tests import factories
from tests.drills.installation import SETTINGS, close_connections, fresh
from tests.search import indexes

RECOVERY_SECONDS = 60
EVERY_REBUILD = 5  # of so many workers one builds the index anew
QUESTION = parse("article OR revised", interface="en")  # some article always answers it


def main() -> int:
    """Run the drill; return 0 when the index was readable each time and true in the end."""
    parser = argparse.ArgumentParser(description="R1: the worker killed while it indexes")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        return drill(app, args.kills, random.Random(args.seed))


def drill(app: Flask, kills: int, chance: random.Random) -> int:
    """Kill as often as told; print how often the index could not be read and what is lost."""
    unreadable = finished = 0
    usual: dict[bool, float] = {}  # seconds that the work takes, with and without a rebuild
    for rebuild in (False, True):
        _change(app, 0)
        close_connections()
        _done, usual[rebuild] = _work(rebuild)
    for number in range(1, kills + 1):
        _change(app, number)
        close_connections()
        rebuild = number % EVERY_REBUILD == 0
        # The first of each kind takes about thrice as long as those that follow.
        was_done, _seconds = _work(rebuild, killed_after=chance.uniform(0.0, usual[rebuild] / 3))
        finished += was_done
        try:
            indexer.store(app).distrust()
            indexer.store(app).hashes()
            found = (
                ArrayEngine(indexes.store(app)).search(QUESTION, SearchOptions(now=utc_now())).total
            )
            if not found:
                unreadable += 1
                print(f"kill {number}: nothing is found")
        except (IndexBroken, IndexUnavailable) as broken:
            unreadable += 1
            print(f"kill {number}: {broken}")
    begun = time.monotonic()
    worker_task.update_index(app)
    lost = _published() - indexer.store(app).hashes().keys()
    drift = indexer.check(app)
    seconds = time.monotonic() - begun
    files = len(list(indexer.store(app).folder.rglob("*")))
    print(
        f"R1: {kills} kills ({finished} workers were done before), {unreadable} times unreadable,"
        f" {len(lost)} articles lost, {len(drift.ids)} differ, {seconds:.1f} s to the end,"
        f" {files} files"
    )
    return 1 if unreadable or lost or drift or seconds > RECOVERY_SECONDS else 0


def _change(app: Flask, number: int) -> None:
    held = indexer.store(app).writing(wait=True)
    assert held is not None
    with held:  # so that the commits leave the index to the worker
        session = db.session()
        for each in range(3):
            factories.article(session, f"Article {number} {each}", body=f"Word{number} " * 200)
        there = session.scalars(select(Article).order_by(Article.id.desc()).limit(12)).all()
        publishing.withdraw(session, there[-1], by="drill", now=utc_now())
        publishing.revise(
            session, there[-2], factories.draft(f"Revised {number}"), by="drill", now=utc_now()
        )
        session.commit()


def _work(rebuild: bool, *, killed_after: float | None = None) -> tuple[bool, float]:
    """Let a worker of its own sweep or rebuild; say whether it was done, and after how long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        app = create_app(SETTINGS)
        os.write(writing, b".")  # the app is up: from here on kills meet indexing
        indexer.rebuild(app) if rebuild else worker_task.update_index(app)
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    begun = time.monotonic()
    if killed_after is not None:
        time.sleep(killed_after)
        os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    return os.WIFEXITED(status), time.monotonic() - begun


def _published() -> set[int]:
    found = set(db.session.scalars(select(Article.id).where(catalogue.published(utc_now()))))
    db.session.remove()
    return found


if __name__ == "__main__":
    sys.exit(main())
