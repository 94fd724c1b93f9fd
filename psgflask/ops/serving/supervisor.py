"""Keeps the site served: owns the listening socket, and starts anew the process that answers on it.

`python supervisor.py HOST PORT MODULE [TARGET]` needs nothing but Python itself, so that it starts
in no time, stays small and does what signals ask whatever state the site is in: SIGTERM and SIGINT
end it within ten seconds, SIGHUP puts a new process in the place of the present one. Both listen
on the same socket meanwhile, so no connection is refused or reset.
"""

import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
# More connections may wait to be accepted than a process that is starting needs to find.
BACKLOG = 2048
# Connections are files too; what the system allows at most is seldom what it allows at first.
MOST_FILES = 65_536
# Seconds: a process is told to end, and ended when it has not; systemd would wait for 90.
ENDS_WITHIN = 8.5
# A process that makes room for the next has connections to bring to an end.
RETIRES_WITHIN = 34.0
# One that starts and never says that it answers is given up.
STARTS_WITHIN = 120.0
# After a crash: at once, then at growing intervals. One that lived so long had started well.
FIRST_DELAY, LONGEST_DELAY, LIVED_WELL = 0.5, 30.0, 60.0


class Child:
    """A process that serves; it says on `line` that it answers, and ends when that is closed.

    Raises OSError where no process can be started.
    """

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self.line, theirs = socket.socketpair()
        self.line.setblocking(False)
        handed = (listener.fileno(), theirs.fileno())
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                    [*command, str(listener.fileno()), str(theirs.fileno())], pass_fds=handed
                )
            except OSError:
                self.line.close()
                raise
        self.born = time.monotonic()
        self.answers = False
        self.dies_at: float | None = None

    def tell(self, what: signal.Signals, within: float) -> None:
        """Send a signal that ends it; it is killed if it has not ended `within` so many seconds."""
        if self.process.poll() is None:
            self.process.send_signal(what)
        dies_at = time.monotonic() + within
        self.dies_at = dies_at if self.dies_at is None else min(self.dies_at, dies_at)

    def close(self) -> None:
        """Let go of a process that has ended."""
        self.line.close()


class Supervisor:
    """One process that serves, and while it is being replaced two."""

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self.listener, self.command = listener, command
        self.selector = selectors.DefaultSelector()
        self.serving: Child | None = None  # the one that answers, or is the only one there is
        self.coming: Child | None = None  # the one that is to take its place
        self.retired: list[Child] = []
        self.delay = FIRST_DELAY
        self.starts_at: float | None = None
        self.has_served = False
        self.ending = False
        self.status = 0

    def run(self) -> int:
        """Serve until told to end; return the exit code."""
        woken, wakes = socket.socketpair()
        for end in (woken, wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        for each in SIGNALS:
            signal.signal(each, lambda number, frame: None)
        self.selector.register(woken, selectors.EVENT_READ)
        self.starts_at = time.monotonic()
        self._look_after()
        while not self.ending or self._children():
            for key, _events in self.selector.select(self._pause()):
                if key.fileobj is woken:
                    for number in woken.recv(64):
                        self._heard(signal.Signals(number))
                else:
                    self._said(key.data)
            self._look_after()
        return self.status

    def _start(self) -> Child | None:
        """Start a process; None where that cannot be done now."""
        try:
            child = Child(self.listener, self.command)
        except OSError as error:
            _say(f"No process can be started ({error.strerror or error})")
            return None
        self.selector.register(child.line, selectors.EVENT_READ, child)
        return child

    def _children(self) -> list[Child]:
        return [child for child in (self.serving, self.coming, *self.retired) if child]

    def _heard(self, number: signal.Signals) -> None:
        if number in {signal.SIGTERM, signal.SIGINT}:
            self.ending = True
            for child in self._children():
                child.tell(signal.SIGTERM, ENDS_WITHIN)
        elif number == signal.SIGHUP and not self.ending:
            if self.serving is None:
                self.starts_at = time.monotonic()
            else:
                if self.coming is not None:  # it may have begun with what has changed since
                    self.coming.process.kill()
                    self.retired.append(self.coming)
                self.coming = self._start()

    def _said(self, child: Child) -> None:
        """A process says that it answers, or has closed its line because it ends."""
        try:
            said = child.line.recv(16)
        except OSError:
            said = b""
        if not said:
            self.selector.unregister(child.line)
            return
        child.answers = self.has_served = True
        if child is self.coming and self.serving is not None:
            self.serving.tell(signal.SIGHUP, RETIRES_WITHIN)
            self.retired.append(self.serving)
            self.serving, self.coming = child, None

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self._children():
            if child.process.poll() is None:
                overdue = not child.answers and now - child.born > STARTS_WITHIN
                if overdue or (child.dies_at is not None and now >= child.dies_at):
                    child.process.kill()
                continue
            if child.line.fileno() in self.selector.get_map():
                self.selector.unregister(child.line)
            child.close()
            self._ended(child, now)
        if self.starts_at is not None and now >= self.starts_at and not self.ending:
            self.starts_at, self.serving = None, self._start()
            if self.serving is None:
                self._starts_later(now)

    def _ended(self, child: Child, now: float) -> None:
        if child in self.retired:
            self.retired.remove(child)
        elif child is self.coming:
            self.coming = None
            if not self.ending:
                _say(f"The new process ended ({_how(child)}): the one before goes on serving")
        else:
            self.serving = None
            self._lost(child, now)

    def _lost(self, child: Child, now: float) -> None:
        """The only process has ended."""
        if self.ending:
            return
        if self.coming is not None:
            self.serving, self.coming = self.coming, None
            return
        code = child.process.returncode
        if code > 0 and not self.has_served:
            # It cannot start at all, and has said why: to try again would only say so again.
            self.ending, self.status = True, code
            return
        if now - child.born > LIVED_WELL:
            self.delay = FIRST_DELAY
        _say(f"The serving process ended ({_how(child)}): starting anew in {self.delay:g} s")
        self._starts_later(now)

    def _starts_later(self, now: float) -> None:
        self.starts_at = now + self.delay
        self.delay = min(self.delay * 2, LONGEST_DELAY)

    def _pause(self) -> float | None:
        """Return the seconds until something is to be done unasked; None when nothing is."""
        moments = [child.dies_at for child in self._children() if child.dies_at is not None]
        moments += [child.born + STARTS_WITHIN for child in self._children() if not child.answers]
        if self.starts_at is not None:
            moments.append(self.starts_at)
        return max(min(moments) - time.monotonic(), 0.05) if moments else None


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that all processes share. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server(
        (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
    )
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def allow_files() -> None:
    """Let this process and those that it starts hold as many connections as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(host: str, port: str, module: str, *target: str) -> int:
    """Serve until told to end; return the exit code."""
    allow_files()
    try:
        listener = listen(host, int(port))
    except OSError as error:
        _say(f"Cannot listen on port {port}: {error.strerror or error}")
        return 1
    with listener:
        return Supervisor(listener, [sys.executable, "-m", module, *target]).run()


def _how(child: Child) -> str:
    code = child.process.returncode
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _say(text: str) -> None:
    os.write(2, f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
