"""What must happen without a visitor: index ledger, due articles, mail, retention, counts."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from psgflask.core import clock_watch, config, database, failures, integrity
from psgflask.core.clock import utc_now
from psgflask.mail import worker_task as mail_task
from psgflask.members import worker_task
from psgflask.news import worker_task as news_task
from psgflask.ops import worker_lock
from psgflask.ops.worker_lock import Trouble, WorkerLock
from psgflask.search import worker_task as search_task

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
# After failures in a row a task is tried again so much later at most: once the cause is gone,
# it has healed within a minute.
LONGEST_PAUSE = 30.0
# What takes longer than any work of a task hangs; a rebuild of 50,000 articles takes 20 minutes.
HANGS_AFTER_SECONDS = 3600.0
LOOK_EVERY_SECONDS = 60.0
# Seconds from being told to stop to the end of the process, with a margin to the 10 that whoever
# asked waits for.
GRACE = 8.0


class Task(NamedTuple):
    """What is done again and again; `name` is what the log and `flask doctor` call it.

    `sweep` takes the app, opens a session of its own, and may fail: it is tried again. One that
    may wait for others is given the event too that tells it when to come to an end.
    """

    name: str
    sweep: Callable[..., object]
    heeds_stop: bool = False


TASKS: tuple[Task, ...] = (
    Task("clock", clock_watch.run),
    Task("search index", search_task.update_index),
    Task("members", worker_task.run),
    Task("search counts", search_task.tidy_search_log),
    Task("database", database.checkpoint),
    Task("database check", integrity.run),
    Task("mail", mail_task.run, heeds_stop=True),
    Task("attached PDFs", news_task.run, heeds_stop=True),
)


class Job:
    """A task in a thread of its own: whatever it does, it keeps no other back."""

    def __init__(self, worker: "Worker", task: Task) -> None:
        self.worker = worker
        self.task = task
        self.failures = 0
        self.since: datetime | None = None  # the first of these failures
        self.begun: float | None = None  # while it is at work, by the monotonic clock
        self.error = self.advice = ""

    def run(self) -> None:
        """Do the task until the worker is to stop, at longer intervals while it fails."""
        while not self.worker.stopping.is_set():
            self.once()
            self.worker.stopping.wait(self.pause)

    def once(self) -> None:
        """Do the task once."""
        self.begun = time.monotonic()
        given = (self.worker.stopping,) if self.task.heeds_stop else ()
        try:
            self.task.sweep(self.worker.app, *given)
        except Exception as error:
            self._failed(error)
        else:
            self._succeeded()
        finally:
            self.begun = None

    @property
    def pause(self) -> float:
        """Seconds until the next time: doubled by every failure in a row, to a bound."""
        every = self.worker.every
        return min(every * 2.0 ** min(self.failures, 10), max(every, LONGEST_PAUSE))

    def trouble(self) -> Trouble | None:
        """Return what is wrong with the task, if anything is."""
        begun, since = self.begun, self.since
        taken = time.monotonic() - begun if begun is not None else 0.0
        if since is not None:
            error, advice = self.error, self.advice
        elif taken > HANGS_AFTER_SECONDS:
            since = utc_now() - timedelta(seconds=taken)
            error, advice = "it does not come to an end", "Restart the server, or psgflask worker"
        else:
            return None
        told = since.isoformat(timespec="seconds")
        return Trouble(self.task.name, told, self.failures, error, advice)

    def _failed(self, error: Exception) -> None:
        new = (words := failures.describe(error)) != self.error
        self.failures += 1
        self.since = self.since or utc_now()
        self.error, self.advice = words, failures.advice(error)
        if new:
            failures.log_failure(log, f"The worker's task {self.task.name!r} failed", error)
        elif self.failures & (self.failures - 1) == 0:  # the same again: at growing intervals
            told = "The worker's task %r failed %d times since %s: %s"
            log.error(told, self.task.name, self.failures, f"{self.since:%H:%M:%S UTC}", words)
        self.worker.report()

    def _succeeded(self) -> None:
        if self.since is None:
            return
        log.warning(
            "The worker's task %r succeeds again, after %d failures", self.task.name, self.failures
        )
        self.failures, self.since, self.error, self.advice = 0, None, "", ""
        self.worker.report()


class Worker:
    """Does the tasks again and again, in one process of the installation at a time."""

    def __init__(
        self, app: Flask, tasks: tuple[Task, ...] = TASKS, *, every: float = EVERY_SECONDS
    ) -> None:
        self.app = app
        self.every = every
        self.jobs = [Job(self, task) for task in tasks]
        # Set by whoever wants it to stop, a signal handler too.
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: WorkerLock | None = None
        self._reporting = threading.Lock()

    def start(self) -> None:
        """Run in threads that end with the process."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = GRACE) -> bool:
        """Let what is being done come to its end, for `timeout` seconds; say whether it has.

        What has not goes on, under the lock, until the process ends: so another worker does not
        send the same mail meanwhile. The process may end at any time.
        """
        self.stopping.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        if not self._thread.is_alive():
            return True
        late = ", ".join(job.task.name for job in self.jobs if job.begun) or "none"
        log.warning("Tasks of the worker that did not end within %g seconds: %s", timeout, late)
        return False

    def round(self) -> None:
        """Do every task once, here and now."""
        for job in self.jobs:
            job.once()

    def report(self) -> None:
        """Write down which tasks are in trouble, for `flask doctor`."""
        with self._reporting:
            if self._lock is not None:
                self._lock.write(filter(None, (job.trouble() for job in self.jobs)))

    def _run(self) -> None:
        """Do the tasks until told to stop, as soon as no other process of the installation does."""
        while (lock := self._take_lock()) is None:
            if self.stopping.wait(self.every):
                return
        self._lock = lock
        threads = [
            threading.Thread(target=job.run, name=job.task.name, daemon=True) for job in self.jobs
        ]
        for thread in threads:
            thread.start()
        while not self.stopping.wait(LOOK_EVERY_SECONDS):
            self.report()  # one that hangs says nothing itself
        for thread in threads:
            thread.join()  # or the next to hold the lock would send the same mail
        lock.close()

    def _take_lock(self) -> WorkerLock | None:
        try:
            return worker_lock.acquire(Path(self.app.instance_path))
        except OSError as error:
            log.error("Cannot take the worker's lock: %s", failures.describe(error))
            return None


def init_app(app: Flask) -> None:
    """Add `flask worker`. Nothing runs until a server calls `start`."""
    app.cli.add_command(worker)


def runs(app: Flask) -> bool:
    """Say whether a worker of this installation is at work, in whichever process."""
    return worker_lock.is_held(Path(app.instance_path))


def start(app: Flask) -> Worker | None:
    """Start the worker beside a server, unless WORKER is off; a command starts none."""
    if not app.config["WORKER"] or config.in_command():
        return None
    running = Worker(app)
    running.start()
    return running


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Do the background work in the foreground, until Ctrl-C."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    running = Worker(app)
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, lambda number, frame: running.stopping.set())
    click.echo("The worker runs, or stands by while the server's does (Ctrl-C stops it)")
    running.start()
    running.stopping.wait()
    if not running.stop():
        # Whatever a thread waits for, nobody waits for it. What it does is done so that a process
        # may be killed at any moment.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
