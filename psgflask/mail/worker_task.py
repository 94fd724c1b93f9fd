"""The worker task that sends the mails that are due, with one commit per mail.

No transaction is open while it waits for the network. A process that is killed at any point loses
no mail and repeats at most the one in flight.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import SystemRandom
from threading import Event

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.paths import OUTBOX
from psgflask.mail import composing, outbox, transports
from psgflask.mail.models import WAITING, Message
from psgflask.mail.transports import (
    DeliveryUnknown,
    MailRejected,
    RenderedMail,
    ServerUnavailable,
    Transport,
)

log = logging.getLogger(__name__)

BATCH_SIZE = 100
# A round ends after this time even if more mails are due.
MAX_ROUND_SECONDS = 20.0
# Maximum pause before a server that is down is tried again.
MAX_PAUSE = timedelta(minutes=10)
# After so many lost connections in a row the server is taken to be at fault, not the mails.
MAX_LOST_CONNECTIONS = 2
CLEANUP_INTERVAL = timedelta(hours=1)

_random = SystemRandom()
Clock = Callable[[], datetime]


@dataclass
class SenderState:
    """What the sender of a process keeps from round to round."""

    server_failures: int = 0
    # The server is not tried between these times; before the first, the clock was set back.
    paused: tuple[datetime, datetime] | None = None
    cleaned_up_at: datetime | None = None
    # Mails that were sent, but not marked as sent in the database yet: never send them again.
    sent: dict[int, datetime] = field(default_factory=dict)


def run(
    app: Flask,
    stop: Event | None = None,
    *,
    clock: Clock = utc_now,
    transport: Transport | None = None,
) -> int:
    """Send the mails that are due, longest overdue first; return how many were sent.

    `stop` ends the round after the mail in flight.
    """
    state: SenderState = app.extensions["psg_mail"]
    if state.paused is not None and state.paused[0] <= clock() < state.paused[1]:
        return 0
    _mark_sent(app, state)
    _delete_expired(app, state, clock())
    _reschedule_overscheduled(app, clock())
    with closing(transport or configured_transport(app)) as opened:
        return _Round(app, state, opened, clock, stop or Event()).run()


def configured_transport(app: Flask) -> Transport:
    """Return the transport that is configured: a mail server, or a folder of .eml files."""
    settings = app.config
    if not settings["SMTP_HOST"]:
        return transports.FolderTransport(Path(app.instance_path, OUTBOX))
    return transports.SmtpTransport(
        transports.SmtpServer(
            host=settings["SMTP_HOST"],
            port=settings["SMTP_PORT"],
            security=settings["SMTP_SECURITY"],
            user=settings["SMTP_USER"],
            password=settings["SMTP_PASSWORD"],
            timeout=float(settings["SMTP_TIMEOUT"]),
            local_hostname=composing.local_hostname(app),
        )
    )


def retry_delay(tries: int, maximum: timedelta = outbox.MAX_DELAY) -> timedelta:
    """Return the exponential backoff after so many tries: from a minute up to `maximum`.

    With a jitter of a fifth, so that mails rejected together are not retried together.
    """
    doubled = outbox.FIRST_DELAY * (1 << min(max(tries, 1) - 1, 20))
    jitter = _random.uniform(1 - outbox.JITTER, 1 + outbox.JITTER)
    return min(min(doubled, maximum) * jitter, maximum)


@dataclass
class _Round:
    """One round of the sender."""

    app: Flask
    state: SenderState
    transport: Transport
    clock: Clock
    stop: Event
    lost_in_a_row: int = 0
    sent: int = 0

    def run(self) -> int:
        deadline = time.monotonic() + MAX_ROUND_SECONDS
        while ids := self._due():
            for id_ in ids:
                if self.stop.is_set() or time.monotonic() > deadline:
                    return self.sent
                try:
                    self._send(id_)
                except ServerUnavailable as error:
                    self._pause(id_, error)
                    return self.sent
        return self.sent

    def _due(self) -> list[int]:
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            return outbox.due_ids(session, self.clock(), BATCH_SIZE)

    def _send(self, id_: int) -> None:
        """Send one mail and record the outcome. Raises ServerUnavailable."""
        message = self._load(id_)
        if message is None:  # deleted since
            return
        try:
            self.transport.send(self._render(message))
        except MailRejected as rejected:
            self._rejected(message, rejected)
        except DeliveryUnknown as lost:
            self._rejected(message, MailRejected(str(lost)))
            self.lost_in_a_row += 1
            if self.lost_in_a_row >= MAX_LOST_CONNECTIONS:
                raise ServerUnavailable(str(lost)) from lost
            return
        else:
            self._succeeded(message)
        self.lost_in_a_row = 0

    def _load(self, id_: int) -> Message | None:
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            message = session.get(Message, id_)
            if message is None or message.state != WAITING:
                return None
            session.expunge(message)
            return message

    def _render(self, message: Message) -> RenderedMail:
        try:
            return composing.compose(self.app, message, self.clock())
        except composing.NoRecipient as error:
            raise MailRejected(str(error)) from error
        except Exception as error:
            # It must not stop other mails; its text may contain personal data.
            raise MailRejected(f"It cannot be rendered: {type(error).__name__}") from error

    def _succeeded(self, message: Message) -> None:
        now = self.clock()
        self.state.sent[message.id] = now
        _mark_sent(self.app, self.state)
        self.state.server_failures, self.state.paused = 0, None
        self.sent += 1
        log.info("Mail %d (%s) left", message.id, message.kind)

    def _rejected(self, message: Message, rejected: MailRejected) -> None:
        now = self.clock()
        with self.app.app_context(), Session(db.engine) as session:
            if rejected.permanent:
                # Its contents are stored for a while from this time on: it must not be in the past.
                at = clock_watch.corrected_time(self.app, now)
                outbox.mark_dead(session, message.id, error=str(rejected), now=at)
            else:
                at = now + retry_delay(message.tries + 1)
                earliest = clock_watch.time_bounds(self.app).earliest
                error = str(rejected)
                outbox.reschedule(
                    session, message.id, at=at, error=error, now=now, earliest=earliest
                )
            if rejected.code or rejected.permanent:  # by a mail server, not by ourselves
                outbox.report_undeliverable(session, message, reason=str(rejected), now=now)
            session.commit()
        # A reply is logged by its code alone; any other reason is logged without addresses.
        reason = rejected.code or rejected
        log.warning("Mail %d (%s) was refused: %s", message.id, message.kind, reason)

    def _pause(self, id_: int, error: ServerUnavailable) -> None:
        """Leave a server that accepts no mail alone for a while; no mail loses a try by it."""
        self.state.server_failures += 1
        now, earliest = self.clock(), clock_watch.time_bounds(self.app).earliest
        self.state.paused = now, now + retry_delay(self.state.server_failures, MAX_PAUSE)
        log.warning("No mail can be sent: %s", error)
        with self.app.app_context(), Session(db.engine) as session:
            outbox.record_server_failure(session, id_, error=str(error), now=now, earliest=earliest)
            session.commit()


def _mark_sent(app: Flask, state: SenderState) -> None:
    """Mark mails as sent in the database; while that fails, no other mail is sent."""
    for id_, at in list(state.sent.items()):
        with app.app_context(), Session(db.engine) as session:
            outbox.mark_sent(session, id_, now=at)
            session.commit()
        del state.sent[id_]


def _delete_expired(app: Flask, state: SenderState, now: datetime) -> None:
    if state.cleaned_up_at is not None and abs(now - state.cleaned_up_at) < CLEANUP_INTERVAL:
        return
    with app.app_context(), Session(db.engine) as session:
        bounds = clock_watch.time_bounds(app)
        outbox.correct_future_dates(session, now=now, latest=bounds.latest)
        outbox.delete_expired(session, bounds.earliest)
        session.commit()
    state.cleaned_up_at = now


def _reschedule_overscheduled(app: Flask, now: datetime) -> None:
    with read_only(), app.app_context(), Session(db.engine) as session:
        if not outbox.any_overscheduled(session, now):
            return
    with app.app_context(), Session(db.engine) as session:
        outbox.reschedule_overscheduled(session, now)
        session.commit()
