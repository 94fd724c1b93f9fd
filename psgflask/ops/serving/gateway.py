"""The way from the network to the site: a request is whole before it takes a thread.

An RSGI application (granian's interface) around a WSGI one. Who sends a body slowly, or reads an
answer slowly, is waited for by the event loop, which thousands cost nothing; the site's threads
are for requests that can be answered at once.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psgflask.ops.serving.bodies import BUSY, TIMEOUT, TOO_LARGE, Bodies, Limits, Refused
from psgflask.ops.serving.wsgi import Answer, answered, ask, environ_of
from psgflask.web.site import REFUSED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

# The site draws these without its database, at the beginning, and they are sent as they are.
FAULT = 500
GONE = 400
REFUSALS = (TIMEOUT, TOO_LARGE, BUSY, FAULT)
# Requests that wait for a thread; beyond them one hears at once that the site is busy.
MOST_QUEUED = 256
# Seconds after which one hears that the site is busy. To wait costs nothing here, and who asks
# again at once, as programs do, would have the site do nothing but refuse.
PATIENCE = 1.0


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
            protocol.response_empty(GONE, [])  # nobody reads it; a log would else tell of a fault
        else:
            done = self.loop.create_future()
            self.jobs.put(_Job(environ_of(scope, body), protocol, done))
            await done

    def _refuse(self, path: str, protocol: "HTTPProtocol", status: int) -> None:
        # What is left of the request is not read, so nothing more can come this way.
        self._refusal(path, status).send(protocol, ("connection", "close"))

    def _refusal(self, path: str, status: int) -> Answer:
        prefix = "/es" if path == "/es" or path.startswith("/es/") else ""
        return self._refusals[prefix, status]

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                answer = answered(self.app, job.environ)
            except Exception:
                log.exception("A request could not be answered")
                answer = self._refusal(job.environ["PATH_INFO"], FAULT)
            if answer.status == BUSY and not self.retiring:
                self._in_the_loop(self.loop.call_later, PATIENCE, self._send, job, answer)
            else:
                self._send(job, answer)

    def _send(self, job: _Job, answer: Answer) -> None:
        # Whoever holds a connection while this process retires is to make a new one.
        ends = self.retiring or answer.status == FAULT
        try:
            answer.send(job.protocol, *([("connection", "close")] if ends else []))
        except Exception:
            log.exception("An answer could not be sent")
        finally:
            self._in_the_loop(_finish, job.done)

    def _in_the_loop(self, call: Callable[..., object], *given: object) -> None:
        try:
            self.loop.call_soon_threadsafe(call, *given)
        except RuntimeError:  # the loop has ended
            log.info("An answer came too late")


def _finish(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
