"""The worker: runs the packages' background tasks, one thread each, one worker per installation."""

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
from flask import Flask
from flask.cli import with_appcontext

from psgflask.core import clock_watch, config, database, failures, integrity
from psgflask.core.clock import format_time, utc_now
from psgflask.core.terminal import echo
from psgflask.mail import worker_task as mail_task
from psgflask.members import worker_task as members_task
from psgflask.news import worker_task as news_task
from psgflask.ops import hourly_backups, readiness, worker_lock
from psgflask.ops.worker_lock import TaskFailure, WorkerLock
from psgflask.search import worker_task as search_task
from psgflask.web.site import current_site

log = logging.getLogger(__name__)

INTERVAL = 5.0  # seconds
# The longest interval between retries: a task succeeds within a minute of the cause being removed.
MAX_INTERVAL = 30.0
# A task that takes longer is hanging; a rebuild of 50,000 articles takes 20 minutes.
HANGING_AFTER = 3600.0
REPORT_INTERVAL = 60.0
# Seconds for tasks to end on a stop; the process is given 10.
STOP_TIMEOUT = 8.0


class Task(NamedTuple):
    """A periodic background task; `name` is its name in the log and in `flask doctor`.

    `run(app)` opens a session of its own, and is retried when it fails. With `takes_stop` it is
    called as `run(app, stop)`, to end early when the event is set.
    """

    name: str
    run: Callable[..., object]
    takes_stop: bool = False


TASKS: tuple[Task, ...] = (
    Task("clock", clock_watch.run),
    Task("search index", search_task.update_index),
    Task("members", members_task.run),
    Task("search counts", search_task.tidy_search_log),
    Task("database", database.checkpoint),
    Task("database check", integrity.run),
    Task("mail", mail_task.run, takes_stop=True),
    Task("backups", hourly_backups.run, takes_stop=True),
    Task("attached PDFs", news_task.run, takes_stop=True),
)


class TaskRunner:
    """Runs a task in a thread of its own, so that it cannot block another."""

    def __init__(self, worker: "Worker", task: Task) -> None:
        self.worker = worker
        self.task = task
        self.failures = 0
        self.failing_since: datetime | None = None
        self.started: float | None = None  # monotonic; None between runs
        self.error = self.advice = ""

    def run(self) -> None:
        """Run the task until the worker stops, at longer intervals while it fails."""
        while not self.worker.stopping.is_set():
            self.run_once()
            self.worker.stopping.wait(self.interval)

    def run_once(self) -> None:
        """Run the task once."""
        self.started = time.monotonic()
        arguments = (self.worker.stopping,) if self.task.takes_stop else ()
        try:
            self.task.run(self.worker.app, *arguments)
        except Exception as error:
            self._failed(error)
        else:
            self._succeeded()
        finally:
            self.started = None

    @property
    def interval(self) -> float:
        """Seconds until the next run: doubled by each consecutive failure, up to MAX_INTERVAL."""
        interval = self.worker.interval
        return min(interval * 2.0 ** min(self.failures, 10), max(interval, MAX_INTERVAL))

    def failure(self) -> TaskFailure | None:
        """Return how the task fails or hangs, None if it does neither."""
        started, since = self.started, self.failing_since
        duration = time.monotonic() - started if started is not None else 0.0
        if since is not None:
            error, advice = self.error, self.advice
        elif duration > HANGING_AFTER:
            since = utc_now() - timedelta(seconds=duration)
            error, advice = "it does not come to an end", "Restart the server, or psgflask worker"
        else:
            return None
        since_text = since.isoformat(timespec="seconds")
        return TaskFailure(self.task.name, since_text, self.failures, error, advice)

    def _failed(self, error: Exception) -> None:
        text = failures.describe(error)
        is_new = text != self.error
        self.failures += 1
        self.failing_since = self.failing_since or utc_now()
        self.error, self.advice = text, failures.advice(error)
        if is_new:
            failures.log_failure(log, f"The worker's task {self.task.name!r} failed", error)
        elif self.failures & (self.failures - 1) == 0:  # repeated: logged at growing intervals
            message = "The worker's task %r failed %d times since %s: %s"
            log.error(message, self.task.name, self.failures, format_time(self.failing_since), text)
        self.worker.write_failures()

    def _succeeded(self) -> None:
        if self.failing_since is None:
            return
        log.warning(
            "The worker's task %r succeeds again, after %d failures", self.task.name, self.failures
        )
        self.failures, self.failing_since, self.error, self.advice = 0, None, "", ""
        self.worker.write_failures()


class Worker:
    """Runs the tasks in one process of the installation at a time."""

    def __init__(
        self, app: Flask, tasks: tuple[Task, ...] = TASKS, *, interval: float = INTERVAL
    ) -> None:
        self.app = app
        self.interval = interval
        self.runners = [TaskRunner(self, task) for task in tasks]
        # May be set from any thread, and from a signal handler.
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: WorkerLock | None = None
        self._writing = threading.Lock()

    def start(self) -> None:
        """Start the tasks in daemon threads."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """Wait up to `timeout` seconds for running tasks to end; return whether they have.

        Those that have not keep running, and holding the lock, until the process ends: so another
        worker does not send the same mail meanwhile. The process may end at any time.
        """
        self.stopping.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        if not self._thread.is_alive():
            return True
        late = ", ".join(runner.task.name for runner in self.runners if runner.started) or "none"
        log.warning("Tasks of the worker that did not end within %g seconds: %s", timeout, late)
        return False

    def run_once(self) -> None:
        """Run every task once, in this thread."""
        for runner in self.runners:
            runner.run_once()

    def write_failures(self) -> None:
        """Write the failing tasks to the lock file, for `flask doctor`."""
        with self._writing:
            if self._lock is not None:
                self._lock.write(filter(None, (runner.failure() for runner in self.runners)))

    def _run(self) -> None:
        """Take the lock as soon as no other process holds it, and run the tasks until stopped."""
        while (lock := self._take_lock()) is None:
            if self.stopping.wait(self.interval):
                return
        self._lock = lock
        threads = [
            threading.Thread(target=runner.run, name=runner.task.name, daemon=True)
            for runner in self.runners
        ]
        for thread in threads:
            thread.start()
        while not self.stopping.wait(REPORT_INTERVAL):
            self.write_failures()  # a hanging task does not write itself
        for thread in threads:
            thread.join()  # or the next holder of the lock would send the same mail
        lock.close()

    def _take_lock(self) -> WorkerLock | None:
        try:
            return worker_lock.acquire(Path(self.app.instance_path))
        except OSError as error:
            log.error("Cannot take the worker's lock: %s", failures.describe(error))
            return None


def init_app(app: Flask) -> None:
    """Add `flask worker`. Nothing runs until a server calls `start`."""
    hourly_backups.init_app(app)
    app.cli.add_command(worker)


def is_running(app: Flask) -> bool:
    """Say whether a worker of this installation runs, in whichever process."""
    return worker_lock.is_held(Path(app.instance_path))


def start(app: Flask) -> Worker | None:
    """Start the worker beside a server, unless WORKER is off; a command starts none."""
    if not app.config["WORKER"] or config.in_command():
        return None
    worker_ = Worker(app)
    worker_.start()
    return worker_


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Do the background work in the foreground, until Ctrl-C."""
    readiness.check_ready()
    app = current_site()
    background = Worker(app)
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, lambda number, frame: background.stopping.set())
    echo("The worker runs, or stands by while the server's does (Ctrl-C stops it)")
    background.start()
    background.stopping.wait()
    if not background.stop():
        # End without waiting for the threads: every task may be killed at any time.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
