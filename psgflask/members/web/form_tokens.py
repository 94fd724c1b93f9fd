"""Signed tokens of the form: when it was begun and which one it is; and the receipt after sending.

A form token shows whether a person filled a form in or a program sent it at once. It is valid for
one application, with which its hash is stored and nowhere else.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

# Nobody fills the form in faster; a second press of the button comes later anyway.
MIN_AGE = timedelta(seconds=5)
# The form may stay open overnight; afterwards its answers should be checked again.
MAX_AGE = timedelta(hours=24)


class FormTokenRefused(Exception):
    """A form is not accepted yet; `replacement` is the token to go on with."""

    def __init__(self, replacement: str) -> None:
        super().__init__(self.__doc__)
        self.replacement = replacement


class FormTooNew(FormTokenRefused):
    """The form was sent faster than people can fill it in."""


class FormExpired(FormTokenRefused):
    """The form was begun long ago."""


class FormTokenInvalid(FormTokenRefused):
    """The form has no token that we signed."""


@dataclass(frozen=True)
class FormToken:
    """Which form this is, and when it was begun."""

    nonce: str
    begun: datetime


@dataclass(frozen=True)
class Receipt:
    """The contents of the page after sending: no more than an address may contain."""

    reference: str
    tier: str
    payment: str
    mailed: bool = True  # a link to confirm the address


def issue(secret: str, *, now: datetime) -> str:
    """Return the signed token of a form that is begun now."""
    return _sign(secret, FormToken(secrets.token_urlsafe(16), now))


def verify(secret: str, text: str, *, now: datetime) -> FormToken:
    """Return the token of a form that may be accepted.

    Raises FormTooNew, FormExpired and FormTokenInvalid.
    """
    try:
        nonce, seconds = _serializer(secret).loads(text)
        token = FormToken(str(nonce), datetime.fromtimestamp(int(seconds), UTC))
    except (BadData, TypeError, ValueError, OverflowError) as error:
        raise FormTokenInvalid(issue(secret, now=now)) from error
    age = now - token.begun
    if not timedelta(0) <= age <= MAX_AGE:  # below: the clock was ahead when it was begun
        # The same nonce, so that a form that was sent after all is not sent twice.
        raise FormExpired(_sign(secret, FormToken(token.nonce, now - MIN_AGE)))
    if age < MIN_AGE:
        raise FormTooNew(text)
    return token


def form_hash(token: FormToken) -> str:
    """Return the hash that identifies a sent form, as 64 hexadecimal digits."""
    return hashlib.sha256(token.nonce.encode()).hexdigest()


def answers_hash(token: FormToken, answers: Mapping[str, object]) -> str:
    """Return the hash that identifies a form's answers, as 64 hexadecimal digits.

    Only the sender's browser has the nonce, so nobody can test answers against the hash.
    """
    content = json.dumps([token.nonce, answers], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()


def sign_receipt(secret: str, receipt: Receipt) -> str:
    """Return a receipt as a signed word for the address of the page after sending."""
    values: list[object] = [receipt.reference, receipt.tier, receipt.payment]
    return sign_values(secret, "sent", values if receipt.mailed else [*values, False])


def load_receipt(secret: str, word: str) -> Receipt | None:
    """Return the receipt in a signed word, None when we have not signed it."""
    try:
        reference, tier, payment, *mailed = load_values(secret, "sent", word)
    except ValueError:
        return None
    return Receipt(str(reference), str(tier), str(payment), all(mailed))


def sign_values(secret: str, purpose: str, values: list[object]) -> str:
    """Return values as a signed word for an address."""
    return str(_serializer(secret, purpose).dumps(values))


def load_values(secret: str, purpose: str, word: str) -> list[object]:
    """Return the values in a word that we signed for this purpose; none in any other."""
    try:
        values = _serializer(secret, purpose).loads(word)
    except BadData:
        return []
    return values if isinstance(values, list) else []


def _sign(secret: str, token: FormToken) -> str:
    # Whole seconds: a form may be accepted up to one too soon, never too late.
    return str(_serializer(secret).dumps([token.nonce, int(token.begun.timestamp())]))


def _serializer(secret: str, purpose: str = "begun") -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"psgflask.members.{purpose}")
