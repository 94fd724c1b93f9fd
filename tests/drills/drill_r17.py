"""R17: reload under load, SIGTERM at every moment of a start, crashes of the serving process.

`python -m tests.drills.drill_r17 [--requests 100000] [--clients 16] [--reloads 10]`. Requests go
to the real server, with and without keep-alive, while it is reloaded again and again as
docs/operating.md says: none may fail. Then the server is told to end at every tenth of a second of
its start, its process is killed time and again, and at last its supervisor.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.servers import ROOT, Server, serving
from tests.drills.installation import fresh

PATHS = ("/", "/news/", "/healthz", "/search/?q=mining", "/topics/")
ENDS_WITHIN = 10.0
COMES_BACK_WITHIN = 10.0


def main() -> int:
    """Run the drill; return 0 when nothing failed and everything ended in time."""
    parser = argparse.ArgumentParser(description="R17: reload, end, crash")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--reloads", type=int, default=10)
    args = parser.parse_args()
    with fresh(200) as app:
        os.environ["PSG_INSTANCE"] = app.instance_path
        well = all(
            _reloaded(args.requests, args.clients, args.reloads, keep_alive=keep_alive)
            for keep_alive in (True, False)
        )
        well = _ended_while_starting() and well
        well = _crashed() and well
        return 0 if _orphaned() and well else 1


def _reloaded(requests: int, clients: int, reloads: int, *, keep_alive: bool) -> bool:
    with serving() as server:
        begun = time.monotonic()
        answers, done = asyncio.run(_asked(server, requests, clients, reloads, keep_alive))
        seconds = time.monotonic() - begun
        left = len(_serving(server.process.pid))
    failed = requests - answers[200]
    way = "with" if keep_alive else "without"
    print(
        f"R17 {way} keep-alive: {requests} requests in {seconds:.0f} s, {done} reloads,"
        f" {failed} failed ({dict(answers)}); {left} processes left",
        flush=True,
    )
    return not failed and done >= reloads


async def _asked(
    server: Server, requests: int, clients: int, reloads: int, keep_alive: bool
) -> tuple[Counter[int], int]:
    answers: Counter[int] = Counter()
    numbers = iter(range(requests))

    async def reload() -> int:
        done = 0
        while answers.total() < requests:
            await asyncio.sleep(0.05)
            if done < reloads and answers.total() * (reloads + 1) > requests * (done + 1):
                before = _serving(server.process.pid)
                server.process.send_signal(signal.SIGHUP)
                done += 1
                for _attempt in range(300):  # one after the other, as a volunteer would
                    await asyncio.sleep(0.1)
                    if _serving(server.process.pid) - before and len(answers):
                        break
        return done

    reloading = asyncio.create_task(reload())
    await asyncio.gather(
        *(_client(server.port, numbers, answers, keep_alive) for _number in range(clients))
    )
    return answers, await reloading


async def _client(
    port: int, numbers: Iterator[int], answers: Counter[int], keep_alive: bool
) -> None:
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in numbers:
        try:
            line = line or await asyncio.open_connection("127.0.0.1", port)
            status, goes_on = await _one(*line, PATHS[number % len(PATHS)], keep_alive)
        except (OSError, EOFError, ValueError):
            status, goes_on = 0, False
        answers[status] += 1
        if line is not None and not goes_on:
            line[1].close()
            with contextlib.suppress(OSError):
                await line[1].wait_closed()
            line = None
    if line is not None:
        line[1].close()


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, keep_alive: bool
) -> tuple[int, bool]:
    """Return the status of an answer, and whether the connection goes on."""
    close = "" if keep_alive else "Connection: close\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{close}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers.get("connection") != "close" and keep_alive


def _ended_while_starting() -> bool:
    """Tell the server to end after so and so long; it must have ended within ten seconds."""
    longest, left = 0.0, 0
    for tenths in range(1, 41):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "flask", "--app", "psgflask", "serve", "--port", str(port)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            time.sleep(tenths / 10)
            children = _serving(process.pid)
            begun = time.monotonic()
            process.terminate()
            process.wait(timeout=60)
            longest = max(longest, time.monotonic() - begun)
            left += sum(Path(f"/proc/{child}").exists() for child in children)
    print(f"R17 SIGTERM after .1 to 4 s of a start: ended in {longest:.1f} s at most, {left} left")
    return longest <= ENDS_WITHIN and not left


def _crashed() -> bool:
    """Kill the serving process three times; each time it must answer again."""
    longest = 0.0
    with serving() as server:
        for _time in range(3):
            for child in _serving(server.process.pid):
                os.kill(child, signal.SIGKILL)
            begun = time.monotonic()
            while not _answers(server.port) and time.monotonic() - begun < 60:
                time.sleep(0.05)
            longest = max(longest, time.monotonic() - begun)
    print(f"R17 killed 3 times one after the other: answers again after {longest:.1f} s at most")
    return longest <= COMES_BACK_WITHIN


def _orphaned() -> bool:
    """Kill the supervisor; what it started must end too, and leave the port."""
    with serving() as server:
        children = _serving(server.process.pid)
        server.process.kill()
        begun = time.monotonic()
        while any(_runs(child) for child in children) and time.monotonic() - begun < 30:
            time.sleep(0.05)
        seconds = time.monotonic() - begun
    print(f"R17 supervisor killed: its process ended after {seconds:.1f} s")
    return seconds <= ENDS_WITHIN


def _serving(pid: int) -> set[int]:
    with contextlib.suppress(OSError):
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return set()


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            return connection.recv(100).startswith(b"HTTP/1.0 200")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
