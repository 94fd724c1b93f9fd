"""The worker: one per installation, undeterred by faults, and gone when it is told to go."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask import serving, worker
from psgflask.database import utc_now
from psgflask.mail import sending
from psgflask.news import texts
from psgflask.search import keeper
from psgflask.search.models import LedgerEntry
from psgflask.worker import Worker
from tests import factories


class Rounds:
    """A task that tells when it has run so often."""

    def __init__(self) -> None:
        self.count = 0
        self.ran = threading.Semaphore(0)

    def __call__(self, app: Flask) -> None:
        self.count += 1
        self.ran.release()

    def wait_for(self, rounds: int) -> None:
        for _round in range(rounds):
            assert self.ran.acquire(timeout=30)


def test_rounds_go_on_until_the_worker_is_stopped(app: Flask) -> None:
    rounds = Rounds()
    running = Worker(app, (rounds,), every=0.001)
    running.start()
    rounds.wait_for(3)
    running.stop()
    assert not worker.runs(app)
    done = rounds.count
    assert not rounds.ran.acquire(timeout=0.05) or rounds.count == done


def test_only_one_worker_of_an_installation_is_at_work(app: Flask) -> None:
    first, second = Rounds(), Rounds()
    one, two = Worker(app, (first,), every=0.001), Worker(app, (second,), every=0.001)
    one.start()
    first.wait_for(1)
    two.start()
    first.wait_for(20)
    assert second.count == 0
    assert worker.runs(app)
    one.stop()
    second.wait_for(1)  # the other takes over
    two.stop()


def test_a_task_that_fails_keeps_no_other_back_and_is_tried_again(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = Rounds()

    def failing(app: Flask) -> None:
        raise RuntimeError("the disk is full")

    running = Worker(app, (failing, rounds), every=0.001)
    running.start()
    rounds.wait_for(3)
    running.stop()
    assert "the disk is full" in caplog.text


def test_an_errand_that_waits_for_another_machine_keeps_no_task_back(app: Flask) -> None:
    rounds, hanging = Rounds(), threading.Event()

    def errand(app: Flask, stop: threading.Event) -> None:
        hanging.set()
        stop.wait(60)

    running = Worker(app, (rounds,), errands=(errand,), every=0.001)
    running.start()
    assert hanging.wait(30)
    rounds.wait_for(3)
    running.stop(30)
    assert running._thread is not None
    assert not running._thread.is_alive()


def test_the_worker_goes_when_its_errands_have_ended(app: Flask) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def errand(app: Flask, stop: threading.Event) -> None:
        begun.set()
        may_end.wait(60)
        ended.set()

    running = Worker(app, (), errands=(errand,), every=0.001)
    running.start()
    assert begun.wait(30)
    running.stop(0)
    assert worker.runs(app)  # or another one would send the same mail
    may_end.set()
    running.stop(30)
    assert ended.is_set()
    assert not worker.runs(app)


def test_an_errand_that_fails_is_tried_again(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    ran = threading.Semaphore(0)

    def failing(app: Flask, stop: threading.Event) -> None:
        ran.release()
        raise RuntimeError("no route to the mail server")

    running = Worker(app, (), errands=(failing,), every=0.001)
    running.start()
    for _time in range(3):
        assert ran.acquire(timeout=30)
    running.stop(30)
    assert "no route to the mail server" in caplog.text


def test_an_errand_of_a_worker_that_stands_by_is_not_done(app: Flask) -> None:
    first, done = Rounds(), threading.Event()
    one = Worker(app, (first,), every=0.001)
    two = Worker(app, (), errands=(lambda app, stop: done.set(),), every=0.001)
    one.start()
    first.wait_for(1)
    two.start()
    first.wait_for(20)
    assert not done.is_set()
    one.stop()
    assert done.wait(30)
    two.stop()


def test_faults_in_a_row_make_it_wait_longer_up_to_a_bound(app: Flask) -> None:
    failing = Worker(app, (lambda app: 1 / 0,), every=5)
    pauses = []
    logging.disable()
    try:
        for _round in range(20):
            failing.round()
            pauses.append(failing.pause)
    finally:
        logging.disable(logging.NOTSET)
    assert pauses[:3] == [10, 20, 40]
    assert max(pauses) == worker.LONGEST_PAUSE
    failing.tasks = ()
    failing.round()
    assert failing.pause == 5


def test_stopping_wakes_a_worker_that_waits(app: Flask) -> None:
    rounds = Rounds()
    running = Worker(app, (rounds,), every=3600)
    running.start()
    rounds.wait_for(1)
    running.stop(timeout=30)
    assert running._thread is not None
    assert not running._thread.is_alive()


def test_a_scheduled_article_is_indexed_once_its_time_has_come(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    due = now + timedelta(hours=1)
    article = factories.article(session, "By itself", status="scheduled", at=due, now=now)
    number = article.id
    session.rollback()
    Worker(app).round()
    assert number not in keeper.store(app).hashes()
    monkeypatch.setattr(keeper, "utc_now", lambda: due)
    Worker(app).round()
    assert number in keeper.store(app).hashes()


def test_a_change_that_nobody_indexed_is_indexed_by_the_worker(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    keeper.rebuild(app)
    article = factories.article(session, "Forgotten by its process")
    keeper.store(app).apply([], [article.id])
    session.add(LedgerEntry(article_id=article.id))
    session.commit()
    Worker(app).round()
    assert session.scalars(select(LedgerEntry)).all() == []
    assert "1 result" in client.get("/search/?q=forgotten").text


def test_building_the_app_starts_nothing(make_app: Callable[..., Flask]) -> None:
    before = threading.active_count()
    app = make_app(WORKER=True)
    assert threading.active_count() == before
    assert not worker.runs(app)


def test_a_server_starts_the_worker_unless_it_is_told_not_to(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds()
    monkeypatch.setattr(Worker.__init__, "__defaults__", ((rounds,),))
    assert worker.start(make_app(WORKER=False)) is None
    running = worker.start(make_app(WORKER=True))
    assert running is not None
    assert running.errands == worker.ERRANDS == (sending.sweep, texts.sweep)
    rounds.wait_for(1)
    running.stop()


def test_what_a_server_loads_has_the_worker_beside_it(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Flask] = []
    monkeypatch.setattr(worker, "start", started.append)
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    app = serving.site()
    assert started == [app]


def test_a_command_starts_no_worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    app.config["WORKER"] = True

    @app.cli.command("look")
    def look() -> None:
        started.append(worker.start(app))

    assert app.test_cli_runner().invoke(args=["look"]).exit_code == 0
    assert started == [None]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_flask_worker_works_in_the_foreground_and_stops_when_asked(
    instance: Path, how: signal.Signals
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "psgflask", "worker"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PSG_SECRET_KEY": "x", "PSG_INSTANCE": str(instance)},
    )
    assert running.stdout is not None
    assert "The worker runs" in running.stdout.readline()
    running.send_signal(how)
    running.communicate(timeout=60)
    assert running.returncode == 0
