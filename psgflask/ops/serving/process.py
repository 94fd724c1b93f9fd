"""The serving process: creates the app and serves it on the socket that the supervisor opened.

`python -m psgflask.ops.serving.process [MODULE:APP] SOCKET PIPE` (two descriptors). It writes to
PIPE when it is ready, and stops when PIPE is closed. SIGTERM stops it once the requests in progress
are processed; SIGHUP too, after clients had time to reconnect to the process that replaces it.
"""

import asyncio
import importlib
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import click
from flask import Flask
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from psgflask.core.language_names import PREFIXES
from psgflask.ops.serving.gateway import Gateway
from psgflask.ops.serving.request_bodies import BodyLimits
from psgflask.ops.serving.startup import create_serving_app, shut_down
from psgflask.ops.serving.wsgi import internal_request
from psgflask.web import slots

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# No address, user agent or query string: what people search for is private.
ACCESS_LOG = "[%(time)s] %(status)d %(method)s %(path)s %(dt_ms).1f ms"
BACKLOG, MAX_CONNECTIONS = 2048, 60_000
# Milliseconds for the headers of a request, the next one on a connection too.
HEADER_READ_TIMEOUT = 15_000
# Seconds for clients to send one more request on their connection, which is answered with
# `Connection: close`; and for new connections to send their first request.
DRAIN_SECONDS, LAST_REQUEST_SECONDS = 3.0, 2.0
# Pages rendered before the first request, to fill caches in a single thread.
WARM_UP_PATHS = (*(f"{prefix}/" for prefix in PREFIXES.values()), "/news/", "/search/")
# Seconds after which the process exits in any case.
STOP_TIMEOUT, RETIRE_TIMEOUT = 6.0, 25.0


class SharedSocketServer(Server):
    """granian on an open socket, which all serving processes share."""

    def __init__(self, gateway: Gateway, descriptor: int) -> None:
        super().__init__(
            target=gateway,
            interface=Interfaces.RSGI,
            # No browser uses HTTP/2 without TLS, and a few broken streams of it block every
            # connection for good.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_TIMEOUT),
            websockets=False,
            backlog=BACKLOG,
            backpressure=MAX_CONNECTIONS,
            log_level=LogLevels.error,
            log_access=True,
            log_access_format=ACCESS_LOG,
        )
        self.descriptor = descriptor

    def stop_accepting(self) -> None:
        """Leave new connections to the other processes of this socket, and keep the open ones.

        granian can only stop both, and with them connections whose first request is on its way.
        So its descriptor is replaced by that of a socket to which nobody can connect.
        """
        with socket.socket() as unreachable:
            unreachable.bind(("127.0.0.1", 0))
            unreachable.setblocking(False)
            os.dup2(unreachable.fileno(), self.descriptor)

    def _init_shared_socket(self) -> None:
        shared = SocketHolder(self.descriptor, False, BACKLOG)  # type: ignore[call-arg]  # as granian's own net.py makes it
        self._shd = shared  # type: ignore[assignment]  # as its base does where it shares one


def body_limits(app: "WSGIApplication") -> BodyLimits:
    """Return the limits on request bodies; behind a proxy all clients have one network."""
    settings = app.config if isinstance(app, Flask) else {}
    max_size = int(settings.get("MAX_CONTENT_LENGTH") or 1_000_000)
    return (
        BodyLimits(max_size, per_network=0)
        if settings.get("TRUSTED_PROXIES")
        else BodyLimits(max_size)
    )


class ServingProcess:
    """Starts the server, retires it and stops it."""

    def __init__(self, app: "WSGIApplication", pipe: socket.socket) -> None:
        self.app, self.pipe = app, pipe
        self.gateway = Gateway(app, body_limits(app), threads=slots.THREADS)
        self.stopping = False

    async def run(self, descriptor: int) -> None:
        """Serve until stopped."""
        loop = asyncio.get_running_loop()
        self.server = SharedSocketServer(self.gateway, descriptor)
        loop.add_signal_handler(signal.SIGTERM, self.stop, STOP_TIMEOUT)
        loop.add_signal_handler(signal.SIGHUP, self.retire)
        loop.add_reader(self.pipe, self.stop, STOP_TIMEOUT)  # readable: it was closed
        loop.call_soon(self.pipe.send, b"answers")
        await self.server.serve()

    def stop(self, timeout: float) -> None:
        """Process the requests in progress, accept no more, and exit within so many seconds."""
        if self.stopping:
            return
        self.stopping = self.gateway.retiring = True
        asyncio.get_running_loop().remove_reader(self.pipe)
        threading.Thread(target=self._exit_after, args=(timeout,), daemon=True).start()
        self.server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped

    def retire(self) -> None:
        """Stop once clients had time to reconnect to the process that replaces this one."""
        loop = asyncio.get_running_loop()
        self.gateway.retiring = True
        loop.call_later(DRAIN_SECONDS, self.server.stop_accepting)
        loop.call_later(DRAIN_SECONDS + LAST_REQUEST_SECONDS, self.stop, RETIRE_TIMEOUT)

    def close(self) -> None:
        """Stop the worker, and write the search log."""
        if isinstance(self.app, Flask):
            shut_down(self.app)

    def _exit_after(self, timeout: float) -> None:
        threading.Event().wait(timeout)  # a sleep fails where the clock is made to run backwards
        self.close()
        _exit()


def main(*arguments: str) -> None:
    """Serve."""
    # Ctrl-C reaches every process of the terminal; the supervisor stops this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    *target, descriptor, pipe = arguments
    try:
        app = _import_app(target[0]) if target else create_serving_app()
    except click.ClickException as error:
        sys.exit(f"Error: {error.format_message()}")
    for path in WARM_UP_PATHS:
        internal_request(app, path)
    process = ServingProcess(app, socket.socket(fileno=int(pipe)))
    asyncio.run(process.run(int(descriptor)))
    process.close()
    _exit()


def _exit() -> None:
    """Exit without Python's finalisation, as threads of the server still run."""
    sys.stdout.flush()
    os._exit(0)


def _import_app(target: str) -> "WSGIApplication":
    module, _colon, name = target.partition(":")
    app: WSGIApplication = getattr(importlib.import_module(module), name)
    return app


if __name__ == "__main__":
    main(*sys.argv[1:])
