"""Rate limits by mailbox, by network and for the whole site, counted in the database.

So the counts survive a restart and hold for all processes of the installation.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, delete, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_addresses
from psgflask.accounts.models import Attempt
from psgflask.core import networks, personal_data

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# No limit has a longer period.
RETENTION = personal_data.ATTEMPTS.periods["counted"]
# Concurrent requests may read the clock in another order than they write. Attempts further in the
# future were counted while the clock was ahead, and do not count.
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True)
class RateLimit:
    """At most `count` attempts within a period: of one mailbox, of one network, or of all.

    An attempt above the limit is refused; or accepted without a mail, where the limit `holds` mail.
    """

    count: int
    period: timedelta
    mailbox: bool = False
    network: bool = False
    supernet: bool = False
    holds: bool = False


# Forms that anybody may send, and that a mail follows. A whole hall may sign up on one network. A
# client with many networks is limited by their supernet; one with many of those, by what the whole
# site accepts.
OPEN_FORM = (
    RateLimit(3, DAY, mailbox=True, holds=True),
    RateLimit(120, HOUR, holds=True),
    RateLimit(40, HOUR, network=True),
    RateLimit(100, DAY, network=True),
    RateLimit(80, HOUR, supernet=True),
    RateLimit(200, DAY, supernet=True),
    RateLimit(600, HOUR),
)
RATE_LIMITS: dict[str, tuple[RateLimit, ...]] = {
    "join": OPEN_FORM,
    "rights": OPEN_FORM,
    "again": (
        RateLimit(5, HOUR, mailbox=True, network=True),
        RateLimit(8, DAY, mailbox=True, network=True),
        RateLimit(12, DAY, mailbox=True),
        RateLimit(20, HOUR, network=True),
        RateLimit(40, HOUR, supernet=True),
        RateLimit(240, HOUR),
    ),
    # For the secretary's commands, which visitors cannot exhaust.
    "command": (RateLimit(3, DAY, mailbox=True),),
}
HELD_SUFFIX = "-held"  # ends the action of an attempt that was accepted without a mail


class RateLimitExceeded(Exception):
    """Too many attempts; `retry_after` is the time until the next one is accepted."""

    field = "email"

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("That was too often: wait, then try again")
        self.retry_after = retry_after


def consume(
    session: Session, action: str, *, email: str, network: str, secret: str, now: datetime
) -> bool:
    """Count an attempt, or raise RateLimitExceeded without counting it.

    `secret` is the site's: what is counted is stored hashed by it, since limits only compare.

    Returns whether a mail may be sent for it. Refused attempts are not counted: a client that
    keeps trying would never be accepted again, nor would its neighbours, and every refusal would
    add a row. Earlier attempts stay counted, so a view commits after a refusal too.
    """
    attempt = _new_attempt(action, email, network, secret, now)
    refused, held = _waiting_times(session, attempt)
    if refused:
        raise RateLimitExceeded(refused)
    if held:
        attempt.what += HELD_SUFFIX
    session.add(attempt)
    session.flush()
    return not held


def hash_of(address: str, secret: str) -> str:
    """Return the hash by which the attempts of a normalised address are stored."""
    return _hasher(secret)(address)


def delete_expired(session: Session, *, now: datetime) -> int:
    """Delete the attempts that no limit counts any more; return how many there were.

    `now` is the earliest time that it can be (`clock_watch.time_bounds`).
    """
    deleted = session.execute(delete(Attempt).where(Attempt.at <= now - RETENTION))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def delete_future(session: Session, *, latest: datetime) -> None:
    """Delete the attempts after `latest`, the latest time of `clock_watch.time_bounds`."""
    session.execute(delete(Attempt).where(Attempt.at > latest))


def _new_attempt(action: str, email: str, network: str, secret: str, now: datetime) -> Attempt:
    hashed = _hasher(secret)
    return Attempt(
        what=action,
        address=hash_of(email_addresses.normalise(email), secret),
        mailbox=hashed(email_addresses.mailbox_of(email)),
        network=hashed(network),
        wide=hashed(networks.supernet_of(network)),
        at=now,
    )


def _waiting_times(session: Session, attempt: Attempt) -> tuple[timedelta, timedelta]:
    """Return how long until an attempt is not refused, and until its mail is not held.

    One statement, the same for every address.
    """
    limits = RATE_LIMITS[attempt.what]
    blocking = session.execute(select(*(_blocking_attempt(limit, attempt) for limit in limits)))
    refused = held = timedelta(0)
    for limit, blocked_since in zip(limits, blocking.one(), strict=True):
        if blocked_since is None:
            continue
        wait = blocked_since + limit.period - attempt.at
        if limit.holds:
            held = max(held, wait)
        else:
            refused = max(refused, wait)
    return refused, held


def _blocking_attempt(limit: RateLimit, attempt: Attempt) -> ScalarSelect[datetime]:
    """Return a subquery: when the attempt was that must leave the period first; NULL if none."""
    now, action = attempt.at, attempt.what
    # An application whose mail was held counts as an application, not as a mail.
    actions = (action,) if limit.holds else (action, action + HELD_SUFFIX)
    query = select(Attempt.at).where(
        Attempt.what.in_(actions),
        Attempt.at > now - limit.period,
        Attempt.at <= now + CLOCK_TOLERANCE,
    )
    if limit.mailbox:
        query = query.where(Attempt.mailbox == attempt.mailbox)
    if limit.network:
        query = query.where(Attempt.network == attempt.network)
    if limit.supernet:
        query = query.where(Attempt.wide == attempt.wide)
    # The next attempt is accepted once the `count`th newest is older than the period.
    newest_first = query.order_by(Attempt.at.desc(), Attempt.id.desc())
    return newest_first.offset(limit.count - 1).limit(1).scalar_subquery()


def _hasher(secret: str) -> Callable[[str], str]:
    """Return the hash of addresses and networks; nobody without the site's secret can guess any."""
    key = hashlib.blake2b(secret.encode(), person=b"psg attempts").digest()
    return lambda text: hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()
