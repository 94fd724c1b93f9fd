"""How often something may be asked for: by address and by network, counted in the database.

So the counts outlive a restart and hold for all processes of the installation.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from psgflask.accounts import addresses
from psgflask.accounts.models import Attempt

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# No rule looks further back, so nothing is kept longer.
KEPT = DAY
# Requests at once take their moments in another order than their turns. What is further ahead
# was counted by a clock that was ahead, and does not count.
AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Rule:
    """At most so many within a time, among those of one address, of one network, or of both."""

    most: int
    within: timedelta
    address: bool = False
    network: bool = False


RULES: dict[str, tuple[Rule, ...]] = {
    "join": (Rule(3, DAY, address=True), Rule(5, HOUR, network=True)),
    "again": (
        Rule(5, HOUR, address=True, network=True),
        Rule(8, DAY, address=True, network=True),
        Rule(12, DAY, address=True),
        Rule(20, HOUR, network=True),
    ),
}


class TooMany(Exception):
    """It was asked for too often; `wait` is the time until it may be asked for again."""

    field = "email"

    def __init__(self, wait: timedelta) -> None:
        super().__init__("That was too often: wait, then try again")
        self.wait = wait


def spend(session: Session, what: str, *, email: str, network: str, now: datetime) -> None:
    """Count one try of something limited, or raise TooMany without counting it.

    What is refused is not counted: whoever goes on trying would never be let in again, nor the
    neighbours, and every refusal would add a row. What was counted before stays, so a view
    commits after a refusal too.
    """
    address = _hashed(email)
    waits = list(_waits(session, what, address, network, now))
    if any(waits):
        raise TooMany(max(waits))
    session.add(Attempt(what=what, address=address, network=network, at=now))
    session.flush()


def would_refuse(
    session: Session, what: str, *, email: str, network: str, now: datetime
) -> timedelta | None:
    """Return how long to wait before `spend` would go through, None if it would now."""
    return max(_waits(session, what, _hashed(email), network, now)) or None


def of(session: Session, email: str) -> list[Attempt]:
    """Return the attempts of an address that are still counted, the earliest first."""
    wanted = select(Attempt).where(Attempt.address == _hashed(email))
    return list(session.scalars(wanted.order_by(Attempt.at, Attempt.id)))


def trim(session: Session, *, now: datetime) -> int:
    """Delete the attempts that no rule looks at any more; return how many there were.

    `now` is the earliest moment that it can be (`clock.agreed`).
    """
    gone = session.execute(delete(Attempt).where(Attempt.at <= now - KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def put_right(session: Session, *, latest: datetime) -> None:
    """Delete the attempts dated after `latest`, the latest that it can be (`clock.agreed`)."""
    session.execute(delete(Attempt).where(Attempt.at > latest))


def _waits(
    session: Session, what: str, address: str, network: str, now: datetime
) -> Iterator[timedelta]:
    """Yield what each rule makes one wait, in the same number of statements for everybody."""
    for rule in RULES[what]:
        tries = select(Attempt.at).where(
            Attempt.what == what, Attempt.at > now - rule.within, Attempt.at <= now + AT_ONCE
        )
        if rule.address:
            tries = tries.where(Attempt.address == address)
        if rule.network:
            tries = tries.where(Attempt.network == network)
        # The one that must grow old before there is room: the last but `most`.
        oldest = session.scalar(
            tries.order_by(Attempt.at.desc(), Attempt.id.desc()).offset(rule.most - 1).limit(1)
        )
        yield timedelta(0) if oldest is None else oldest + rule.within - now


def _hashed(email: str) -> str:
    """Return the address as limits know it: whoever reads the table learns no address."""
    return hashlib.sha256(addresses.same(email).encode()).hexdigest()
