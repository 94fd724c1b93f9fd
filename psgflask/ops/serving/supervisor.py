"""The supervisor: owns the listening socket, and restarts the process that serves on it.

`python supervisor.py HOST PORT MODULE [TARGET]` uses only the standard library, so that it starts
quickly, stays small and handles signals whatever the state of the site: SIGTERM and SIGINT stop it
within ten seconds, SIGHUP replaces the serving process. Both processes listen on the same socket
meanwhile, so no connection is refused or reset.
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
# The longest queue of connections while a process starts.
BACKLOG = 2048
# Connections are file descriptors too, and the soft limit is usually low.
MAX_FILES = 65_536
# Seconds from SIGTERM to SIGKILL; systemd's default is 90.
STOP_TIMEOUT = 8.5
# The same for a process that is replaced: its connections are drained first.
RETIRE_TIMEOUT = 34.0
# A process that is not ready by then is killed.
START_TIMEOUT = 120.0
# Delays of restarts after crashes, doubled each time; a process that ran this long was healthy.
FIRST_DELAY, MAX_DELAY, HEALTHY_AFTER = 0.5, 30.0, 60.0


class Child:
    """A serving process; it writes to `pipe` when it is ready, and stops when that is closed.

    Raises OSError when no process can be started.
    """

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self.pipe, theirs = socket.socketpair()
        self.pipe.setblocking(False)
        inherited = (listener.fileno(), theirs.fileno())
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                    [*command, str(listener.fileno()), str(theirs.fileno())], pass_fds=inherited
                )
            except OSError:
                self.pipe.close()
                raise
        self.started_at = time.monotonic()
        self.ready = False
        self.killed_at: float | None = None

    def stop(self, number: signal.Signals, timeout: float) -> None:
        """Send a signal that stops it, and have it killed after so many seconds."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        killed_at = time.monotonic() + timeout
        self.killed_at = killed_at if self.killed_at is None else min(self.killed_at, killed_at)

    def close(self) -> None:
        """Close the pipe of a process that has ended."""
        self.pipe.close()


class Supervisor:
    """Runs one serving process, and two while it is being replaced."""

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self.listener, self.command = listener, command
        self.selector = selectors.DefaultSelector()
        self.current: Child | None = None
        self.replacement: Child | None = None
        self.retired: list[Child] = []
        self.delay = FIRST_DELAY
        self.restart_at: float | None = None
        self.has_been_ready = False
        self.stopping = False
        self.status = 0

    def run(self) -> int:
        """Serve until stopped; return the exit code."""
        woken, wakes = socket.socketpair()
        for end in (woken, wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        for each in SIGNALS:
            signal.signal(each, lambda number, frame: None)
        self.selector.register(woken, selectors.EVENT_READ)
        self.restart_at = time.monotonic()
        self._reap_and_restart()
        while not self.stopping or self._children():
            for key, _events in self.selector.select(self._select_timeout()):
                if key.fileobj is woken:
                    for number in woken.recv(64):
                        self._handle_signal(signal.Signals(number))
                else:
                    self._handle_pipe(key.data)
            self._reap_and_restart()
        return self.status

    def _start(self) -> Child | None:
        """Start a process; None when that fails."""
        try:
            child = Child(self.listener, self.command)
        except OSError as error:
            _log(f"No process can be started ({error.strerror or error})")
            return None
        self.selector.register(child.pipe, selectors.EVENT_READ, child)
        return child

    def _children(self) -> list[Child]:
        return [child for child in (self.current, self.replacement, *self.retired) if child]

    def _handle_signal(self, number: signal.Signals) -> None:
        if number in {signal.SIGTERM, signal.SIGINT}:
            self.stopping = True
            for child in self._children():
                child.stop(signal.SIGTERM, STOP_TIMEOUT)
        elif number == signal.SIGHUP and not self.stopping:
            if self.current is None:
                self.restart_at = time.monotonic()
            else:
                if self.replacement is not None:  # it may have read what has changed since
                    self.replacement.process.kill()
                    self.retired.append(self.replacement)
                self.replacement = self._start()

    def _handle_pipe(self, child: Child) -> None:
        """Handle a process that is ready, or that has closed its pipe as it stops."""
        try:
            message = child.pipe.recv(16)
        except OSError:
            message = b""
        if not message:
            self.selector.unregister(child.pipe)
            return
        child.ready = self.has_been_ready = True
        if child is self.replacement and self.current is not None:
            self.current.stop(signal.SIGHUP, RETIRE_TIMEOUT)
            self.retired.append(self.current)
            self.current, self.replacement = child, None

    def _reap_and_restart(self) -> None:
        now = time.monotonic()
        for child in self._children():
            if child.process.poll() is None:
                overdue = not child.ready and now - child.started_at > START_TIMEOUT
                if overdue or (child.killed_at is not None and now >= child.killed_at):
                    child.process.kill()
                continue
            if child.pipe.fileno() in self.selector.get_map():
                self.selector.unregister(child.pipe)
            child.close()
            self._handle_exit(child, now)
        if self.restart_at is not None and now >= self.restart_at and not self.stopping:
            self.restart_at, self.current = None, self._start()
            if self.current is None:
                self._schedule_restart(now)

    def _handle_exit(self, child: Child, now: float) -> None:
        if child in self.retired:
            self.retired.remove(child)
        elif child is self.replacement:
            self.replacement = None
            if not self.stopping:
                _log(
                    f"The new process ended ({_exit_reason(child)}): the one before goes on serving"
                )
        else:
            self.current = None
            self._handle_crash(child, now)

    def _handle_crash(self, child: Child, now: float) -> None:
        """Handle the end of the only process."""
        if self.stopping:
            return
        if self.replacement is not None:
            self.current, self.replacement = self.replacement, None
            return
        code = child.process.returncode
        if code > 0 and not self.has_been_ready:
            # It cannot start, and has printed why: a retry would fail as well.
            self.stopping, self.status = True, code
            return
        if now - child.started_at > HEALTHY_AFTER:
            self.delay = FIRST_DELAY
        _log(
            f"The serving process ended ({_exit_reason(child)}): starting anew in {self.delay:g} s"
        )
        self._schedule_restart(now)

    def _schedule_restart(self, now: float) -> None:
        self.restart_at = now + self.delay
        self.delay = min(self.delay * 2, MAX_DELAY)

    def _select_timeout(self) -> float | None:
        """Return the seconds until the next kill or restart; None when none is due."""
        times = [child.killed_at for child in self._children() if child.killed_at is not None]
        times += [child.started_at + START_TIMEOUT for child in self._children() if not child.ready]
        if self.restart_at is not None:
            times.append(self.restart_at)
        return max(min(times) - time.monotonic(), 0.05) if times else None


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that all serving processes share. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server(
        (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
    )
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def raise_file_limit() -> None:
    """Raise the limit of open files, for this process and its children, to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(host: str, port: str, module: str, *target: str) -> int:
    """Serve until stopped; return the exit code."""
    raise_file_limit()
    try:
        listener = listen(host, int(port))
    except OSError as error:
        _log(f"Cannot listen on port {port}: {error.strerror or error}")
        return 1
    with listener:
        return Supervisor(listener, [sys.executable, "-m", module, *target]).run()


def _exit_reason(child: Child) -> str:
    code = child.process.returncode
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _log(text: str) -> None:
    os.write(2, f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
