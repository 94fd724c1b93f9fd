"""The bodies of requests: read whole, of bounded size, in bounded time, and so many at once."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psgflask.accounts.networks import network_of

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

TIMEOUT, TOO_LARGE, BUSY = 408, 413, 503
BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True)
class Limits:
    """How much of a body is taken, how many are awaited, and for how long.

    `seconds` are for any body; a larger one has a second more for every `slowest` bytes. `of_one`
    network is 0 where all requests come from one proxy, which sees to that itself.
    """

    largest: int
    awaited: int = 64
    of_one: int = 8
    seconds: float = 15.0
    slowest: int = 10_000  # bytes a second

    def time_for(self, length: int) -> float:
        """Return how many seconds a body of so many bytes may take."""
        return self.seconds + length / self.slowest


class Refused(Exception):
    """A request is not handed on; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Bodies:
    """Reads the bodies of requests. All in the event loop's thread, so nothing is locked."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.awaited: Counter[str] = Counter()

    async def read(self, scope: "Scope", protocol: "HTTPProtocol") -> bytes:
        """Return a request's body. Raises Refused, and ConnectionError when the client is gone.

        One without a length has none for the site, as it has none for Werkzeug.
        """
        length = int(scope.headers.get("content-length") or 0)
        if not length or scope.method in BODILESS:
            return b""
        limits = self.limits
        if length > limits.largest:
            raise Refused(TOO_LARGE)
        network = network_of(scope.client.rpartition(":")[0].strip("[]"))
        crowded = limits.of_one and self.awaited[network] >= limits.of_one
        if crowded or self.awaited.total() >= limits.awaited:
            raise Refused(BUSY)
        self.awaited[network] += 1
        try:
            async with asyncio.timeout(limits.time_for(length)):
                body = b"".join([chunk async for chunk in protocol])
        except TimeoutError:
            raise Refused(TIMEOUT) from None
        finally:
            self.awaited[network] -= 1
            if not self.awaited[network]:
                del self.awaited[network]
        if len(body) != length:
            raise ConnectionError
        return body
