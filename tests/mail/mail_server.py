"""A real mail server (aiosmtpd) on this machine, which can be told to behave badly."""

import asyncio
import logging
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

# localhost for a hundred years, by an authority of its own; the key guards nothing.
CERTIFICATE = Path(__file__).with_name("localhost.crt")
KEY = Path(__file__).with_name("localhost.key")
# A mail server logs whom it is told of; this one stands in the tests' own process.
logging.getLogger("mail.log").disabled = True
HANG, DROP = "hang", "drop"
Answer = str | Callable[[Envelope, str], str | None] | None


@dataclass
class Arrived:
    """A mail that the server took, or had read when it was told to drop the connection."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        """Return the mail as a mail program reads it."""
        read = message_from_bytes(self.content, policy=default)
        assert isinstance(read, EmailMessage)
        return read

    @cached_property
    def message_id(self) -> str:
        """Return its Message-ID."""
        return str(self.mail["Message-ID"])


@dataclass
class MailServer:
    """Takes mails; `at` says what to answer instead at MAIL, RCPT, DATA (text, HANG or DROP).

    An entry may be a function of the envelope and the address that is spoken of; None is "take
    it". At "content" the mail was read, and is kept whatever is answered.
    """

    security: str = "none"
    at: dict[str, Answer] = field(default_factory=dict)
    wide: bool = True
    password: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    port: int = 0
    taken: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> "MailServer":
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def settings(self, **others: object) -> dict[str, object]:
        """Return the settings of a site that sends its mail here."""
        return {
            "SMTP_HOST": "localhost",
            "SMTP_PORT": self.port,
            "SMTP_SECURITY": self.security,
            "MAIL_FROM": "site@psg.example",
            **others,
        }

    def counted(self) -> Counter[str]:
        """Return how often each mail arrived, by its Message-ID."""
        return Counter(arrived.message_id for arrived in self.arrived)

    def wait_for(self, count: int, seconds: float = 60) -> bool:
        """Wait until so many mails have arrived in all; say whether they have."""
        with self.taken:
            return self.taken.wait_for(lambda: len(self.arrived) >= count, seconds)

    async def _listen(self) -> asyncio.Server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, KEY)
        given: dict[str, Any] = {"enable_SMTPUTF8": self.wide, "hostname": "localhost"}
        if self.security == "starttls":
            given |= {"tls_context": context, "require_starttls": True}
        if self.password:
            given |= {"authenticator": self._knows, "auth_required": True}
            given |= {"auth_require_tls": self.security == "starttls"}
        return await self._loop.create_server(
            lambda: _Speaking(self, loop=self._loop, **given),
            host="localhost",
            port=self.port,
            ssl=context if self.security == "tls" else None,
        )

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in this round

    def _knows(self, server: SMTP, session: Session, envelope: Envelope, *how: Any) -> AuthResult:
        return AuthResult(success=how[1].password == self.password.encode(), handled=False)

    async def _answer(self, stage: str, server: SMTP, envelope: Envelope, address: str) -> str:
        asked = self.at.get(stage)
        answer = asked(envelope, address) if callable(asked) else asked
        if answer == HANG:
            await asyncio.Event().wait()
        if answer == DROP:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            raise asyncio.CancelledError  # nobody is there to be answered
        return answer or ""

    # What aiosmtpd calls; the names are its own.

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL FROM."""
        answer = await self._answer("MAIL", server, envelope, address)
        if not answer:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        answer = await self._answer("RCPT", server, envelope, address)
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer the contents."""
        refusal = await self._answer("DATA", server, envelope, envelope.rcpt_tos[0])
        if refusal:
            return refusal
        assert isinstance(envelope.content, bytes)
        found = Arrived(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content)
        with self.taken:
            self.arrived.append(found)
            self.taken.notify_all()
        return await self._answer("content", server, envelope, envelope.rcpt_tos[0]) or "250 OK"


class _Speaking(SMTP):
    """One connection."""

    def __init__(self, post: MailServer, **given: Any) -> None:
        super().__init__(post, **given)
        self._post = post

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it; above TLS it is the same connection once more."""
        if self.session is None:
            self._post.connections += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count its end."""
        self._post.ended += 1
        super().connection_lost(error)
