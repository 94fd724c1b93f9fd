"""Reads the bodies of requests, with limits on size, time and number at once."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psgflask.core.http_methods import SAFE_METHODS
from psgflask.core.networks import network_of

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

TIMEOUT, TOO_LARGE, BUSY = 408, 413, 503


@dataclass(frozen=True)
class BodyLimits:
    """The maximum size of a body, the maximum number being read, and the timeout.

    To wait for a body costs no more than its memory: together they may have the size of
    `total_largest` bodies of the maximum size, so that a hall of people can send a form at once.
    `per_network` is 0 where all requests come from a proxy, which has a limit of its own.
    """

    max_size: int  # bytes
    total: int = 500
    total_largest: int = 64
    per_network: int = 8
    base_timeout: float = 15.0  # seconds, plus those for the size at the minimum rate
    min_rate: int = 10_000  # bytes a second

    def timeout(self, length: int) -> float:
        """Return the seconds that a body of so many bytes may take."""
        return self.base_timeout + length / self.min_rate


class RequestRejected(Exception):
    """A request is rejected with a status before the app gets it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class BodyReader:
    """Reads bodies in the event loop's thread, so that no lock is necessary."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self.reading: Counter[str] = Counter()
        self.bytes = 0  # of the bodies being read

    async def read(self, scope: "Scope", protocol: "HTTPProtocol") -> bytes:
        """Return a request's body. Raises RequestRejected; ConnectionError for a lost client.

        Without a Content-Length the body is empty, as it is for Werkzeug.
        """
        length = int(scope.headers.get("content-length") or 0)
        if not length or scope.method in SAFE_METHODS:
            return b""
        limits = self.limits
        if length > limits.max_size:
            raise RequestRejected(TOO_LARGE)
        network = network_of(scope.client.rpartition(":")[0].strip("[]"))
        if self._is_full(network, length):
            raise RequestRejected(BUSY)
        self.reading[network] += 1
        self.bytes += length
        try:
            async with asyncio.timeout(limits.timeout(length)):
                body = b"".join([chunk async for chunk in protocol])
        except TimeoutError:
            raise RequestRejected(TIMEOUT) from None
        finally:
            self.bytes -= length
            self.reading[network] -= 1
            if not self.reading[network]:
                del self.reading[network]
        if len(body) != length:
            raise ConnectionError
        return body

    def _is_full(self, network: str, length: int) -> bool:
        limits = self.limits
        return bool(
            (limits.per_network and self.reading[network] >= limits.per_network)
            or self.reading.total() >= limits.total
            or self.bytes + length > limits.total_largest * limits.max_size
        )
