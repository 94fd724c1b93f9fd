"""Many clients at once on the real server, and how long the home page takes meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

BETWEEN_LOOKS = 0.05  # seconds between two visits of the home page


@dataclass
class Flood:
    """How a flood of requests was answered, and how long answers and the home page took, ms."""

    clients: int
    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    taken: list[float] = field(default_factory=list)  # of answers that refused nobody
    home: list[float] = field(default_factory=list)

    def summary(self) -> str:
        """Return it as a sentence."""
        answered = ", ".join(f"{code}: {n}" for code, n in sorted(self.statuses.items()))
        return (
            f"{self.clients} clients, {self.seconds:.0f} s: {answered};"
            f" answers p50 {_share(self.taken, 50):.0f} p95 {_share(self.taken, 95):.0f} ms;"
            f" home page p50 {_share(self.home, 50):.0f} p95 {_share(self.home, 95):.0f}"
            f" most {max(self.home):.0f} ms"
        )

    @property
    def home_p95(self) -> float:
        """What the home page took, but for one visit in twenty."""
        return _share(self.home, 95)


def run(port: int, address: Callable[[Random], str], clients: int, seconds: float) -> Flood:
    """Let clients request random addresses, each as soon as it is answered."""
    flood = Flood(clients, seconds)
    asyncio.run(_gather(flood, port, address))
    return flood


async def _gather(flood: Flood, port: int, address: Callable[[Random], str]) -> None:
    end = time.monotonic() + flood.seconds
    clients = (_client(flood, port, address, end, seed) for seed in range(flood.clients))
    await asyncio.gather(_visit(flood, port, end), *clients)


async def _client(
    flood: Flood, port: int, address: Callable[[Random], str], end: float, seed: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    rng = Random(seed)
    while time.monotonic() < end:
        begun = time.perf_counter()
        status = await request(reader, writer, address(rng))
        flood.statuses[status] += 1
        if status != 503:
            flood.taken.append((time.perf_counter() - begun) * 1000)
    writer.close()


async def _visit(flood: Flood, port: int, end: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        begun = time.perf_counter()
        if await request(reader, writer, "/") != 200:
            raise RuntimeError("The home page was not served")
        flood.home.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(BETWEEN_LOOKS)
    writer.close()


async def request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    """Request a page over an open connection; return the status once it has come whole."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split()[1])


def _share(values: Sequence[float], share: int) -> float:
    ordered = sorted(values) or [float("nan")]
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)]
