"""Transports of mail: a folder of .eml files, or a mail server over SMTP.

A failure before the recipient is sent concerns every mail (ServerUnavailable); a rejection after
that concerns this mail (MailRejected). A connection lost in between or later leaves open which it
is, and whether the mail was delivered (DeliveryUnknown).
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psgflask.core.durable import atomic_write
from psgflask.core.paths import OUTBOX

if TYPE_CHECKING:
    from psgflask.mail.smtp_client import SmtpClient

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
SECURITY_MODES = (STARTTLS, TLS, PLAIN)
# Servers close connections after different numbers of mails; a new connection costs less.
MAX_MAILS_PER_CONNECTION = 100
# The deadline of a whole mail, in timeouts of one reply.
TIMEOUTS_PER_MAIL = 2
# Seconds; nothing depends on the reply to QUIT.
QUIT_TIMEOUT = 5.0
MAX_REPLY_LENGTH = 500
ANY_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+")
ENHANCED = re.compile(r"([245])\.(\d{1,3})\.\d{1,3}\b")  # RFC 3463, 2
POLICY = "7"  # RFC 3463, 3.8: a matter of security or policy, not of the recipient
CLOSING = 421  # RFC 5321, 3.8: sent in reply to any command before the server closes the connection


@dataclass(frozen=True)
class RenderedMail:
    """A mail ready to be sent: `content` is the whole message (RFC 5322), the rest its envelope."""

    number: int
    name: str
    sender: str
    recipient: str
    content: bytes


class ServerUnavailable(Exception):
    """Nothing can be sent at present; it is not the fault of a mail."""


class DeliveryUnknown(Exception):
    """The connection was lost while sending this mail, which may have been delivered."""


class MailRejected(Exception):
    """This mail was rejected; `permanent` when a retry cannot succeed."""

    def __init__(self, reason: str, *, code: int = 0, permanent: bool = False) -> None:
        super().__init__(reason)
        self.code, self.permanent = code, permanent


class Transport(Protocol):
    """Sends mails."""

    def send(self, mail: RenderedMail) -> None:
        """Send one mail. Raises ServerUnavailable, MailRejected, DeliveryUnknown."""

    def close(self) -> None:
        """Close the connection, if there is one."""


class FolderTransport:
    """Writes each mail to a folder as NAME.eml, atomically; sent again it is overwritten.

    A full disk is not ServerUnavailable: the worker task fails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, mail: RenderedMail) -> None:
        """Write one mail, readable by its owner alone: it may contain a link that gives access.

        Raises OSError.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write(
            self.folder / f"{mail.name}.eml",
            mail.content,
            # The next attempt overwrites what a killed worker left of this mail.
            temporary=self.folder / f".{mail.name}.part",
        )

    def close(self) -> None:
        """Do nothing: no file stays open."""


def delete_files(instance: Path, match: Callable[[EmailMessage], bool]) -> None:
    """Delete the mails that FolderTransport wrote, or began to write, for which `match` is true."""
    folder = instance / OUTBOX
    for file in sorted([*folder.glob("*.eml"), *folder.glob(".*.part")]):
        try:
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        except FileNotFoundError:  # it has just been renamed
            continue
        if match(mail):
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class SmtpServer:
    """Address and options of a mail server; `local_hostname` is sent with EHLO.

    `timeout` is in seconds, for one reply to its last byte.
    """

    host: str
    port: int
    security: str
    user: str
    password: str
    timeout: float
    local_hostname: str


class SmtpTransport:
    """Sends mails to a mail server, many over one connection."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._client: SmtpClient | None = None
        self._sent = 0
        self._deadline = 0.0

    def send(self, mail: RenderedMail) -> None:
        """Send one mail; the server has accepted it when this returns.

        Within TIMEOUTS_PER_MAIL timeouts, whatever the server does.
        """
        if self._sent >= MAX_MAILS_PER_CONNECTION:
            self.close()
        self._deadline = time.monotonic() + TIMEOUTS_PER_MAIL * self.server.timeout
        reused = self._client is not None
        try:
            self._send_envelope(mail)
        except ServerUnavailable:
            if not reused:
                raise
            # The reused connection was lost. Nothing of this mail was sent.
            self._send_envelope(mail)
        self._send_content(mail)
        self._sent += 1

    def close(self) -> None:
        """Quit the connection, if there is one."""
        import smtplib

        client, self._client, self._sent = self._client, None, 0
        if client is None:
            return
        client.set_deadline(QUIT_TIMEOUT)
        with suppress(OSError, smtplib.SMTPException):
            client.quit()
        client.close()

    def _send_envelope(self, mail: RenderedMail) -> None:
        """Send MAIL and RCPT: until both are accepted, nothing of the mail was sent."""
        with self._server_errors() as client:
            options = () if mail.recipient.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
            if options and not client.has_extn("smtputf8"):
                reason = "The mail server knows no addresses with accents"
                raise MailRejected(reason, permanent=True)
            code, reply = client.mail(mail.sender, options)
            if code != 250:
                raise ServerUnavailable(_redacted(code, reply, mail))
        with self._mail_errors(mail):
            code, reply = client.rcpt(mail.recipient)
        self._check_reply(code, reply, mail, accepted=(250, 251))

    def _send_content(self, mail: RenderedMail) -> None:
        import smtplib

        response: tuple[int, bytes | str]
        try:
            with self._mail_errors(mail) as client:
                response = client.data(mail.content)
        except smtplib.SMTPDataError as error:  # rejected before the content was sent
            response = error.smtp_code, error.smtp_error
        self._check_reply(*response, mail, accepted=(250,))

    def _check_reply(
        self, code: int, reply: bytes | str, mail: RenderedMail, accepted: tuple[int, ...]
    ) -> None:
        """Raise MailRejected or DeliveryUnknown unless the reply accepts the mail."""
        if code in accepted:
            return
        text = _redacted(code, reply, mail)
        if code == CLOSING:
            self._drop()
            raise DeliveryUnknown(text)
        with suppress(ServerUnavailable), self._server_errors() as client:
            client.rset()
        raise MailRejected(text, code=code, permanent=_is_permanent(code, text))

    @contextmanager
    def _mail_errors(self, mail: RenderedMail) -> "Iterator[SmtpClient]":
        """Yield the client; an error within raises DeliveryUnknown for this mail."""
        import smtplib

        assert self._client is not None  # noqa: S101  # _server_errors has connected it
        try:
            yield self._client
        except smtplib.SMTPResponseException:
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise DeliveryUnknown(_redacted(0, _reply_text(error), mail)) from error

    @contextmanager
    def _server_errors(self) -> "Iterator[SmtpClient]":
        """Yield the client, connected if necessary; an error within raises ServerUnavailable."""
        import smtplib

        try:
            if self._client is None:
                self._client = self._connect()
            self._client.set_deadline(self._remaining())
            yield self._client
        except ServerUnavailable:
            self._drop()
            raise
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self._drop()
            raise ServerUnavailable(_redacted(0, _reply_text(error))) from error

    def _connect(self) -> "SmtpClient":
        # Imported on the first mail, for a quick start.
        import ssl

        from psgflask.mail.smtp_client import SmtpClient

        server = self.server
        client = SmtpClient(
            server.host,
            server.port,
            local_hostname=server.local_hostname,
            timeout=server.timeout,
            context=ssl.create_default_context() if server.security == TLS else None,
        )
        client.set_deadline(self._remaining())
        try:
            client.open()
            client.ehlo_or_helo_if_needed()
            if server.security == STARTTLS:
                client.start_tls(ssl.create_default_context())
                client.ehlo_or_helo_if_needed()
            if server.user:
                client.login(server.user, server.password)
        except BaseException:
            client.close()
            raise
        return client

    def _remaining(self) -> float:
        return self._deadline - time.monotonic()

    def _drop(self) -> None:
        """Close the connection without QUIT."""
        client, self._client, self._sent = self._client, None, 0
        if client is not None:
            client.close()


def _is_permanent(code: int, text: str) -> bool:
    """Say whether neither time nor a setting can change a rejection (5xx, RFC 5321).

    A policy rejection is not permanent, such as a sender that the server does not relay for:
    once that is set right, all waiting mails can be sent.
    """
    enhanced = ENHANCED.search(text)
    policy = enhanced is not None and enhanced[2] == POLICY
    return 500 <= code < 600 and not policy


def _reply_text(error: Exception) -> str:
    code, reply = getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b"")
    if code:
        text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
        return f"{code} {text}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _redacted(code: int, reply: bytes | str, mail: RenderedMail | None = None) -> str:
    """Return the beginning of a server's reply on one line, without e-mail addresses."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join(f"{code or ''} {text}".split())
    if len(text) > MAX_REPLY_LENGTH:  # not in the middle of an address
        text = text[:MAX_REPLY_LENGTH].rpartition(" ")[0]
    if mail is not None:
        local_part = mail.recipient.rpartition("@")[0]
        for personal in (mail.recipient, local_part):
            pattern = rf"(?<!\w){re.escape(personal)}(?!\w)"
            text = re.sub(pattern, "...", text, flags=re.IGNORECASE)
    return ANY_ADDRESS.sub("...", "".join(c if c.isprintable() else "?" for c in text))
