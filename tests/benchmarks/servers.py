"""Starts the real server for a benchmark and reads what it costs from the kernel."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from psgflask.ops.serving import commands

ROOT = Path(__file__).resolve().parents[2]
CLOCK = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server; CPU seconds are those of all its processes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far by the server and its children, in seconds."""
        return sum(map(_cpu, _family(self.process.pid)))

    def rss_megabytes(self) -> float:
        """Return the resident memory of the server and its children, in megabytes."""
        return sum(map(_rss, _family(self.process.pid)))


@contextmanager
def serving(target: str = "", **environment: str) -> Iterator[Server]:
    """Serve the site, or another application (MODULE:APP), as `make serve` does."""
    port = _free_port()
    process = subprocess.Popen(  # our own command
        commands.server_command("127.0.0.1", port, target),
        cwd=ROOT,
        env={**os.environ, **commands.server_environment(), **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(timeout=20)


def load(port: int, paths: list[str], *, headers: dict[str, str] | None = None) -> float:
    """Ask for each path in turn over one connection; return the seconds it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    for path in paths:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}")
    elapsed = time.perf_counter() - started
    connection.close()
    return elapsed


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _attempt in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"The server stopped with {process.returncode}")
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                connection.request("HEAD", "/healthz")
                connection.getresponse()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not answer within 30 seconds")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
