"""The supervisor over small programs that stand for the site: starts, crashes, reloads, ends."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psgflask.ops.serving import supervisor

# Answers each connection with its number and its code; SIGHUP and SIGTERM end it.
PROGRAM = """
import os, select, signal, socket, sys, threading, time
listener, line = socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))
ended = lambda number, frame: os._exit(0)
signal.signal(signal.SIGINT, signal.SIG_IGN)
watch = lambda: select.select([line], [], []) and os._exit(0)
threading.Thread(target=watch, daemon=True).start()
{handlers}
{begins}
line.send(b"answers")
listener.setblocking(True)
while True:
    connection, _address = listener.accept()
    connection.sendall(f"{{os.getpid()}} {word}".encode())
    connection.close()
"""
ENDS = "signal.signal(signal.SIGTERM, ended); signal.signal(signal.SIGHUP, ended)"
NEVER_ENDS = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
Start = Callable[..., "Kept"]


class Kept:
    """A supervisor at work, and the program that it starts, which may be changed."""

    def __init__(self, folder: Path, program: str, python: Path) -> None:
        self.folder = folder
        self.write(program)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        quick = "; ".join(f"s.{name} = {value}" for name, value in QUICK.items())
        # By its file, as it is started: nothing of the site is imported.
        script = f"import sys, supervisor as s; {quick}; sys.executable = {str(python)!r};"
        script += f"sys.exit(s.main('127.0.0.1', '{self.port}', 'program'))"
        known = {
            **os.environ,
            "PYTHONPATH": f"{folder}:{Path(supervisor.__file__).parent}",
            # A program written anew within a second, and as long, is taken for the old one.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], env=known, stderr=subprocess.PIPE, text=True
        )

    def write(self, program: str) -> None:
        (self.folder / "program.py").write_text(program)

    def said(self) -> tuple[int, str]:
        """Ask; return the number of the process that answered, and its word."""
        for _attempt in range(600):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                    number, _space, word = connection.recv(100).decode().partition(" ")
                    return int(number), word
            except (OSError, ValueError):
                assert self.process.poll() is None, "the supervisor has ended"
                time.sleep(0.02)
        raise AssertionError("nobody answers")

    def end(self) -> tuple[int, str]:
        """Return the exit code and what was complained of."""
        _out, complaints = self.process.communicate(timeout=60)
        return self.process.returncode, complaints


# What takes seconds on a server takes less here; what is waited for is what happens, no time.
QUICK = {"FIRST_DELAY": 0.05, "MAX_DELAY": 0.2, "STOP_TIMEOUT": 0.5, "RETIRE_TIMEOUT": 0.5}
assert all(hasattr(supervisor, name) for name in QUICK)


def program(word: str = "one", *, begins: str = "", handlers: str = ENDS) -> str:
    return textwrap.dedent(PROGRAM).format(word=word, begins=begins, handlers=handlers)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor over a program."""
    kept: list[Kept] = []

    def begin(text: str, python: Path = Path(sys.executable)) -> Kept:
        kept.append(Kept(tmp_path, text, python))
        return kept[-1]

    yield begin
    for each in kept:
        each.process.kill()
        each.end()


def is_gone(number: int) -> bool:
    for _attempt in range(3000):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # whoever should have waited for it is gone
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_process_on_a_signal(start: Start, number: signal.Signals) -> None:
    kept = start(program())
    served_by, _word = kept.said()
    kept.process.send_signal(number)
    assert kept.end() == (0, "")
    assert is_gone(served_by)


def test_it_ends_even_if_its_process_ignores_signals(start: Start) -> None:
    kept = start(program(handlers=NEVER_ENDS))
    served_by, _word = kept.said()
    kept.process.terminate()
    assert kept.end() == (0, "")
    assert is_gone(served_by)


def test_it_ends_while_its_process_is_still_starting(start: Start, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    kept = start(program(begins=f"open({str(begun)!r}, 'w').close(); time.sleep(600)"))
    while not begun.exists():
        time.sleep(0.02)
    kept.process.terminate()
    assert kept.end() == (0, "")


def test_crashes_within_moments_of_each_other_do_not_end_it(start: Start) -> None:
    kept = start(program())
    numbers = []
    for _time in range(4):
        numbers.append(kept.said()[0])
        os.kill(numbers[-1], signal.SIGKILL)
        assert is_gone(numbers[-1])
    numbers.append(kept.said()[0])
    assert len(set(numbers)) == 5
    kept.process.terminate()
    _code, complaints = kept.end()
    assert complaints.count("starting anew") == 4
    assert "signal 9" in complaints


def test_what_cannot_start_at_all_ends_with_its_own_code(start: Start) -> None:
    kept = start(program(begins="sys.exit('SECRET_KEY is missing')"))
    code, complaints = kept.end()
    assert code == 1
    assert complaints.strip() == "SECRET_KEY is missing"


def test_what_cannot_start_again_is_tried_until_it_can(start: Start) -> None:
    kept = start(program())
    before, _word = kept.said()
    kept.write(program(begins="sys.exit(3)"))
    os.kill(before, signal.SIGKILL)
    assert kept.process.stderr is not None
    while "exit code 3" not in kept.process.stderr.readline():
        assert kept.process.poll() is None
    kept.write(program("two"))
    assert kept.said()[1] == "two"


def test_a_reload_puts_the_new_code_in_the_place_of_the_old(start: Start) -> None:
    kept = start(program("old"))
    before, word = kept.said()
    assert word == "old"
    kept.write(program("new"))
    kept.process.send_signal(signal.SIGHUP)
    assert is_gone(before)
    assert kept.said()[1] == "new"


def test_while_it_is_reloaded_nobody_is_turned_away(start: Start) -> None:
    kept = start(program("old"))
    kept.said()
    kept.write(program("new", begins="time.sleep(0.5)"))
    kept.process.send_signal(signal.SIGHUP)
    words = []
    while "new" not in words:
        with socket.create_connection(("127.0.0.1", kept.port), timeout=30) as connection:
            words.append(connection.recv(100).decode().partition(" ")[2])
    assert set(words) <= {"old", "new", ""}  # "": a program this small drops what it has accepted
    assert words[0] == "old"


def test_a_new_process_that_cannot_start_leaves_the_old_one_serving(start: Start) -> None:
    kept = start(program("old"))
    before = kept.said()
    kept.write(program(begins="sys.exit('broken')"))
    kept.process.send_signal(signal.SIGHUP)
    assert kept.process.stderr is not None
    while "the one before goes on" not in kept.process.stderr.readline():
        assert kept.process.poll() is None
    assert kept.said() == before


def test_a_reload_that_can_start_nothing_leaves_the_old_one_serving(
    start: Start, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    kept = start(program("old"), python=python)
    before = kept.said()
    python.unlink()
    kept.process.send_signal(signal.SIGHUP)
    assert kept.process.stderr is not None
    assert "No process can be started" in kept.process.stderr.readline()
    assert kept.said() == before
    os.kill(before[0], signal.SIGKILL)
    while "No process can be started" not in kept.process.stderr.readline():
        assert kept.process.poll() is None
    python.symlink_to(sys.executable)
    assert kept.said()[1] == "old"


def test_a_second_reload_takes_what_changed_after_the_first(start: Start) -> None:
    kept = start(program("first"))
    before, _word = kept.said()
    kept.write(program("second", begins="time.sleep(600)"))
    kept.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    kept.write(program("third"))
    kept.process.send_signal(signal.SIGHUP)
    assert is_gone(before)
    assert kept.said()[1] == "third"


def test_a_process_notices_that_its_supervisor_is_gone(start: Start) -> None:
    kept = start(program())
    served_by, _word = kept.said()
    kept.process.kill()
    assert is_gone(served_by)


def test_a_port_that_is_taken_is_reported_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert supervisor.main("127.0.0.1", port, "program") == 1
    assert capfd.readouterr().err.startswith(f"Cannot listen on port {port}: ")


def test_as_many_files_as_the_system_allows_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.getrlimit", lambda which: (1024, 20_000))
    monkeypatch.setattr("resource.setrlimit", lambda which, given: asked.append(given))
    supervisor.raise_file_limit()
    assert asked == [(20_000, 20_000)]


def test_each_restart_waits_twice_as_long_as_the_one_before_up_to_a_limit() -> None:
    listener, delays = socket.socket(), []
    with listener:
        supervised = supervisor.Supervisor(listener, [])
        for _crash in range(9):
            supervised._schedule_restart(100.0)
            assert supervised.restart_at is not None
            delays.append(supervised.restart_at - 100)
        supervised.selector.close()
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
