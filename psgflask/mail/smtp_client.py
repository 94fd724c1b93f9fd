"""smtplib's client with a deadline and a size limit, whatever the mail server does."""

import smtplib
import socket
import ssl
import threading
import time

# Of one reply. RFC 5321, 4.5.3.1.5, allows 512 bytes a line; real ones have a dozen lines at most.
MAX_LINES, MAX_BYTES = 100, 65_536
READ_SIZE = 4096  # bytes
WRITE_SIZE = 16_384  # bytes; with TLS the socket's timeout begins anew with each write


class TooMuch(smtplib.SMTPServerDisconnected):
    """The server's reply exceeds the size limit; the connection is closed.

    Its name is printed with the error (`flask mail list`).
    """


class SmtpClient(smtplib.SMTP):
    """A connection to one mail server; its operations end at the deadline.

    smtplib's own timeout begins anew with every byte received, and replies may have any length.
    Raises OSError and smtplib.SMTPException, as smtplib does.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        local_hostname: str,
        timeout: float,
        context: ssl.SSLContext | None,
    ) -> None:
        """Create the client without connecting it. `context` is for implicit TLS."""
        super().__init__(local_hostname=local_hostname, timeout=timeout)
        self._host, self._port = host, port
        self._reply_timeout = timeout
        self._context = context
        self._buffer = b""
        self._deadline = time.monotonic()

    def set_deadline(self, seconds: float) -> None:
        """Give all operations that follow so many seconds in total."""
        self._deadline = time.monotonic() + seconds

    def open(self) -> None:
        """Connect, and read the greeting."""
        self._buffer = b""
        code, reply = self.connect(self._host, self._port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, reply)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Switch to TLS; what the server sent before, unencrypted, is discarded."""
        self.starttls(context=context)
        self._buffer = b""

    def send(self, s: bytes | str) -> None:  # type: ignore[override]  # as smtplib calls it
        """Send data from smtplib."""
        content = s.encode(self.command_encoding) if isinstance(s, str) else s
        try:
            for start in range(0, len(content), WRITE_SIZE):
                self._socket(self._deadline).sendall(content[start : start + WRITE_SIZE])
        except OSError as error:
            raise self._closed(error) from error

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of a reply; -1 for a line without a code."""
        deadline = min(self._deadline, time.monotonic() + self._reply_timeout)
        lines: list[bytes] = []
        remaining = MAX_BYTES
        while len(lines) < MAX_LINES:
            line = self._read_line(deadline, remaining)
            remaining -= len(line)
            lines.append(line[4:].strip())
            if not line[:3].isdigit():
                return -1, b"\n".join(lines)
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        self.close()
        raise TooMuch(f"A reply has more than {MAX_LINES} lines")

    def _read_line(self, deadline: float, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) >= limit:
                self.close()
                raise TooMuch(f"A reply has more than {MAX_BYTES} bytes")
            try:
                chunk = self._socket(deadline).recv(READ_SIZE)
            except OSError as error:
                raise self._closed(error) from error
            if not chunk:
                raise self._closed(None)
            self._buffer += chunk
        line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        return line

    def _socket(self, deadline: float) -> socket.socket:
        """Return the socket, its timeout set to the time remaining."""
        if self.sock is None:
            raise OSError("The connection is closed")
        self.sock.settimeout(_remaining(deadline))
        return self.sock

    def _closed(self, error: OSError | None) -> smtplib.SMTPServerDisconnected:
        self.close()
        reason = f": {error}" if error else ""
        return smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed{reason}")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect to one of the host's addresses; smtplib calls it."""
        addresses = _resolve(host, port, _remaining(self._deadline))
        connected = None
        for position, address in enumerate(addresses):
            try:
                timeout = _remaining(self._deadline) / (len(addresses) - position)
                connected = socket.create_connection((address, port), timeout)
                break
            except OSError:
                if position == len(addresses) - 1:
                    raise
        assert connected is not None  # noqa: S101  # a host has an address, or resolving it fails
        connected.settimeout(_remaining(self._deadline))  # for the whole TLS handshake
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=host)


def _remaining(deadline: float) -> float:
    """Return the seconds until a deadline of the monotonic clock. Raises TimeoutError."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it took too long")
    return seconds


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of a host. Raises OSError; ValueError for an invalid name.

    getaddrinfo has no timeout, so it runs in a thread that may outlive this call: the resolver
    gives up by itself, after a minute or so.
    """
    addresses: list[str] = []
    errors: list[Exception] = []

    def resolve() -> None:
        try:
            for *_kind, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                addresses.append(str(address[0]))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=resolve, name="look-up", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if thread.is_alive():
        raise TimeoutError("its name could not be looked up in time")
    return addresses
