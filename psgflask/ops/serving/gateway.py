"""The gateway from granian's RSGI to the WSGI app: a request is complete before it takes a thread.

The event loop waits for clients that send or read slowly, however many they are; the app's threads
only process complete requests.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psgflask.core.language_names import PREFIXES, split_prefix
from psgflask.ops.serving.request_bodies import (
    BUSY,
    TIMEOUT,
    TOO_LARGE,
    BodyLimits,
    BodyReader,
    RequestRejected,
)
from psgflask.ops.serving.wsgi import WSGIResponse, build_environ, internal_request, run_wsgi_app
from psgflask.web.site import REFUSED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

# Their pages are rendered at the start, without the database, and sent unchanged.
SERVER_ERROR = 500
CLIENT_GONE = 400
ERROR_STATUSES = (TIMEOUT, TOO_LARGE, BUSY, SERVER_ERROR)
# Requests that wait for a thread; further ones get a 503 at once.
MAX_QUEUED = 256
# Seconds before a 503 of the app is sent. Waiting costs nothing here, and slows down clients that
# retry at once.
BUSY_DELAY = 1.0


@dataclass(frozen=True)
class _QueuedRequest:
    environ: "WSGIEnvironment"
    protocol: "HTTPProtocol"
    done: "asyncio.Future[None]"


class Gateway:
    """Runs a WSGI app in a number of threads."""

    def __init__(self, app: "WSGIApplication", limits: BodyLimits, *, threads: int) -> None:
        self.app = app
        self.body_reader = BodyReader(limits)
        self.threads = threads
        self.retiring = False
        self.queue: queue.SimpleQueue[_QueuedRequest] = queue.SimpleQueue()
        self._error_responses: dict[tuple[str, int], WSGIResponse] = {}

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Render the error pages and start the threads; called before the first request."""
        self.loop = loop
        for language, prefix in PREFIXES.items():
            for status in ERROR_STATUSES:
                response = internal_request(self.app, f"{prefix}/", **{REFUSED: status})
                self._error_responses[language, status] = response
        for number in range(self.threads):
            thread = threading.Thread(target=self._work, name=f"site-{number}", daemon=True)
            thread.start()

    async def __rsgi__(self, scope: "Scope", protocol: "HTTPProtocol") -> None:
        """Process one request."""
        try:
            body = await self.body_reader.read(scope, protocol)
            if self.queue.qsize() >= MAX_QUEUED:
                raise RequestRejected(BUSY)
        except RequestRejected as rejected:
            self._reject(scope.path, protocol, rejected.status)
        except ConnectionError:
            protocol.response_empty(
                CLIENT_GONE, []
            )  # nobody reads it, but granian would log an error
        else:
            done = self.loop.create_future()
            self.queue.put(_QueuedRequest(build_environ(scope, body), protocol, done))
            await done

    def _reject(self, path: str, protocol: "HTTPProtocol", status: int) -> None:
        # The rest of the request is not read, so the connection cannot be reused.
        self._error_response(path, status).send(protocol, ("connection", "close"))

    def _error_response(self, path: str, status: int) -> WSGIResponse:
        language, _path = split_prefix(path)
        return self._error_responses[language, status]

    def _work(self) -> None:
        while True:
            request = self.queue.get()
            try:
                response = run_wsgi_app(self.app, request.environ)
            except Exception:
                log.exception("A request could not be answered")
                response = self._error_response(request.environ["PATH_INFO"], SERVER_ERROR)
            if response.status == BUSY and not self.retiring:
                self._call_in_loop(self.loop.call_later, BUSY_DELAY, self._send, request, response)
            else:
                self._send(request, response)

    def _send(self, request: _QueuedRequest, response: WSGIResponse) -> None:
        # Clients must open a new connection while this process retires.
        close = self.retiring or response.status == SERVER_ERROR
        try:
            response.send(request.protocol, *([("connection", "close")] if close else []))
        except Exception:
            log.exception("An answer could not be sent")
        finally:
            self._call_in_loop(_finish, request.done)

    def _call_in_loop(self, call: Callable[..., object], *args: object) -> None:
        try:
            self.loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # the loop has ended
            log.info("An answer came too late")


def _finish(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
