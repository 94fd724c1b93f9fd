"""The outbox: mails are enqueued, become due, and are sent, rescheduled or given up.

A mail is enqueued in the transaction of the change it is about: both are committed, or neither.
"""

import logging
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from psgflask.core import personal_data
from psgflask.core.folding import is_invisible, plain
from psgflask.core.redaction import Words, redact_values
from psgflask.mail.models import DEAD, MAX_ADDRESS_LENGTH, SENT, VOID, WAITING, Message

log = logging.getLogger(__name__)

# Stands for the address in SECRETARY_EMAIL, which is looked up when the mail is composed.
SECRETARY = "secretary"
MAX_ERROR_LENGTH = 300
# One address and nothing else: no space or control character, which could end a header; none of
# the characters that separate addresses from each other or from names (RFC 5322, 3.2.3 and 3.4).
SINGLE_ADDRESS = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f,;:<>()\[\]\\\"@]+@[^\s\x00-\x20\x7f-\x9f,;:<>()\\\"@]+"
)

FIRST_DELAY, MAX_DELAY = timedelta(minutes=1), timedelta(hours=24)
JITTER = 0.2
GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321, 4.5.4.1: "at least 4-5 days"
# A dead mail can be retried for this long; then its contents are deleted.
BLANK_DEAD_AFTER = personal_data.MAILS.periods["undelivered"]
# The maximum delay of a mail that is not due at once.
MAX_PLANNED_DELAY = timedelta(hours=1)
RETENTION = personal_data.MAILS.periods["sent"]
# A mail with a key must be sent only once; the row stays for over a year: renewals come yearly.
RETENTION_OF_KEYS = timedelta(days=400)


# Called with a mail that a mail server has refused for good, the reason and the time, in the same
# transaction.
UndeliverableListener = Callable[[Session, Message, str, datetime], object]
_undeliverable_listeners: list[UndeliverableListener] = []


class OutboxError(Exception):
    """A mail that cannot be enqueued or retried; the message says why."""

    field = ""


class InvalidRecipient(OutboxError):
    """Not exactly one address: a second one, or a line break that would add a header."""

    field = "to"


@dataclass(frozen=True)
class OutboxStatus:
    """Counts of waiting and dead mails, and since when the longest overdue one has been due."""

    waiting: int
    dead: int
    overdue_since: datetime | None
    overdue_error: str


def enqueue(
    session: Session,
    *,
    kind: str,
    to: str,
    language: str,
    values: Mapping[str, Any],
    now: datetime,
    about: str = "",
    key: str | None = None,
    void: bool = False,
    due: datetime | None = None,
) -> Message:
    """Add a mail to the outbox; it is rendered from templates/mail/KIND when it is sent.

    `to` is one address, or SECRETARY. `values` (JSON) are for the template. `about` is whom it
    concerns, for `delete_about`. There is one mail per `key`: an existing one is returned. A
    `void` mail costs the same work, is empty and is never sent. `due` is when to send it, if not
    at once: at most MAX_PLANNED_DELAY after `now`. Raises InvalidRecipient.
    """
    if to != SECRETARY and not is_single_address(to):
        raise InvalidRecipient(
            "A mail goes to one address, without spaces, line breaks or typographic characters"
        )
    existing = select(Message).where(Message.key == key)
    if key is not None and (message := session.scalar(existing)) is not None:
        return message
    message = Message(
        message_id=secrets.token_hex(16),
        key=key,
        kind=kind,
        recipient="" if void else to,
        language=language,
        values={} if void else dict(values),
        about=about,
        state=VOID if void else WAITING,
        created_at=now,
        waiting_since=now,
        due_at=due or now,
    )
    session.add(message)
    session.flush()
    return message


def is_single_address(text: str) -> bool:
    """Say whether a text is one address and nothing else, in the characters of a keyboard."""
    return (
        len(text) <= MAX_ADDRESS_LENGTH
        and SINGLE_ADDRESS.fullmatch(text) is not None
        and plain(text) == text
        and not any(map(is_invisible, text))
    )


def has_message(session: Session, about: str, kinds: Collection[str]) -> bool:
    """Say whether the outbox has a mail of some kinds about somebody, sent or not."""
    query = select(Message.id).where(Message.about == about, Message.kind.in_(kinds))
    return session.scalar(query.limit(1)) is not None


def delete_about(session: Session, about: Collection[str]) -> int:
    """Delete the unsent mails about people, and clear `about` of the rest; return how many."""
    match = Message.about.in_(about)
    deleted = session.execute(delete(Message).where(match, Message.state.in_((WAITING, DEAD))))
    session.execute(update(Message).where(match).values(about=""))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # a DELETE's result has it


def delete_unsent(session: Session, about: Collection[str], *, but: Collection[str] = ()) -> int:
    """Delete the unsent mails to people, not those to the secretary about them; return how many.

    Those of the kinds `but` that wait to be sent stay.
    """
    unsent = (Message.state == DEAD) | (Message.state == WAITING) & Message.kind.not_in(but)
    unsent &= Message.about.in_(about)
    deleted = session.execute(delete(Message).where(unsent, Message.recipient != SECRETARY))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # a DELETE's result has it


def redact(session: Session, words: Words) -> list[str]:
    """Redact unsent mails; return which. What was mailed about a person is theirs, and stays."""
    unsent = select(Message).where(Message.state.in_((WAITING, DEAD)), Message.about == "")
    changed = []
    for message in session.scalars(unsent):
        values = redact_values(words, message.values)
        if values != message.values or words.are_in(message.error):
            message.values, message.error = values, words.redact(message.error)
            changed.append(f"unsent mail {message.id} ({message.kind})")
    return changed


def hold_waiting(session: Session, *, error: str, now: datetime) -> int:
    """Hold all waiting mails as dead, until somebody retries them; return how many."""
    values = {"state": DEAD, "error": error[:MAX_ERROR_LENGTH], "due_at": now}
    held = session.execute(update(Message).where(Message.state == WAITING).values(values))
    return int(held.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def retry(session: Session, number: int | None, *, now: datetime) -> int:
    """Make a mail due at once, for another five days; without `number`, every dead one.

    A dismissed one is tried again only by its number. Returns how many.
    Raises OutboxError for one that does not exist, was sent, or was emptied.
    """
    if number is None:
        match: ColumnElement[bool] = (Message.state == DEAD) & (Message.recipient != "")
        match &= Message.dismissed_at.is_(None)
    else:
        message = session.get(Message, number)
        if message is None:
            raise OutboxError(f"There is no mail {number}")
        if message.state not in {WAITING, DEAD}:
            raise OutboxError(f"Mail {number} is {message.state}: there is nothing to try again")
        if not message.recipient:
            raise OutboxError(f"Mail {number} died too long ago: it is blank by now")
        match = Message.id == number
    values: dict[str, Any] = {"state": WAITING, "tries": 0, "dismissed_at": None}
    values |= {"waiting_since": now, "due_at": now}
    updated = session.execute(update(Message).where(match).values(values))
    return int(updated.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def dismiss(session: Session, number: int | None, *, now: datetime) -> int:
    """Dismiss a dead mail, or every one: it is not reported any more; return how many.

    Until it is emptied `retry` sends it after all. Raises OutboxError for one that is not dead.
    """
    match = Message.state == DEAD
    if number is not None:
        message = session.get(Message, number)
        if message is None:
            raise OutboxError(f"There is no mail {number}")
        if message.state != DEAD:
            raise OutboxError(f"Mail {number} is {message.state}: only a dead one is dismissed")
        match &= Message.id == number
    return _dismiss(session, match, now)


def dismiss_about(
    session: Session, about: str, *, now: datetime, kinds: Collection[str] = ()
) -> None:
    """Dismiss the dead mails about somebody (of some `kinds`), which another mail replaces."""
    match = (Message.state == DEAD) & (Message.about == about) & (Message.about != "")
    _dismiss(session, match & Message.kind.in_(kinds) if kinds else match, now)


def _dismiss(session: Session, match: ColumnElement[bool], now: datetime) -> int:
    statement = update(Message).where(match, Message.dismissed_at.is_(None))
    dismissed = session.execute(statement.values(dismissed_at=now))
    return int(dismissed.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def due_ids(session: Session, now: datetime, limit: int) -> list[int]:
    """Return the ids of mails that are due, longest overdue first."""
    query = select(Message.id).where(Message.state == WAITING, Message.due_at <= now)
    return list(session.scalars(query.order_by(Message.due_at, Message.id).limit(limit)))


def max_delay(tries: int) -> timedelta:
    """Return the maximum delay of a mail that was tried so often."""
    if tries == 0:
        return timedelta(0)
    return min(FIRST_DELAY * (1 << min(tries - 1, 20)) * (1 + JITTER), MAX_DELAY)


def any_overscheduled(session: Session, now: datetime) -> bool:
    """Say whether a mail is due later than any can be: the clock was ahead when it was set."""
    return bool(session.scalar(select(exists().where(*_overscheduled(now)))))


def reschedule_overscheduled(session: Session, now: datetime) -> None:
    """Make the mails due now that are due later than any can be."""
    statement = update(Message).where(*_overscheduled(now)).values(due_at=now)
    session.execute(statement.execution_options(synchronize_session=False))


def _overscheduled(now: datetime) -> tuple[ColumnElement[bool], ...]:
    planned = (Message.tries == 0) & (Message.waiting_since <= now)
    retries = [(Message.tries == tries, now + max_delay(tries)) for tries in range(12)]
    latest = case((planned, now + MAX_PLANNED_DELAY), *retries, else_=now + MAX_DELAY)
    return Message.state == WAITING, Message.due_at > now, Message.due_at > latest


def mark_sent(session: Session, id_: int, *, now: datetime) -> None:
    """Mark a mail as sent, and empty it: it may contain a link that gives access."""
    session.execute(
        update(Message)
        .where(Message.id == id_)
        .values(state=SENT, recipient="", values={}, error="", sent_at=now, due_at=now)
    )


def on_undeliverable(listener: UndeliverableListener) -> UndeliverableListener:
    """Call `listener(session, message, reason, now)` when a mail server refuses a mail for good."""
    if listener not in _undeliverable_listeners:
        _undeliverable_listeners.append(listener)
    return listener


def report_undeliverable(session: Session, message: Message, *, reason: str, now: datetime) -> None:
    """Call the listeners, if the mail is dead by now; it stays so if one of them fails."""
    if session.scalar(select(Message.state).where(Message.id == message.id)) == DEAD:
        for listener in _undeliverable_listeners:
            try:
                with session.begin_nested():
                    listener(session, message, reason[:MAX_ERROR_LENGTH], now)
            except Exception as error:
                # It must not stop other mails; its text may contain personal data.
                log.error("Mail %d: %s in %s", message.id, type(error).__name__, listener)


def reschedule(
    session: Session, id_: int, *, at: datetime, error: str, now: datetime, earliest: datetime
) -> None:
    """Reschedule a mail that was rejected for now, at the latest to its last day.

    It is given up once that day is over by the `earliest` time that it can be
    (`clock_watch.time_bounds`).
    """
    message = session.get(Message, id_)
    if message is None or message.state != WAITING:
        return
    message.tries += 1
    last = message.waiting_since + GIVE_UP_AFTER
    if earliest >= last:
        mark_dead(session, id_, error=error, now=now)
        return
    message.error, message.due_at = error[:MAX_ERROR_LENGTH], min(at, last) if now < last else at
    session.flush()


def mark_dead(session: Session, id_: int, *, error: str, now: datetime) -> None:
    """Give a mail up."""
    session.execute(
        update(Message)
        .where(Message.id == id_, Message.state == WAITING)
        .values(state=DEAD, error=error[:MAX_ERROR_LENGTH], due_at=now)
    )


def record_server_failure(
    session: Session, id_: int, *, error: str, now: datetime, earliest: datetime
) -> None:
    """Record on the next mail why the server accepts none; it does not count as a try.

    Mails that have waited too long by the `earliest` time that it can be are given up.
    """
    waiting = Message.state == WAITING
    session.execute(
        update(Message)
        .where(waiting, Message.due_at <= now, Message.waiting_since <= earliest - GIVE_UP_AFTER)
        .values(state=DEAD, error=error[:MAX_ERROR_LENGTH], due_at=now)
    )
    session.execute(
        update(Message).where(waiting, Message.id == id_).values(error=error[:MAX_ERROR_LENGTH])
    )


def delete_expired(session: Session, now: datetime) -> None:
    """Empty mails that have been dead for long; delete those past their retention.

    `now` is the earliest time that it can be (`clock_watch.time_bounds`).
    """
    session.execute(
        update(Message)
        .where(Message.state == DEAD, Message.due_at <= now - BLANK_DEAD_AFTER)
        .where(Message.recipient != "")
        .values(recipient="", values={})
    )
    expired = (Message.state.in_((SENT, VOID)) & (Message.due_at <= now - RETENTION)) | (
        (Message.state == DEAD) & (Message.due_at <= now - BLANK_DEAD_AFTER - RETENTION)
    )
    unkeyed = Message.key.is_(None) | (Message.due_at <= now - RETENTION_OF_KEYS)
    session.execute(delete(Message).where(expired, unkeyed))


def correct_future_dates(session: Session, *, now: datetime, latest: datetime) -> None:
    """Set dates after `latest`, the latest time that it can be (`clock_watch.time_bounds`), to now.

    Otherwise a mail would be given up and deleted too late.
    """
    waiting = Message.waiting_since > latest
    # `reschedule_overscheduled` corrects the other waiting mails.
    due = (Message.due_at > latest) & ((Message.state != WAITING) | waiting)
    for column, match in ((Message.due_at, due), (Message.waiting_since, waiting)):
        session.execute(
            update(Message)
            .where(match)
            .values({column: now})
            .execution_options(synchronize_session=False)
        )


def status(session: Session, now: datetime) -> OutboxStatus:
    """Count waiting and dead mails, and find the longest overdue one."""
    # Nothing can be done about a mail that was emptied, and nobody need look at a dismissed one.
    reported = (Message.state != DEAD) | (
        Message.dismissed_at.is_(None) & (Message.recipient != "")
    )
    counts_of = select(Message.state, func.count()).where(reported)
    grouped = session.execute(counts_of.group_by(Message.state))
    counts: dict[str, int] = dict(row for row in grouped)
    overdue = session.scalar(
        select(Message)
        .where(Message.state == WAITING, Message.due_at <= now)
        .order_by(Message.due_at, Message.id)
        .limit(1)
    )
    return OutboxStatus(
        waiting=counts.get(WAITING, 0),
        dead=counts.get(DEAD, 0),
        overdue_since=overdue.due_at if overdue else None,
        overdue_error=overdue.error if overdue else "",
    )
