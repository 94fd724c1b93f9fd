"""Ways that a mail leaves by: a folder of .eml files, or a mail server over SMTP.

What a mail server says before a recipient is named concerns every mail (ServerTrouble); what it
says afterwards concerns this one (Refused). A connection that is lost while it is about this one
leaves open whose doing that is, and whether the mail arrived (Lost).
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psgflask.core.durable import atomic_write

if TYPE_CHECKING:
    from psgflask.mail.smtp_client import Client

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
SECURITIES = (STARTTLS, TLS, PLAIN)
# Servers hang up after so many mails, each its own number; a new connection costs less.
MOST_PER_CONNECTION = 100
# A mail may take as long as so many answers, with all that has to be said before it.
ANSWERS = 2
# The seconds that a server may take over our goodbye, for which nobody waits.
GOODBYE = 5.0
LONGEST_SAID = 500
ANY_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+")
ENHANCED = re.compile(r"([245])\.(\d{1,3})\.\d{1,3}\b")  # RFC 3463, 2
POLICY = "7"  # RFC 3463, 3.8: a matter of security or policy, not of the recipient
CLOSING = 421  # RFC 5321, 3.8: the server says it, whatever was asked, and hangs up


@dataclass(frozen=True)
class Letter:
    """A mail as it leaves: `content` is the whole message (RFC 5322), the rest its envelope."""

    number: int
    name: str
    sender: str
    recipient: str
    content: bytes


class ServerTrouble(Exception):
    """Nothing leaves this way at present; no mail is to blame."""


class Lost(Exception):
    """The connection went while it was about this mail, which may have arrived."""


class Refused(Exception):
    """This mail was refused; `final` when trying again is of no use."""

    def __init__(self, reason: str, *, code: int = 0, final: bool = False) -> None:
        super().__init__(reason)
        self.code, self.final = code, final


class Transport(Protocol):
    """A way out for mails."""

    def send(self, letter: Letter) -> None:
        """Let one mail leave. Raises ServerTrouble, Refused, Lost."""

    def close(self) -> None:
        """Let go of what is held open."""


class Folder:
    """Writes each mail into a folder as NAME.eml, whole or not at all; a second time over it.

    A disk of our own that is full is no server's trouble: it is a task of the worker that fails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, letter: Letter) -> None:
        """Write one mail, for its owner alone: it may hold a link that opens something.

        Raises OSError.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write(
            self.folder / f"{letter.name}.eml",
            letter.content,
            # The next attempt overwrites what a killed worker left of this mail.
            temporary=self.folder / f".{letter.name}.part",
        )

    def close(self) -> None:
        """Hold nothing open."""


@dataclass(frozen=True)
class Server:
    """Where a mail server is and how it is spoken to; `own_name` is what we say we are.

    `timeout`: the seconds that an answer may take, to its last byte.
    """

    host: str
    port: int
    security: str
    user: str
    password: str
    timeout: float
    own_name: str


class Smtp:
    """Hands mails to a mail server, many over one connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._smtp: Client | None = None
        self._sent = 0
        self._until = 0.0

    def send(self, letter: Letter) -> None:
        """Hand one mail over; the server has answered for it when this returns.

        It returns in time whatever the server does.
        """
        if self._sent >= MOST_PER_CONNECTION:
            self.close()
        self._until = time.monotonic() + ANSWERS * self.server.timeout
        used = self._smtp is not None
        try:
            self._address(letter)
        except ServerTrouble:
            if not used:
                raise
            # The connection of the mails before it had gone. Nothing of this one has left.
            self._address(letter)
        self._hand_over(letter)
        self._sent += 1

    def close(self) -> None:
        """Say goodbye to the server."""
        import smtplib

        smtp, self._smtp, self._sent = self._smtp, None, 0
        if smtp is None:
            return
        smtp.allow(GOODBYE)
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
        smtp.close()

    def _address(self, letter: Letter) -> None:
        """Say from whom and for whom: until both are taken, nothing of the mail has left."""
        with self._trouble() as smtp:
            wide = () if letter.recipient.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
            if wide and not smtp.has_extn("smtputf8"):
                raise Refused("The mail server knows no addresses with accents", final=True)
            code, said = smtp.mail(letter.sender, wide)
            if code != 250:
                raise ServerTrouble(_words(code, said, letter))
        with self._loss(letter):
            code, said = smtp.rcpt(letter.recipient)
        self._heed(code, said, letter, taken=(250, 251))

    def _hand_over(self, letter: Letter) -> None:
        import smtplib

        answer: tuple[int, bytes | str]
        try:
            with self._loss(letter) as smtp:
                answer = smtp.data(letter.content)
        except smtplib.SMTPDataError as refused:  # it does not even want to read
            answer = refused.smtp_code, refused.smtp_error
        self._heed(*answer, letter, taken=(250,))

    def _heed(self, code: int, said: bytes | str, letter: Letter, taken: tuple[int, ...]) -> None:
        """Raise what an answer means that is not one of those by which the mail is taken."""
        if code in taken:
            return
        words = _words(code, said, letter)
        if code == CLOSING:
            self._drop()
            raise Lost(words)
        with suppress(ServerTrouble), self._trouble() as smtp:
            smtp.rset()
        raise Refused(words, code=code, final=_is_final(code, words))

    @contextmanager
    def _loss(self, letter: Letter) -> "Iterator[Client]":
        """Give the connection while it is about this mail; if it breaks now, this mail is Lost."""
        import smtplib

        assert self._smtp is not None  # noqa: S101  # _trouble has just made or used it
        try:
            yield self._smtp
        except smtplib.SMTPResponseException:
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Lost(_words(0, _said(error), letter)) from error

    @contextmanager
    def _trouble(self) -> "Iterator[Client]":
        """Give the connection, made if need be; what goes wrong with it concerns every mail."""
        import smtplib

        try:
            if self._smtp is None:
                self._smtp = self._connected()
            self._smtp.allow(self._left())
            yield self._smtp
        except ServerTrouble:
            self._drop()
            raise
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self._drop()
            raise ServerTrouble(_words(0, _said(error))) from error

    def _connected(self) -> "Client":
        # Only whoever sends a mail needs these: start-up is mostly imports.
        import ssl

        from psgflask.mail.smtp_client import Client

        there = self.server
        smtp = Client(
            there.host,
            there.port,
            own_name=there.own_name,
            timeout=there.timeout,
            context=ssl.create_default_context() if there.security == TLS else None,
        )
        smtp.allow(self._left())
        try:
            smtp.open()
            smtp.ehlo_or_helo_if_needed()
            if there.security == STARTTLS:
                smtp.secure(ssl.create_default_context())
                smtp.ehlo_or_helo_if_needed()
            if there.user:
                smtp.login(there.user, there.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _drop(self) -> None:
        """Hang up without a word on a server that is not to be relied upon."""
        smtp, self._smtp, self._sent = self._smtp, None, 0
        if smtp is not None:
            smtp.close()


def _is_final(code: int, words: str) -> bool:
    """Say whether no time and no setting of ours can change a refusal (5xx, RFC 5321).

    A matter of policy is not final, such as a sender that the server does not relay for:
    somebody puts that right, and then every mail that waits goes out.
    """
    enhanced = ENHANCED.search(words)
    policy = enhanced is not None and enhanced[2] == POLICY
    return 500 <= code < 600 and not policy


def _said(error: Exception) -> str:
    code, words = getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b"")
    if code:
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        return f"{code} {said}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _words(code: int, said: bytes | str, letter: Letter | None = None) -> str:
    """Return the beginning of what a server said on one line, without any address in it."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    text = " ".join(f"{code or ''} {text}".split())
    if len(text) > LONGEST_SAID:  # an address is not cut in two: nobody would know the halves
        text = text[:LONGEST_SAID].rpartition(" ")[0]
    if letter is not None:
        mailbox = letter.recipient.rpartition("@")[0]
        for told in (letter.recipient, mailbox):
            text = re.sub(rf"(?<!\w){re.escape(told)}(?!\w)", "...", text, flags=re.IGNORECASE)
    return ANY_ADDRESS.sub("...", "".join(c if c.isprintable() else "?" for c in text))
