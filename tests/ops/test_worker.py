"""The worker: one per installation, undeterred by faults, and gone when it is told to go."""

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

from psgflask.core import failures
from psgflask.core.clock import utc_now
from psgflask.ops import worker, worker_lock
from psgflask.ops.serving import startup
from psgflask.ops.worker import Task, Worker
from psgflask.search import worker_task as search_task
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer
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


class Hanging:
    """A task that begins and does not end until it may."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = (threading.Event() for _each in range(3))

    def __call__(self, app: Flask) -> None:
        self.begun.set()
        self.may_end.wait(60)
        self.ended.set()


class Failing:
    """A task that fails as long as it is told to."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __call__(self, app: Flask) -> None:
        if self.error is not None:
            raise self.error


def at_work(app: Flask, *sweeps: Callable[..., object], interval: float = 0.001) -> Worker:
    """Return a worker with these tasks, named after their places."""
    named = tuple(Task(f"task {place}", sweep) for place, sweep in enumerate(sweeps))
    return Worker(app, named, interval=interval)


def troubles(app: Flask) -> list[tuple[str, int, str]]:
    """Return what another process reads of the worker's tasks."""
    told = worker_lock.read_failures(Path(app.instance_path))
    return [(each.task, each.times, each.error) for each in told or ()]


def test_rounds_go_on_until_the_worker_is_stopped(app: Flask) -> None:
    rounds = Rounds()
    running = at_work(app, rounds)
    running.start()
    rounds.wait_for(3)
    assert running.stop(30)
    assert not worker.is_running(app)
    done = rounds.count
    assert not rounds.ran.acquire(timeout=0.05) or rounds.count == done


def test_only_one_worker_of_an_installation_is_at_work(app: Flask) -> None:
    first, second = Rounds(), Rounds()
    one, two = at_work(app, first), at_work(app, second)
    one.start()
    first.wait_for(1)
    two.start()
    first.wait_for(20)
    assert second.count == 0
    assert worker.is_running(app)
    one.stop(30)
    second.wait_for(1)  # the other takes over
    two.stop(30)


def test_a_worker_that_stands_by_stops_at_once(app: Flask) -> None:
    first = Rounds()
    one, two = at_work(app, first), at_work(app, first, interval=3600)
    one.start()
    first.wait_for(1)
    two.start()
    assert two.stop(30)
    assert worker.is_running(app)
    one.stop(30)


def test_a_task_that_fails_delays_no_other_and_is_retried(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    rounds, tries = Rounds(), Rounds()

    def failing(app: Flask) -> None:
        tries(app)
        raise RuntimeError("the disk is full")

    running = at_work(app, failing, rounds)
    running.start()
    tries.wait_for(3)
    rounds.wait_for(3)
    running.stop(30)
    assert "the disk is full" in caplog.text


def test_failures_of_one_task_make_no_other_wait_longer(app: Flask) -> None:
    running = at_work(app, Failing(OSError("no")), Failing(None), interval=5)
    for _round in range(10):
        running.run_once()
    assert [runner.interval for runner in running.runners] == [worker.MAX_INTERVAL, 5]


def test_failures_in_a_row_make_a_task_wait_longer_up_to_half_a_minute(app: Flask) -> None:
    failing = Failing(OSError("no"))
    running = at_work(app, failing, interval=5)
    (runner,) = running.runners
    pauses = []
    for _round in range(20):
        running.run_once()
        pauses.append(runner.interval)
    assert pauses[:3] == [10, 20, 30]
    assert max(pauses) == worker.MAX_INTERVAL <= 30
    failing.error = None
    running.run_once()
    assert runner.interval == 5


def test_a_task_that_hangs_delays_no_other(app: Flask) -> None:
    hanging, rounds = Hanging(), Rounds()
    running = at_work(app, hanging, rounds)
    running.start()
    assert hanging.begun.wait(30)
    rounds.wait_for(3)
    hanging.may_end.set()
    assert running.stop(30)


def test_stopping_the_worker_does_not_wait_for_a_hanging_task_and_names_it(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = Hanging()
    running = at_work(app, Failing(None), hanging, interval=3600)
    running.start()
    assert hanging.begun.wait(30)
    assert not running.stop(0.01)
    assert "task 1" in caplog.text
    assert "task 0" not in caplog.text
    assert worker.is_running(app)  # or another one would send the same mail
    hanging.may_end.set()
    assert running.stop(30)
    assert hanging.ended.is_set()
    assert not worker.is_running(app)


def test_a_task_that_is_waiting_sees_the_stop_event(app: Flask) -> None:
    begun = threading.Event()

    def waiting(app: Flask, stop: threading.Event) -> None:
        begun.set()
        stop.wait(60)

    running = Worker(app, (Task("waiting", waiting, takes_stop=True),), interval=0.001)
    running.start()
    assert begun.wait(30)
    assert running.stop(30)


def test_which_task_fails_is_written_down_until_it_succeeds(app: Flask) -> None:
    failing, rounds = Failing(OSError(28, "No space left on device")), Rounds()
    running = at_work(app, failing, rounds, interval=3600)
    running.start()
    rounds.wait_for(1)
    (runner, _other) = running.runners
    while not runner.failures or runner.started:
        rounds.ran.acquire(timeout=0.01)
    assert troubles(app) == [("task 0", 1, failures.NO_SPACE)]
    runner.run_once()
    assert troubles(app) == [("task 0", 2, failures.NO_SPACE)]
    failing.error = None
    runner.run_once()
    assert troubles(app) == []
    running.stop(30)


def test_a_task_that_does_not_come_to_an_end_is_written_down(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HANGING_AFTER", -1.0)
    hanging = Hanging()
    running = at_work(app, hanging)
    running.start()
    assert hanging.begun.wait(30)
    running.write_failures()
    assert troubles(app) == [("task 0", 0, "it does not come to an end")]
    hanging.may_end.set()
    running.stop(30)


def test_the_same_failure_is_logged_whole_once_and_then_ever_more_seldom(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(RuntimeError("one"))
    running = at_work(app, failing)
    for _round in range(100):
        running.run_once()
    assert caplog.text.count("Traceback") == 1
    assert len(caplog.records) == 7  # the first; after 2, 4, 8, 16, 32 and 64
    failing.error = KeyError("another")
    running.run_once()
    assert caplog.text.count("Traceback") == 2
    failing.error = None
    running.run_once()
    assert "succeeds again, after 101 failures" in caplog.text


def test_stopping_wakes_a_worker_that_waits(app: Flask) -> None:
    rounds = Rounds()
    running = at_work(app, rounds, interval=3600)
    running.start()
    rounds.wait_for(1)
    assert running.stop(30)


def test_a_scheduled_article_is_indexed_once_its_time_has_come(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    due = now + timedelta(hours=1)
    article = factories.article(session, "By itself", status="scheduled", at=due, now=now)
    number = article.id
    session.rollback()
    Worker(app).run_once()
    assert number not in indexer.store(app).hashes()
    monkeypatch.setattr(search_task, "utc_now", lambda: due)
    Worker(app).run_once()
    assert number in indexer.store(app).hashes()


def test_a_change_that_nobody_indexed_is_indexed_by_the_worker(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    indexer.rebuild(app)
    article = factories.article(session, "Forgotten by its process")
    indexer.store(app).apply([], [article.id])
    session.add(LedgerEntry(article_id=article.id))
    session.commit()
    Worker(app).run_once()
    assert session.scalars(select(LedgerEntry)).all() == []
    assert "1 result" in client.get("/search/?q=forgotten").text


def test_building_the_app_starts_nothing(make_app: Callable[..., Flask]) -> None:
    before = threading.active_count()
    app = make_app(WORKER=True)
    assert threading.active_count() == before
    assert not worker.is_running(app)


def test_a_server_starts_the_worker_unless_the_setting_is_off(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds()
    monkeypatch.setattr(Worker.__init__, "__defaults__", ((Task("rounds", rounds),),))
    assert worker.start(make_app(WORKER=False)) is None
    running = worker.start(make_app(WORKER=True))
    assert running is not None
    rounds.wait_for(1)
    assert running.stop(30)


def test_each_task_of_a_server_has_a_name_of_its_own(app: Flask) -> None:
    names = [runner.task.name for runner in Worker(app).runners]
    assert len(set(names)) == len(names) >= 5


def test_what_a_server_loads_has_the_worker_beside_it(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Flask] = []
    monkeypatch.setattr(worker, "start", started.append)
    monkeypatch.setenv("PSG_SECRET_KEY", "only-in-tests")
    app = startup.create_serving_app()
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


HANGS = """
import signal, sys, threading, time
from psgflask.ops import worker

started = threading.Semaphore(0)

def asleep(app):
    started.release()
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass

def busy(app):
    started.release()
    while True:
        pass

def with_a_pool(app):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor() as pool:
        pool.submit(asleep, app).result()

tasks = tuple(worker.Task(sweep.__name__, sweep) for sweep in (asleep, busy, with_a_pool))
worker.Worker.__init__.__defaults__ = (tasks,)
worker.Worker.stop.__defaults__ = (0.1,)
echo, worker.echo = worker.echo, lambda text: None
threading.Thread(
    target=lambda: [started.acquire() for _each in tasks] and echo("all hang"), daemon=True
).start()
from flask.cli import FlaskGroup
from psgflask import create_app
FlaskGroup(create_app=create_app)(["worker"])
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_flask_worker_ends_when_asked_whatever_its_threads_do(
    instance: Path, how: signal.Signals
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", HANGS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PSG_SECRET_KEY": "x", "PSG_INSTANCE": str(instance)},
    )
    assert running.stdout is not None
    assert "all hang" in running.stdout.readline()
    assert worker_lock.is_held(instance)
    running.send_signal(how)
    _out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert all(name in err for name in ("asleep", "busy", "with_a_pool"))
    assert not worker_lock.is_held(instance)
