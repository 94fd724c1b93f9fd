"""How often something may be asked for: by mailbox, by network and in all, in the database.

So the counts outlive a restart and hold for all processes of the installation.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from psgflask.accounts import mailboxes, networks
from psgflask.accounts.models import Attempt

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# No rule looks further back, so nothing is kept longer.
KEPT = DAY
# Requests at once take their moments in another order than their turns. What is further ahead
# was counted by a clock that was ahead, and does not count.
AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Rule:
    """At most so many within a time, among those of one mailbox, of one network, or of all.

    What is over a rule is refused; or, if the rule `holds`, taken, while no mail goes out for it.
    """

    most: int
    within: timedelta
    address: bool = False  # as its provider reads it
    network: bool = False
    wide: bool = False
    holds: bool = False


# A hall may sign up on one network. Who has many networks is bound by the wider one that they are
# in; who has many of those, by what goes out in all.
RULES: dict[str, tuple[Rule, ...]] = {
    "join": (
        Rule(3, DAY, address=True, holds=True),
        Rule(120, HOUR, holds=True),
        Rule(40, HOUR, network=True),
        Rule(100, DAY, network=True),
        Rule(80, HOUR, wide=True),
        Rule(200, DAY, wide=True),
        Rule(600, HOUR),
    ),
    "again": (
        Rule(5, HOUR, address=True, network=True),
        Rule(8, DAY, address=True, network=True),
        Rule(12, DAY, address=True),
        Rule(20, HOUR, network=True),
        Rule(40, HOUR, wide=True),
        Rule(240, HOUR),
    ),
    # Of the secretary, whom strangers keep from nothing.
    "command": (Rule(3, DAY, address=True),),
}
HELD = "-held"  # ends the name of what was taken without a mail


class TooMany(Exception):
    """It was asked for too often; `wait` is the time until it may be asked for again."""

    field = "email"

    def __init__(self, wait: timedelta) -> None:
        super().__init__("That was too often: wait, then try again")
        self.wait = wait


def spend(session: Session, what: str, *, email: str, network: str, now: datetime) -> bool:
    """Count one try of something limited, or raise TooMany without counting it.

    Returns whether a mail may go out for it. What is refused is not counted: whoever goes on
    trying would never be let in again, nor the neighbours, and every refusal would add a row.
    What was counted before stays, so a view commits after a refusal too.
    """
    tried = _attempt(what, email, network, now)
    refused, held = _waits(session, tried)
    if refused:
        raise TooMany(refused)
    if held:
        tried.what += HELD
    session.add(tried)
    session.flush()
    return not held


def of(session: Session, email: str) -> list[Attempt]:
    """Return the attempts of an address that are still counted, the earliest first."""
    wanted = select(Attempt).where(Attempt.address == _hashed(networks.same(email)))
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


def _attempt(what: str, email: str, network: str, now: datetime) -> Attempt:
    return Attempt(
        what=what,
        address=_hashed(networks.same(email)),
        mailbox=_hashed(mailboxes.of(email)),
        network=network,
        wide=networks.wider(network),
        at=now,
    )


def _waits(session: Session, tried: Attempt) -> tuple[timedelta, timedelta]:
    """Return how long to wait until nothing refuses a try, and until nothing holds it.

    In the same number of statements for everybody.
    """
    refused = held = timedelta(0)
    for rule in RULES[tried.what]:
        wait = _wait(session, rule, tried)
        if rule.holds:
            held = max(held, wait)
        else:
            refused = max(refused, wait)
    return refused, held


def _wait(session: Session, rule: Rule, tried: Attempt) -> timedelta:
    """Return how long one rule makes one wait."""
    now = tried.at
    # Those that were held are no mails, but applications all the same.
    counted = (tried.what,) if rule.holds else (tried.what, tried.what + HELD)
    tries = select(Attempt.at).where(
        Attempt.what.in_(counted), Attempt.at > now - rule.within, Attempt.at <= now + AT_ONCE
    )
    if rule.address:
        tries = tries.where(Attempt.mailbox == tried.mailbox)
    if rule.network:
        tries = tries.where(Attempt.network == tried.network)
    if rule.wide:
        tries = tries.where(Attempt.wide == tried.wide)
    # The one that must grow old before there is room: the last but `most`.
    oldest = session.scalar(
        tries.order_by(Attempt.at.desc(), Attempt.id.desc()).offset(rule.most - 1).limit(1)
    )
    return timedelta(0) if oldest is None else oldest + rule.within - now


def _hashed(text: str) -> str:
    """Return an address as limits know it: whoever reads the table learns no address."""
    return hashlib.sha256(text.encode()).hexdigest()
