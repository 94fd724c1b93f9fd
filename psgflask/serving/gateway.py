"""The way from the network to the site: a request is whole before it takes a thread.

An RSGI application (granian's interface) around a WSGI one. Who sends a body slowly, or reads an
answer slowly, is waited for by the event loop, which thousands cost nothing; the site's threads
are for requests that can be answered at once.
"""

import asyncio
import io
import logging
import queue
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from psgflask.accounts.addresses import network_of
from psgflask.security import REFUSED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

TIMEOUT, TOO_LARGE, BUSY, FAULT = 408, 413, 503, 500
# The site draws these without its database, at the beginning, and they are sent as they are.
REFUSALS = (TIMEOUT, TOO_LARGE, BUSY, FAULT)
# Requests that wait for a thread; beyond them one hears at once that the site is busy.
MOST_QUEUED = 256
BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
RANGE = re.compile(r"bytes (\d+)-(\d+)/\d+")
Headers = list[tuple[str, str]]


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


class SentFile:
    """A file that is an answer (PEP 3333, optional platform-specific file handling)."""

    def __init__(self, file: IO[bytes], block_size: int = 65_536) -> None:
        self.file, self.block_size = file, block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if block := self.file.read(self.block_size):
            return block
        raise StopIteration

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


@dataclass
class Answer:
    """An answer of the site: a body, or a file and the part of it (from, to) that is sent."""

    status: int
    headers: Headers
    body: bytes = b""
    file: str = ""
    part: tuple[int, int] | None = None

    def send(self, protocol: "HTTPProtocol", *more: tuple[str, str]) -> None:
        """Hand it to the server, which sends it without any thread of ours; from any thread."""
        headers = [*self.headers, *more]
        if self.part:
            protocol.response_file_range(self.status, headers, self.file, *self.part)
        elif self.file:
            protocol.response_file(self.status, headers, self.file)
        else:
            protocol.response_bytes(self.status, headers, self.body)


@dataclass(frozen=True)
class _Job:
    environ: "WSGIEnvironment"
    protocol: "HTTPProtocol"
    done: "asyncio.Future[None]"


class Gateway:
    """Answers requests with a WSGI application, in as many threads as are given."""

    def __init__(self, app: "WSGIApplication", limits: Limits, *, threads: int) -> None:
        self.app = app
        self.bodies = Bodies(limits)
        self.threads = threads
        self.retiring = False
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._refusals: dict[tuple[str, int], Answer] = {}

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin: the server calls it once, before the first request."""
        self.loop = loop
        for prefix in ("", "/es"):
            for status in REFUSALS:
                answer = ask(self.app, f"{prefix}/", **{REFUSED: status})
                self._refusals[prefix, status] = answer
        for number in range(self.threads):
            thread = threading.Thread(target=self._work, name=f"site-{number}", daemon=True)
            thread.start()

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        """Answer one request."""
        try:
            body = await self.bodies.read(scope, protocol)
            if self.jobs.qsize() >= MOST_QUEUED:
                raise Refused(BUSY)
        except Refused as refused:
            self._refuse(scope.path, protocol, refused.status)
        except ConnectionError:
            return  # nobody is there to be answered
        else:
            done = self.loop.create_future()
            self.jobs.put(_Job(environ_of(scope, body), protocol, done))
            await done

    def _refuse(self, path: str, protocol: "HTTPProtocol", status: int) -> None:
        prefix = "/es" if path == "/es" or path.startswith("/es/") else ""
        # What is left of the request is not read, so nothing more can come this way.
        self._refusals[prefix, status].send(protocol, ("connection", "close"))

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                answer = answered(self.app, job.environ)
                # Whoever holds a connection while this process retires is to make a new one.
                answer.send(job.protocol, *([("connection", "close")] if self.retiring else []))
            except Exception:
                log.exception("A request could not be answered")
                self._refuse(job.environ["PATH_INFO"], job.protocol, FAULT)
            finally:
                self._done(job.done)

    def _done(self, done: "asyncio.Future[None]") -> None:
        try:
            self.loop.call_soon_threadsafe(_finish, done)
        except RuntimeError:  # the loop has ended
            log.info("An answer came too late")


def answered(app: "WSGIApplication", environ: "WSGIEnvironment") -> Answer:
    """Return what a WSGI application answers, whole."""
    begun: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        begun.append((status, headers))
        return _no_write

    parts = app(environ, start)
    try:
        body = b"" if _sent_file(parts) else b"".join(parts)
        status, headers = begun[-1]
        answer = Answer(int(status[:3]), headers, body)
        if sent := _sent_file(parts):
            answer.file, answer.part = str(sent.file.name), _part(answer)
        return answer
    finally:
        if close := getattr(parts, "close", None):
            close()


def ask(app: "WSGIApplication", path: str, **more: object) -> Answer:
    """Return what an application answers to this process itself; `more` goes into the environ."""
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""}
    return answered(app, {**_BASE, **asked, "wsgi.input": io.BytesIO(), **more})


def environ_of(scope: "Scope", body: bytes) -> "WSGIEnvironment":
    """Return a request as WSGI has it (PEP 3333)."""
    host, _colon, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        **_BASE,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": "HTTP/1.1" if scope.http_version == "1.1" else "HTTP/1.0",
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in scope.headers.items():
        if "_" in name:  # it would pass for another, such as X-Forwarded-For
            continue
        key = _PLAIN.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        if key in environ:  # RFC 9110, 5.3; RFC 6265, 5.4 for cookies
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        environ[key] = value
    if not body:
        environ.pop("CONTENT_LENGTH", None)
    return environ


def _sent_file(parts: Iterable[bytes]) -> SentFile | None:
    """Return the file that an answer is, or a part of which it is."""
    for each in (parts, getattr(parts, "iterable", None)):  # Werkzeug's wrapper of a part has it
        if isinstance(each, SentFile) and isinstance(getattr(each.file, "name", None), str):
            return each
    return None


def _part(answer: Answer) -> tuple[int, int] | None:
    told = {name.lower(): value for name, value in answer.headers}.get("content-range", "")
    found = RANGE.fullmatch(told)
    return (int(found[1]), int(found[2]) + 1) if found and answer.status == 206 else None


def _finish(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def _no_write(data: bytes) -> None:
    raise NotImplementedError("The site returns its answers, it does not write them")


_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": SentFile,
}
