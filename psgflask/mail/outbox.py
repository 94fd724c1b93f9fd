"""The rules of the outbox: what is posted, what is due, and what becomes of it.

A mail is posted in the transaction of what it tells of: both are there, or neither.
"""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from psgflask.mail.models import DEAD, SENT, VOID, WAITING, Message

# Who this is stands in SECRETARY_EMAIL; rules know no settings, so the sender looks it up.
SECRETARY = "secretary"
LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the two angle brackets
LONGEST_ERROR = 300
# One address and nothing beside it: no space or control character, which end a header; none of
# the signs that part addresses from each other or from names (RFC 5322, 3.2.3 and 3.4).
ONE_ADDRESS = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f,;:<>()\[\]\\\"@]+@[^\s\x00-\x20\x7f-\x9f,;:<>()\\\"@]+"
)

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=24)
JITTER = 0.2
GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321, 4.5.4.1: "at least 4-5 days"
# A dead mail can be tried again for so long; then nobody wants its contents any more.
BLANK_DEAD_AFTER = timedelta(days=30)
# What is not to leave at once leaves after so long at most.
LATEST = timedelta(hours=1)
KEEP = timedelta(days=30)
# A mail that must go out once only is known by its key for more than a year: renewals come yearly.
KEEP_KEYED = timedelta(days=400)


class MailRefused(Exception):
    """A mail that cannot be posted or tried again; the message says why."""

    field = ""


class RecipientRefused(MailRefused):
    """Not one plain address: with a second one, or with a line of its own for the header."""

    field = "to"


@dataclass(frozen=True)
class Standing:
    """How the outbox stands: rows of each state, and what has been due for longest."""

    waiting: int
    dead: int
    overdue_since: datetime | None
    overdue_error: str


def post(
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
    """Put a mail into the outbox; it is drawn from templates/mail/KIND when it is sent.

    `to` is one address, or SECRETARY. `values` (JSON) are what the template shows. `about` says
    whom it concerns, for `forget`. Of mails with the same `key` there is one: that is returned.
    A `void` one costs the same work, holds nothing and is never sent. `due` is when it is to leave,
    if not at once: LATEST after `now` at most. Raises RecipientRefused.
    """
    if to != SECRETARY and not (len(to) <= LONGEST and ONE_ADDRESS.fullmatch(to)):
        raise RecipientRefused("A mail goes to one address, which has no space and no line break")
    if key is not None and (there := session.scalar(select(Message).where(Message.key == key))):
        return there
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


def is_posted(session: Session, about: str, kinds: Collection[str]) -> bool:
    """Say whether a mail of some kinds was posted about somebody, as long as rows are kept."""
    theirs = select(Message.id).where(Message.about == about, Message.kind.in_(kinds))
    return session.scalar(theirs.limit(1)) is not None


def forget(session: Session, about: str) -> int:
    """Delete what is not sent yet about somebody, and whom the rest was about; return how many."""
    theirs = Message.about == about
    gone = session.execute(delete(Message).where(theirs, Message.state.in_((WAITING, DEAD))))
    session.execute(update(Message).where(theirs).values(about=""))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result has it


def hold(session: Session, *, error: str, now: datetime) -> int:
    """Set all waiting mails aside as dead, until somebody retries them; return how many."""
    aside = {"state": DEAD, "error": error[:LONGEST_ERROR], "due_at": now}
    held = session.execute(update(Message).where(Message.state == WAITING).values(aside))
    return int(held.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def retry(session: Session, number: int | None, *, now: datetime) -> int:
    """Make a mail due at once, with five days more; without `number`, every dead one.

    Returns how many. Raises MailRefused for one that is not there, was sent, or was blanked.
    """
    if number is None:
        chosen: ColumnElement[bool] = (Message.state == DEAD) & (Message.recipient != "")
    else:
        message = session.get(Message, number)
        if message is None:
            raise MailRefused(f"There is no mail {number}")
        if message.state not in {WAITING, DEAD}:
            raise MailRefused(f"Mail {number} is {message.state}: there is nothing to try again")
        if not message.recipient:
            raise MailRefused(f"Mail {number} died too long ago: it is blank by now")
        chosen = Message.id == number
    fresh = {"state": WAITING, "tries": 0, "waiting_since": now, "due_at": now}
    done = session.execute(update(Message).where(chosen).values(fresh))
    return int(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def due(session: Session, now: datetime, most: int) -> list[int]:
    """Return the ids of mails that are due, the longest due first."""
    wanted = select(Message.id).where(Message.state == WAITING, Message.due_at <= now)
    return list(session.scalars(wanted.order_by(Message.due_at, Message.id).limit(most)))


def longest_delay(tries: int) -> timedelta:
    """Return how long a mail waits at most that was tried so often."""
    if tries == 0:
        return timedelta(0)
    return min(FIRST_DELAY * (1 << min(tries - 1, 20)) * (1 + JITTER), LONGEST_DELAY)


def any_ahead(session: Session, now: datetime) -> bool:
    """Say whether a mail waits for longer than any does: a clock that was ahead set its time."""
    return bool(session.scalar(select(exists().where(*_ahead(now)))))


def put_due(session: Session, now: datetime) -> None:
    """Let the mails be due now that wait for longer than any does."""
    late = update(Message).where(*_ahead(now)).values(due_at=now)
    session.execute(late.execution_options(synchronize_session=False))


def _ahead(now: datetime) -> tuple[ColumnElement[bool], ...]:
    planned = (Message.tries == 0) & (Message.waiting_since <= now)
    steps = [(Message.tries == tries, now + longest_delay(tries)) for tries in range(12)]
    latest = case((planned, now + LATEST), *steps, else_=now + LONGEST_DELAY)
    return Message.state == WAITING, Message.due_at > now, Message.due_at > latest


def note_sent(session: Session, number: int, *, now: datetime) -> None:
    """Note that a mail went out, and blank it: it may hold a link that opens something."""
    session.execute(
        update(Message)
        .where(Message.id == number)
        .values(state=SENT, recipient="", values={}, error="", sent_at=now, due_at=now)
    )


def note_again(
    session: Session, number: int, *, at: datetime, error: str, now: datetime, earliest: datetime
) -> None:
    """Note that a mail was refused for now: it is due again then, at the latest on its last day.

    Whoever was tried on the last day is given up, if that is over by the `earliest` moment that it
    can be (`clock.agreed`).
    """
    message = session.get(Message, number)
    if message is None or message.state != WAITING:
        return
    message.tries += 1
    last = message.waiting_since + GIVE_UP_AFTER
    if earliest >= last:
        note_dead(session, number, error=error, now=now)
        return
    message.error, message.due_at = error[:LONGEST_ERROR], min(at, last) if now < last else at
    session.flush()


def note_dead(session: Session, number: int, *, error: str, now: datetime) -> None:
    """Give a mail up."""
    session.execute(
        update(Message)
        .where(Message.id == number, Message.state == WAITING)
        .values(state=DEAD, error=error[:LONGEST_ERROR], due_at=now)
    )


def note_trouble(
    session: Session, number: int, *, error: str, now: datetime, earliest: datetime
) -> None:
    """Note on the mail that was next why the server takes none; it costs no mail a try.

    Those that have waited for too long by the `earliest` moment that it can be are given up.
    """
    waiting = Message.state == WAITING
    session.execute(
        update(Message)
        .where(waiting, Message.due_at <= now, Message.waiting_since <= earliest - GIVE_UP_AFTER)
        .values(state=DEAD, error=error[:LONGEST_ERROR], due_at=now)
    )
    session.execute(
        update(Message).where(waiting, Message.id == number).values(error=error[:LONGEST_ERROR])
    )


def trim(session: Session, now: datetime) -> None:
    """Blank what died long ago; delete what nobody needs to know of any more.

    `now` is the earliest moment that it can be (`clock.agreed`).
    """
    session.execute(
        update(Message)
        .where(Message.state == DEAD, Message.due_at <= now - BLANK_DEAD_AFTER)
        .where(Message.recipient != "")
        .values(recipient="", values={})
    )
    over = (Message.state.in_((SENT, VOID)) & (Message.due_at <= now - KEEP)) | (
        (Message.state == DEAD) & (Message.due_at <= now - BLANK_DEAD_AFTER - KEEP)
    )
    unneeded = Message.key.is_(None) | (Message.due_at <= now - KEEP_KEYED)
    session.execute(delete(Message).where(over, unneeded))


def put_right(session: Session, *, now: datetime, latest: datetime) -> None:
    """Date as of now what is dated after `latest`, the latest moment that it can be.

    A mail would wait for longer before it is given up, and be kept for longer afterwards.
    """
    since_then = Message.waiting_since > latest
    # When one is due that waits, and has for some time, is what `put_due` looks at.
    over = (Message.due_at > latest) & ((Message.state != WAITING) | since_then)
    for dated, wrong in ((Message.due_at, over), (Message.waiting_since, since_then)):
        session.execute(
            update(Message)
            .where(wrong)
            .values({dated: now})
            .execution_options(synchronize_session=False)
        )


def standing(session: Session, now: datetime) -> Standing:
    """Return how many mails wait and are dead, and which has been due for longest."""
    grouped = session.execute(select(Message.state, func.count()).group_by(Message.state))
    counts: dict[str, int] = dict(row for row in grouped)
    overdue = session.scalar(
        select(Message)
        .where(Message.state == WAITING, Message.due_at <= now)
        .order_by(Message.due_at, Message.id)
        .limit(1)
    )
    return Standing(
        waiting=counts.get(WAITING, 0),
        dead=counts.get(DEAD, 0),
        overdue_since=overdue.due_at if overdue else None,
        overdue_error=overdue.error if overdue else "",
    )
