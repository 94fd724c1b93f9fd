"""Sends what is due: a task of the worker, one commit for each mail.

The database is asked what is next, let go while the network is waited for, and told what became
of it. A process that is killed anywhere loses no mail and repeats at most the one in flight.
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
from psgflask.mail import composing, outbox, transports
from psgflask.mail.models import WAITING, Message
from psgflask.mail.transports import Letter, Lost, Refused, ServerTrouble, Transport

log = logging.getLogger(__name__)

BATCH = 100
# After so long a round ends although more is due: a worker that is told to stop looks up then.
ROUND_SECONDS = 20.0
# A server that is down is asked again so much later at most: when it is back, nobody waits long.
LONGEST_REST = timedelta(minutes=10)
# Contents lost on the way one after the other are the server's doing and no longer the mails'.
MOST_LOST = 2
TRIM_EVERY = timedelta(hours=1)

_chance = SystemRandom()
Clock = Callable[[], datetime]


@dataclass
class Post:
    """What the sender of a process remembers from round to round."""

    troubles: int = 0
    # From when until when the server is left alone; a moment before them is one of a clock that
    # was put right meanwhile.
    rests: tuple[datetime, datetime] | None = None
    trimmed: datetime | None = None
    # Mails that left, but which the database could not be told of: they must not leave again.
    left: dict[int, datetime] = field(default_factory=dict)


def sweep(
    app: Flask,
    stop: Event | None = None,
    *,
    clock: Clock = utc_now,
    transport: Transport | None = None,
) -> int:
    """Send what is due, the longest due first; return how many mails left.

    `stop` ends the round after the mail in flight.
    """
    post: Post = app.extensions["psg_mail"]
    if post.rests is not None and post.rests[0] <= clock() < post.rests[1]:
        return 0
    _tell_of_those_that_left(app, post)
    _trim(app, post, clock())
    _put_due(app, clock())
    with closing(transport or way_out(app)) as way:
        return _Round(app, post, way, clock, stop or Event()).run()


def way_out(app: Flask) -> Transport:
    """Return the way that the configuration names: a mail server, or the folder of .eml files."""
    settings = app.config
    if not settings["SMTP_HOST"]:
        return transports.Folder(Path(app.instance_path, "outbox"))
    return transports.Smtp(
        transports.Server(
            host=settings["SMTP_HOST"],
            port=settings["SMTP_PORT"],
            security=settings["SMTP_SECURITY"],
            user=settings["SMTP_USER"],
            password=settings["SMTP_PASSWORD"],
            timeout=float(settings["SMTP_TIMEOUT"]),
            own_name=composing.own_name(app),
        )
    )


def delay(tries: int, longest: timedelta = outbox.LONGEST_DELAY) -> timedelta:
    """Return how long to wait after so many tries: a minute, doubled each time, up to `longest`.

    A fifth more or less by chance, so that mails refused together do not come back together.
    """
    doubled = outbox.FIRST_DELAY * (1 << min(max(tries, 1) - 1, 20))
    chance = _chance.uniform(1 - outbox.JITTER, 1 + outbox.JITTER)
    return min(min(doubled, longest) * chance, longest)


@dataclass
class _Round:
    """One round of the sender."""

    app: Flask
    post: Post
    way: Transport
    clock: Clock
    stop: Event
    lost: int = 0
    sent: int = 0

    def run(self) -> int:
        ends = time.monotonic() + ROUND_SECONDS
        while numbers := self._due():
            for number in numbers:
                if self.stop.is_set() or time.monotonic() > ends:
                    return self.sent
                try:
                    self._one(number)
                except ServerTrouble as trouble:
                    self._rest(number, trouble)
                    return self.sent
        return self.sent

    def _due(self) -> list[int]:
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            return outbox.due(session, self.clock(), BATCH)

    def _one(self, number: int) -> None:
        """Let one mail leave and note it. Raises ServerTrouble."""
        message = self._read(number)
        if message is None:  # forgotten meanwhile
            return
        try:
            self.way.send(self._drawn(message))
        except Refused as refused:
            self._refused(message, refused)
        except Lost as lost:
            self._refused(message, Refused(str(lost)))
            self.lost += 1
            if self.lost >= MOST_LOST:
                raise ServerTrouble(str(lost)) from lost
            return
        else:
            self._left(message)
        self.lost = 0

    def _read(self, number: int) -> Message | None:
        with read_only(), self.app.app_context(), Session(db.engine) as session:
            message = session.get(Message, number)
            if message is None or message.state != WAITING:
                return None
            session.expunge(message)
            return message

    def _drawn(self, message: Message) -> Letter:
        try:
            return composing.compose(self.app, message, self.clock())
        except composing.NobodyToTell as error:
            raise Refused(str(error)) from error
        except Exception as error:
            # Whatever it is, it keeps no other mail back; its text may hold what is personal.
            raise Refused(f"It cannot be drawn: {type(error).__name__}") from error

    def _left(self, message: Message) -> None:
        now = self.clock()
        self.post.left[message.id] = now
        _tell_of_those_that_left(self.app, self.post)
        self.post.troubles, self.post.rests = 0, None
        self.sent += 1
        log.info("Mail %d (%s) left", message.id, message.kind)

    def _refused(self, message: Message, refused: Refused) -> None:
        now = self.clock()
        with self.app.app_context(), Session(db.engine) as session:
            if refused.final:
                # From this moment its contents are kept for a while: not from one that is past.
                at = clock_watch.corrected_time(self.app, now)
                outbox.note_dead(session, message.id, error=str(refused), now=at)
            else:
                at = now + delay(message.tries + 1)
                told = {
                    "at": at,
                    "now": now,
                    "earliest": clock_watch.time_bounds(self.app).earliest,
                }
                outbox.note_again(session, message.id, error=str(refused), **told)
            session.commit()
        # Of an answer its number alone; any other cause is told without addresses.
        cause = refused.code or refused
        log.warning("Mail %d (%s) was refused: %s", message.id, message.kind, cause)

    def _rest(self, number: int, trouble: ServerTrouble) -> None:
        """Leave a server alone that takes no mail from us; what waits keeps its tries."""
        self.post.troubles += 1
        now, earliest = self.clock(), clock_watch.time_bounds(self.app).earliest
        self.post.rests = now, now + delay(self.post.troubles, LONGEST_REST)
        log.warning("No mail can be sent: %s", trouble)
        with self.app.app_context(), Session(db.engine) as session:
            outbox.note_trouble(session, number, error=str(trouble), now=now, earliest=earliest)
            session.commit()


def _tell_of_those_that_left(app: Flask, post: Post) -> None:
    """Note in the database which mails left; while that fails, no other one is sent."""
    for number, at in list(post.left.items()):
        with app.app_context(), Session(db.engine) as session:
            outbox.note_sent(session, number, now=at)
            session.commit()
        del post.left[number]


def _trim(app: Flask, post: Post, now: datetime) -> None:
    if post.trimmed is not None and abs(now - post.trimmed) < TRIM_EVERY:
        return
    with app.app_context(), Session(db.engine) as session:
        agreed = clock_watch.time_bounds(app)
        outbox.put_right(session, now=now, latest=agreed.latest)
        outbox.trim(session, agreed.earliest)
        session.commit()
    post.trimmed = now


def _put_due(app: Flask, now: datetime) -> None:
    with read_only(), app.app_context(), Session(db.engine) as session:
        if not outbox.any_ahead(session, now):
            return
    with app.app_context(), Session(db.engine) as session:
        outbox.put_due(session, now)
        session.commit()
