"""S23: slow, silent and broken connections to the real server while somebody reads.

`python -m tests.drills.drill_s23 [--seconds 20]`. Each attack runs against the server itself and
against nginx in front of it, as docs/operating.md sets it up: unfinished bodies, silent
connections, heads sent byte by byte, answers that nobody reads, and cleartext HTTP/2. Meanwhile
one reader asks for pages and one sends a form; afterwards the server must answer as before.
"""

import argparse
import contextlib
import http.client
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.servers import serving
from tests.drills.installation import fresh
from tests.proxy import proxied

MAX_P95 = 100.0  # ms, of a reader's pages
FORM = "/accounts/join/again"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
Attack = Callable[[int], list[socket.socket]]


@dataclass
class Seen:
    """What a reader saw: milliseconds of each page, and what failed."""

    taken: list[float] = field(default_factory=list)
    failed: int = 0
    forms: list[int] = field(default_factory=list)

    def summary(self) -> str:
        """Return it on a line."""
        p50 = statistics.median(self.taken)
        p95 = statistics.quantiles(self.taken, n=20)[18]
        return (
            f"{len(self.taken)} pages, p50 {p50:.1f} p95 {p95:.1f} most {max(self.taken):.0f} ms,"
            f" {self.failed} failed; forms answered {sorted(set(self.forms))}"
        )

    @property
    def is_well(self) -> bool:
        """Whether nobody had to wait, and nothing failed."""
        quick = statistics.quantiles(self.taken, n=20)[18] <= MAX_P95
        return quick and not self.failed and set(self.forms) == {400}


def unfinished_bodies(port: int) -> list[socket.socket]:
    """Forty forms that never come to their end."""
    head = f"POST {FORM} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\na=b"
    return [_opened(port, head.encode()) for _number in range(40)]


def silent(port: int) -> list[socket.socket]:
    """More connections than fit into many a table, on which nothing is ever said."""
    return [_opened(port, b"") for _number in range(1030)]


def slow_heads(port: int) -> list[socket.socket]:
    """Two hundred heads that come byte by byte."""
    return [_opened(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ") for _number in range(200)]


def unread_answers(port: int) -> list[socket.socket]:
    """Two hundred connections that ask for pages and read none."""
    ask = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3
    return [_opened(port, ask, receives=2048) for _number in range(200)]


def broken_http2(port: int) -> list[socket.socket]:
    """A cleartext HTTP/2 connection with forty forms of three bytes, then gone."""
    connection = _opened(port, PREFACE)
    for number in range(40):
        # HPACK (RFC 7541): :method POST, :scheme http, :path and :authority, content-length 1000.
        block = b"\x83\x86\x04" + _text(FORM) + b"\x01" + _text("127.0.0.1")
        block += b"\x0f\x0d" + _text("1000")
        stream = (2 * number + 1).to_bytes(4, "big")
        with contextlib.suppress(OSError):
            connection.sendall(len(block).to_bytes(3, "big") + b"\x01\x04" + stream + block)
            connection.sendall(b"\0\0\x03\0\0" + stream + b"a=b")
    connection.close()
    return []


ATTACKS: tuple[Attack, ...] = (
    *(unfinished_bodies, silent, slow_heads, unread_answers, broken_http2),
)


def main() -> int:
    """Run the drill; return 0 when readers noticed nothing."""
    parser = argparse.ArgumentParser(description="S23: slow and broken connections")
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    well = True
    with ExitStack() as stack:
        app = stack.enter_context(fresh(200))
        instance = {"PSG_INSTANCE": app.instance_path}
        direct = stack.enter_context(serving(**instance))
        behind = stack.enter_context(serving(**instance, PSG_TRUSTED_PROXIES="1"))
        front = stack.enter_context(proxied(behind.port)).port
        for name, port, server in (("direct", direct.port, direct), ("nginx", front, behind)):
            for attack in ATTACKS:
                seen = _tried(port, attack, seconds)
                memory = server.rss_megabytes()
                print(
                    f"S23 {name} {attack.__name__}: {seen.summary()}; {memory:.0f} MB", flush=True
                )
                well = well and seen.is_well
    return 0 if well else 1


def _tried(port: int, attack: Attack, seconds: float) -> Seen:
    seen = Seen()
    over = threading.Event()
    reader = threading.Thread(target=_read, args=(port, seen, over))
    with _held(attack(port)) as connections:
        reader.start()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(1)
            if attack is slow_heads:
                for connection in connections:
                    with contextlib.suppress(OSError):
                        connection.send(b"a")
        over.set()
        reader.join()
    _read_once(port, seen)
    return seen


@contextmanager
def _held(connections: list[socket.socket]) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        for connection in connections:
            stack.enter_context(closing(connection))
        yield connections


def _read(port: int, seen: Seen, over: threading.Event) -> None:
    while not over.is_set():
        _read_once(port, seen)
        over.wait(0.05)


def _read_once(port: int, seen: Seen) -> None:
    """Ask for pages and send a form, each on a connection of its own as a newcomer does."""
    for path in ("/", "/healthz", "/news/"):
        begun = time.perf_counter()
        try:
            if _asked(port, "GET", path) != 200:
                seen.failed += 1
        except OSError:
            seen.failed += 1
        seen.taken.append((time.perf_counter() - begun) * 1000)
    try:
        seen.forms.append(_asked(port, "POST", FORM, b"email=a"))
    except OSError:
        seen.failed += 1


def _asked(port: int, method: str, path: str, body: bytes | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=OTHER)
    with closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
        return answer.status


# A reader comes from another network than the attack.
OTHER = ("127.0.0.2", 0)


def _opened(port: int, said: bytes, *, receives: int = 0) -> socket.socket:
    connection = socket.socket()
    if receives:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.connect(("127.0.0.1", port))
    connection.sendall(said)
    return connection


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


if __name__ == "__main__":
    sys.exit(main())
