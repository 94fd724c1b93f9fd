"""Several processes on one installation, some of them killed: no published article is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news.models import Article
from psgflask.search import worker_task
from psgflask.search.sync import indexer
from tests import factories
from tests.search import indexes
from tests.search.indexes import queue_length

ROOT = Path(__file__).resolve().parents[3]


def publisher(count: int, *how: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.drills.publisher", str(count), *how]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))


def articles_in(session: Session) -> int:
    number = session.scalar(select(func.count()).select_from(Article))
    session.rollback()
    return number or 0


def test_two_processes_that_publish_at_once_leave_nothing_out(app: Flask, session: Session) -> None:
    both = [publisher(8), publisher(8)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert articles_in(session) == 16
    assert len(indexer.store(app).hashes()) == 16
    assert queue_length(app) == 0
    assert not indexer.check(app)


def test_a_process_killed_between_commit_and_indexing_loses_nothing(
    app: Flask, session: Session
) -> None:
    killed = publisher(3, "die")
    assert killed.wait(60) == -signal.SIGKILL
    assert articles_in(session) == 3
    assert len(indexer.store(app).hashes()) == 2
    worker_task.update_index(app)
    assert len(indexer.store(app).hashes()) == 3
    assert not indexer.check(app)


def test_the_next_commit_of_any_process_indexes_what_a_killed_one_left(
    app: Flask, session: Session
) -> None:
    publisher(2, "die").wait(60)
    factories.article(session)
    assert len(indexer.store(app).hashes()) == 3


def test_a_process_killed_anywhere_leaves_an_index_that_can_be_read(
    app: Flask, session: Session
) -> None:
    indexer.rebuild(app)
    chance = random.Random(1)
    for _round in range(4):
        before = articles_in(session)
        running = publisher(500)
        while articles_in(session) == before:
            assert running.poll() is None
            time.sleep(0.02)
        time.sleep(chance.random() / 4)
        running.kill()
        running.wait(60)
        indexes.store(app).open_reader().close()
    worker_task.update_index(app)
    assert len(indexer.store(app).hashes()) == articles_in(session)
    assert not indexer.check(app)
