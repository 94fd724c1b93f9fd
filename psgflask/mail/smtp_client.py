"""smtplib's client with bounds: whatever a mail server does, an exchange ends and stays small."""

import smtplib
import socket
import ssl
import threading
import time

# Of one reply. RFC 5321, 4.5.3.1.5, allows 512 bytes a line; real ones have a dozen lines at most.
MOST_LINES, MOST_BYTES = 100, 65_536
CHUNK = 4096  # bytes read at once
PIECE = 16_384  # bytes written at once: TLS counts the time of each piece by itself


class TooMuch(smtplib.SMTPServerDisconnected):
    """The server's reply is longer than any reply is; the connection is closed."""


class Client(smtplib.SMTP):
    """A connection to one mail server; what is done with it ends at the moment that `allow` set.

    smtplib's own timeout begins anew with every byte that arrives, and it reads a reply of any
    length. Raises OSError and smtplib.SMTPException, as smtplib does.
    """

    def __init__(
        self, host: str, port: int, *, own_name: str, timeout: float, context: ssl.SSLContext | None
    ) -> None:
        """Make it; nothing is connected yet. With `context` it speaks TLS from the beginning."""
        super().__init__(local_hostname=own_name, timeout=timeout)
        self._host, self._port = host, port
        self._answer_seconds = timeout
        self._context = context
        self._unread = b""
        self._until = time.monotonic()

    def allow(self, seconds: float) -> None:
        """Let what follows take so long in all, whatever it consists of."""
        self._until = time.monotonic() + seconds

    def open(self) -> None:
        """Connect, and hear the greeting."""
        self._unread = b""
        code, said = self.connect(self._host, self._port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, said)

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on under TLS; what the server said ahead, in the open, is forgotten."""
        self.starttls(context=context)
        self._unread = b""

    def send(self, s: bytes | str) -> None:  # type: ignore[override]  # what smtplib gives it
        """Send what smtplib has made ready."""
        content = s.encode(self.command_encoding) if isinstance(s, str) else s
        try:
            for begin in range(0, len(content), PIECE):
                self._bounded(self._until).sendall(content[begin : begin + PIECE])
        except OSError as error:
            raise self._gone(error) from error

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of a reply; -1 for a line that begins with no code."""
        until = min(self._until, time.monotonic() + self._answer_seconds)
        said: list[bytes] = []
        left = MOST_BYTES
        while len(said) < MOST_LINES:
            line = self._line(until, left)
            left -= len(line)
            said.append(line[4:].strip())
            if not line[:3].isdigit():
                return -1, b"\n".join(said)
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(said)
        self.close()
        raise TooMuch(f"A reply has more than {MOST_LINES} lines")

    def _line(self, until: float, most: int) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) >= most:
                self.close()
                raise TooMuch(f"A reply has more than {MOST_BYTES} bytes")
            try:
                chunk = self._bounded(until).recv(CHUNK)
            except OSError as error:
                raise self._gone(error) from error
            if not chunk:
                raise self._gone(None)
            self._unread += chunk
        line, self._unread = self._unread[: end + 1], self._unread[end + 1 :]
        return line

    def _bounded(self, until: float) -> socket.socket:
        """Return the connection, for whose next step there is as much time as is left."""
        if self.sock is None:
            raise OSError("The connection is closed")
        self.sock.settimeout(_left(until))
        return self.sock

    def _gone(self, error: OSError | None) -> smtplib.SMTPServerDisconnected:
        self.close()
        told = f": {error}" if error else ""
        return smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed{told}")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect to one of the host's addresses; smtplib calls it."""
        addresses = _addresses(host, port, _left(self._until))
        connected = None
        for place, address in enumerate(addresses):
            try:
                share = _left(self._until) / (len(addresses) - place)
                connected = socket.create_connection((address, port), share)
                break
            except OSError:
                if place == len(addresses) - 1:
                    raise
        assert connected is not None  # noqa: S101  # a host has an address, or looking it up fails
        connected.settimeout(_left(self._until))  # the whole handshake takes no longer
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=host)


def _left(until: float) -> float:
    """Return the seconds until a moment of the monotonic clock. Raises TimeoutError."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of a host. Raises OSError; ValueError for what is no name at all.

    Looking a name up knows no timeout, so it is done in a thread that may be left behind: the
    system gives up by itself, after a minute or so.
    """
    found: list[str] = []
    wrong: list[Exception] = []

    def look_up() -> None:
        try:
            for *_kind, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(address[0]))
        except Exception as error:
            wrong.append(error)

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(seconds)
    if wrong:
        raise wrong[0]
    if thread.is_alive():
        raise TimeoutError("its name could not be looked up in time")
    return found
