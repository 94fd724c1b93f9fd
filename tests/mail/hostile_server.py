"""A mail server over a plain socket that goes wild at one stage of the conversation."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.mail.mail_server import CERTIFICATE, KEY

BLOCK = 65_536


@dataclass
class Wild:
    """What a behaviour works with: the connection, and when the test is over."""

    connection: socket.socket
    over: threading.Event
    sent: int = 0

    def send(self, content: bytes) -> None:
        """Send, and count what the other side took or the system has room for."""
        view = memoryview(content)
        while view:
            done = self.connection.send(view)
            self.sent += done
            view = view[done:]

    def wait(self, seconds: float) -> bool:
        """Pause; say whether to go on."""
        return not self.over.wait(seconds)


Behaviour = Callable[[Wild], None]


def lines_without_end(wild: Wild) -> None:
    """Answer with continuation lines, as fast as they are taken."""
    while wild.wait(0):
        wild.send(b"250-and so on\r\n" * 4000)


def a_line_without_end(wild: Wild) -> None:
    """Answer with one line, as fast as it is taken."""
    wild.send(b"250-")
    while wild.wait(0):
        wild.send(b"x" * BLOCK)


def a_line_now_and_then(wild: Wild) -> None:
    """Answer with a continuation line before whoever waits loses patience, and so on."""
    while wild.wait(0.02):
        wild.send(b"250-wait\r\n")


def a_byte_now_and_then(wild: Wild) -> None:
    """Answer with a line of which one byte comes before whoever waits loses patience."""
    while wild.wait(0.02):
        wild.send(b"2")


def silence(wild: Wild) -> None:
    """Say nothing more."""
    while wild.wait(60):
        pass


def binary(wild: Wild) -> None:
    """Answer with what is no line of SMTP."""
    wild.send(bytes(range(256)) * 4 + b"\r\n")


FAST = (lines_without_end, a_line_without_end)
WILD = (
    lines_without_end,
    a_line_without_end,
    a_line_now_and_then,
    a_byte_now_and_then,
    silence,
)


@dataclass
class HostileServer:
    """Speaks SMTP until `stage`, and then does what `behaviour` does."""

    stage: str
    behaviour: Behaviour
    tls: bool = False
    port: int = 0
    sent: int = 0
    reads: bool = True
    heard: list[bytes] = field(default_factory=list)

    def __enter__(self) -> "HostileServer":
        self._over = threading.Event()
        self._socket = socket.create_server(("localhost", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(30)
        self._socket.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                connection, _address = self._socket.accept()
                connection.settimeout(10)
                with connection, suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if self.stage == "HANDSHAKE":
            self._go_wild(connection)
        elif self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE, KEY)
            with context.wrap_socket(connection, server_side=True) as secure:
                self._speak(secure)
        else:
            self._speak(connection)

    def _go_wild(self, connection: socket.socket) -> None:
        wild = Wild(connection, self._over)
        try:
            self.behaviour(wild)
        finally:
            self.sent += wild.sent

    def _speak(self, connection: socket.socket) -> None:
        if self.stage == "GREETING":
            self._go_wild(connection)
            return
        connection.sendall(b"220 here\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                self.heard.append(line.strip())
                command = line[:4].decode("ascii", "replace").strip().upper()
                if command == self.stage:
                    self._go_wild(connection)  # and go on when it has calmed down
                elif command == "DATA":
                    self._take(connection, lines)
                else:
                    connection.sendall(b"250 yes\r\n")

    def _take(self, connection: socket.socket, lines: object) -> None:
        connection.sendall(b"354 go on\r\n")
        if self.reads:
            for line in lines:  # type: ignore[attr-defined]  # a file of bytes
                if line == b".\r\n":
                    break
        if self.stage == "CONTENT":
            self._go_wild(connection)
        else:
            connection.sendall(b"250 taken\r\n")
