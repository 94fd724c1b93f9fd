"""The process that serves: builds the site and answers on the socket that the supervisor opened.

`python -m psgflask.ops.serving.process [MODULE:APP] SOCKET LINE` (two descriptors). It says on LINE
that it answers and ends when LINE is closed. SIGTERM ends it once what was asked is answered,
SIGHUP too, but first those who hold connections are led to the process that takes its place.
"""

import asyncio
import importlib
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

from flask import Flask
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from psgflask.ops.serving.bodies import Limits
from psgflask.ops.serving.gateway import Gateway
from psgflask.ops.serving.startup import close, site
from psgflask.ops.serving.wsgi import ask
from psgflask.web import slots

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Neither address, nor agent, nor query string: what people search for is nobody's business.
ACCESS_LOG = "[%(time)s] %(status)d %(method)s %(path)s %(dt_ms).1f ms"
BACKLOG, MOST_CONNECTIONS = 2048, 60_000
# Milliseconds in which the head of a request must come, the next one of a connection too.
HEAD_WITHIN = 15_000
# Seconds in which those who hold a connection ask once more, and are told to make a new one; and
# in which those who had just made one ask what they made it for.
LEAD_AWAY_FOR, ASK_WITHIN = 3.0, 2.0
# Pages that are drawn before the first request: what is made once is then made, by one thread.
WARM = ("/", "/es/", "/news/", "/search/")
# Seconds after which the process ends whatever is left to do.
ENDS_WITHIN, RETIRES_WITHIN = 6.0, 25.0


class OnSocket(Server):
    """granian on a socket that is open already: one that every process serves from."""

    def __init__(self, gateway: Gateway, descriptor: int) -> None:
        super().__init__(
            target=gateway,
            interface=Interfaces.RSGI,
            # HTTP/2 in the open is asked for by no browser, and a few broken streams of it block
            # every connection for good.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_WITHIN),
            websockets=False,
            backlog=BACKLOG,
            backpressure=MOST_CONNECTIONS,
            log_level=LogLevels.error,
            log_access=True,
            log_access_format=ACCESS_LOG,
        )
        self.descriptor = descriptor

    def accept_no_more(self) -> None:
        """Leave new connections to the other processes of this socket, and keep those there are.

        granian ends both at once, and with them connections whose first request is on its way. So
        its descriptor becomes that of a socket to which nobody can connect.
        """
        with socket.socket() as nobodys:
            nobodys.bind(("127.0.0.1", 0))
            nobodys.setblocking(False)
            os.dup2(nobodys.fileno(), self.descriptor)

    def _init_shared_socket(self) -> None:
        shared = SocketHolder(self.descriptor, False, BACKLOG)  # type: ignore[call-arg]  # as granian's own net.py makes it
        self._shd = shared  # type: ignore[assignment]  # as its base does where it shares one


def limits_of(app: "WSGIApplication") -> Limits:
    """Return the limits of an application's bodies; behind a proxy one network is everybody."""
    known = app.config if isinstance(app, Flask) else {}
    largest = int(known.get("MAX_CONTENT_LENGTH") or 1_000_000)
    return Limits(largest, of_one=0) if known.get("TRUSTED_PROXIES") else Limits(largest)


class Life:
    """What becomes of the process: it answers, and one day it ends."""

    def __init__(self, app: "WSGIApplication", line: socket.socket) -> None:
        self.app, self.line = app, line
        self.gateway = Gateway(app, limits_of(app), threads=slots.THREADS)
        self.ending = False

    async def run(self, descriptor: int) -> None:
        """Serve until told to end, and end."""
        loop = asyncio.get_running_loop()
        self.server = OnSocket(self.gateway, descriptor)
        loop.add_signal_handler(signal.SIGTERM, self.end, ENDS_WITHIN)
        loop.add_signal_handler(signal.SIGHUP, self.retire)
        loop.add_reader(self.line, self.end, ENDS_WITHIN)  # nothing is said to us: it was closed
        loop.call_soon(self.line.send, b"answers")
        await self.server.serve()

    def end(self, within: float) -> None:
        """Answer what was asked, take no more, and end within so many seconds."""
        if self.ending:
            return
        self.ending = self.gateway.retiring = True
        asyncio.get_running_loop().remove_reader(self.line)
        threading.Thread(target=self._end_at_last, args=(within,), daemon=True).start()
        self.server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped

    def retire(self) -> None:
        """End as soon as whoever holds a connection had the time to make another elsewhere."""
        loop = asyncio.get_running_loop()
        self.gateway.retiring = True
        loop.call_later(LEAD_AWAY_FOR, self.server.accept_no_more)
        loop.call_later(LEAD_AWAY_FOR + ASK_WITHIN, self.end, RETIRES_WITHIN)

    def close(self) -> None:
        """Let the worker end what it is at, and write what is to be kept."""
        if isinstance(self.app, Flask):
            close(self.app)

    def _end_at_last(self, within: float) -> None:
        threading.Event().wait(within)  # a sleep fails where the clock is made to run backwards
        self.close()
        _leave()


def main(*given: str) -> None:
    """Serve."""
    # Ctrl-C reaches every process of a terminal; ours hear from the supervisor what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    *target, descriptor, line = given
    app = _named(target[0]) if target else site()
    for path in WARM:
        ask(app, path)
    life = Life(app, socket.socket(fileno=int(line)))
    asyncio.run(life.run(int(descriptor)))
    life.close()
    _leave()


def _leave() -> None:
    """End the process without taking Python apart, in which threads of the server still run."""
    sys.stdout.flush()
    os._exit(0)


def _named(target: str) -> "WSGIApplication":
    module, _colon, name = target.partition(":")
    app: WSGIApplication = getattr(importlib.import_module(module), name)
    return app


if __name__ == "__main__":
    main(*sys.argv[1:])
