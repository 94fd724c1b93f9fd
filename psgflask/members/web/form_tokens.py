"""What we sign for the form: when it was begun and which one it is, and the number of who sent it.

A stamp tells a form that a person filled in from one that a program sent at once. It is good for
one application, with which its hash is stored and nowhere else.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

# Nobody reads and answers the questions faster, and who is asked to press again has waited by then.
SHORTEST = timedelta(seconds=5)
# The form may lie open overnight; afterwards its answers deserve another look.
LONGEST = timedelta(hours=24)


class StampRefused(Exception):
    """A form, honest though it may be, is not taken yet; `fresh` is the stamp to go on with."""

    def __init__(self, fresh: str) -> None:
        super().__init__(self.__doc__)
        self.fresh = fresh


class TooSoon(StampRefused):
    """The form was sent faster than people can fill it in."""


class TooOld(StampRefused):
    """The form was begun long ago."""


class Unknown(StampRefused):
    """The form carries no stamp of ours."""


@dataclass(frozen=True)
class Stamp:
    """Which form this is, and when it was begun."""

    nonce: str
    begun: datetime


def new(secret: str, *, now: datetime) -> str:
    """Return the stamp of a form that is begun now."""
    return _written(secret, Stamp(secrets.token_urlsafe(16), now))


def read(secret: str, text: str, *, now: datetime) -> Stamp:
    """Return the stamp of a form that may be taken. Raises TooSoon, TooOld, Unknown."""
    try:
        nonce, seconds = _serializer(secret).loads(text)
        stamp = Stamp(str(nonce), datetime.fromtimestamp(int(seconds), UTC))
    except (BadData, TypeError, ValueError, OverflowError) as error:
        raise Unknown(new(secret, now=now)) from error
    age = now - stamp.begun
    if not timedelta(0) <= age <= LONGEST:  # below: the clock was ahead when it was begun
        # Still the same form, so that one which was sent after all is not sent twice.
        raise TooOld(_written(secret, Stamp(stamp.nonce, now - SHORTEST)))
    if age < SHORTEST:
        raise TooSoon(text)
    return stamp


def of_form(stamp: Stamp) -> str:
    """Return by what a form is known once it was sent, as 64 hexadecimal digits."""
    return hashlib.sha256(stamp.nonce.encode()).hexdigest()


def of_answers(stamp: Stamp, answers: Mapping[str, object]) -> str:
    """Return by what a form's answers are known when it is sent again, as 64 hexadecimal digits.

    The nonce is known to the sender's browser alone, so that nobody can try answers out against it.
    """
    told = json.dumps([stamp.nonce, answers], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class Sent:
    """What the page after sending tells: no more than an address may hold."""

    reference: str
    tier: str
    payment: str
    mailed: bool = True  # a link to confirm the address


def seal(secret: str, sent: Sent) -> str:
    """Return a signed word for the address of the page after sending."""
    told = [sent.reference, sent.tier, sent.payment, *(() if sent.mailed else (False,))]
    return str(_serializer(secret, "sent").dumps(told))


def unseal(secret: str, word: str) -> Sent | None:
    """Return what a word in an address stands for, None when it is not one of ours."""
    try:
        reference, tier, payment, *more = _serializer(secret, "sent").loads(word)
    except (BadData, TypeError, ValueError):
        return None
    return Sent(str(reference), str(tier), str(payment), all(more))


def _written(secret: str, stamp: Stamp) -> str:
    # Whole seconds: a form may be taken up to one too soon, never too late.
    return str(_serializer(secret).dumps([stamp.nonce, int(stamp.begun.timestamp())]))


def _serializer(secret: str, purpose: str = "begun") -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"psgflask.members.{purpose}")
