"""What must happen without a visitor: index ledger, due articles, mail, retention, counts."""

import fcntl
import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from psgflask import config
from psgflask.mail import sending
from psgflask.members import tending
from psgflask.news import texts
from psgflask.search import keeper, searches

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
LONGEST_PAUSE = 300.0
LOCK = "worker.lock"

# What a round does. A task takes the app, opens a session of its own, and may fail: the next
# round tries again.
Task = Callable[[Flask], object]
TASKS: tuple[Task, ...] = (keeper.sweep, tending.sweep, searches.sweep)
# A task that waits for others, and is told by the event when it is to look up. Errands go
# in a thread of their own: a mail server that hangs keeps no article from the index.
Errand = Callable[[Flask, threading.Event], object]
ERRANDS: tuple[Errand, ...] = (sending.sweep, texts.sweep)


class Worker:
    """Does the tasks in rounds, in one process of the installation at a time."""

    def __init__(
        self,
        app: Flask,
        tasks: tuple[Task, ...] = TASKS,
        *,
        errands: tuple[Errand, ...] = (),
        every: float = EVERY_SECONDS,
    ) -> None:
        self.app = app
        self.tasks = tasks
        self.errands = errands
        self.every = every
        self.failures = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """Run in a thread that ends with the process."""
        self._thread = threading.Thread(target=self.run, name="worker", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the present round end, then stop; waits for the thread, `timeout` in seconds."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        """Do rounds until stopped, as long as no other process of the installation does."""
        abroad: threading.Thread | None = None
        try:
            while not self._stop.is_set():
                if self._holds_lock():
                    if abroad is None and self.errands:
                        abroad = threading.Thread(target=self._run_errands, name="errands")
                        abroad.daemon = True
                        abroad.start()
                    self.round()
                self._stop.wait(self.pause)
        finally:
            if abroad is not None:
                abroad.join()  # or the next to hold the lock would send the same mail
            self._let_go()

    def round(self) -> None:
        """Do every task once; one that fails is logged and keeps none of the others back."""
        failed = [task for task in self.tasks if not self._did(task, self.app)]
        self.failures = self.failures + 1 if failed else 0

    def _run_errands(self) -> None:
        failures = 0
        while not self._stop.is_set():
            failed = [task for task in self.errands if not self._did(task, self.app, self._stop)]
            failures = failures + 1 if failed else 0
            self._stop.wait(self._pause_after(failures))

    @staticmethod
    def _did(task: Callable[..., object], *given: object) -> bool:
        try:
            task(*given)
        except Exception:
            log.exception("The worker's task %s failed", getattr(task, "__name__", task))
            return False
        return True

    @property
    def pause(self) -> float:
        """Seconds until the next round: doubled by every failure in a row, to a bound."""
        return self._pause_after(self.failures)

    def _pause_after(self, failures: int) -> float:
        return min(self.every * 2.0 ** min(failures, 10), max(self.every, LONGEST_PAUSE))

    def _holds_lock(self) -> bool:
        """Take the lock of the installation; a process that dies lets it go by dying."""
        if self._lock is not None:
            return True
        try:
            file = Path(self.app.instance_path, LOCK).open("a")  # noqa: SIM115  # held open
        except OSError:
            log.exception("Cannot open the worker's lock")
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._lock = file
        return True

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def init_app(app: Flask) -> None:
    """Add `flask worker`. Nothing runs until a server calls `start`."""
    app.cli.add_command(worker)


def runs(app: Flask) -> bool:
    """Say whether a worker of this installation is at work, in whichever process."""
    try:
        with Path(app.instance_path, LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def start(app: Flask) -> Worker | None:
    """Start the worker beside a server, unless WORKER is off; a command starts none."""
    if not app.config["WORKER"] or config.by_command():
        return None
    running = Worker(app, errands=ERRANDS)
    running.start()
    return running


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Do the background work in the foreground, until Ctrl-C."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    running = Worker(app, errands=ERRANDS)
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, lambda number, frame: running.stop())
    click.echo("The worker runs, or stands by while the server's does (Ctrl-C stops it)")
    running.run()
