"""Confirmation tokens: a link with a secret, mailed to an address, valid once."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from psgflask.accounts.models import ConfirmationToken
from psgflask.core import personal_data

JOIN = "join"
VOID = "void"  # costs what a token costs and is never valid: its secret is sent to nobody
LIFETIME = {JOIN: timedelta(hours=72), VOID: timedelta(hours=72)}
SECRET_BYTES = 32
# As long as an unconfirmed application is stored, a new link for it can be requested.
RETENTION = personal_data.LINKS.periods["unused"]
RETENTION_ONCE_USED = personal_data.LINKS.periods["used"]

UNKNOWN, USED, EXPIRED = "unknown", "used", "expired"
MESSAGES = {
    UNKNOWN: "There is no such link: it may be damaged, or have been replaced",
    USED: "This link has been used already",
    EXPIRED: "This link is too old",
}


class TokenRejected(Exception):
    """A link confirms nothing; `reason` is "unknown", "used" or "expired"."""

    field = "token"

    def __init__(self, reason: str) -> None:
        super().__init__(MESSAGES[reason])
        self.reason = reason


@dataclass(frozen=True)
class IssuedToken:
    """A new token and its secret, which is stored nowhere: only the mail contains it."""

    secret: str
    token: ConfirmationToken


def issue(
    session: Session,
    purpose: str,
    *,
    email: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> IssuedToken:
    """Create a token for a normalised address; the secret is in the return value only."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    token = ConfirmationToken(
        purpose=purpose,
        email=email,
        token_hash=_hash(secret),
        data=dict(data or {}),
        created_at=now,
        expires_at=now + LIFETIME[purpose],
    )
    session.add(token)
    session.flush()
    return IssuedToken(secret, token)


def get_valid(session: Session, purpose: str, secret: str, *, now: datetime) -> ConfirmationToken:
    """Return the token of a secret without redeeming it. Raises TokenRejected."""
    token = session.scalar(
        select(ConfirmationToken)
        .where(ConfirmationToken.token_hash == _hash(secret), ConfirmationToken.purpose == purpose)
        .execution_options(populate_existing=True)
    )
    if token is None:
        raise TokenRejected(UNKNOWN)
    if token.used_at is not None:
        raise TokenRejected(USED)
    if token.expires_at <= now:
        raise TokenRejected(EXPIRED)
    return token


def redeem(session: Session, purpose: str, secret: str, *, now: datetime) -> ConfirmationToken:
    """Redeem the token of a secret; of concurrent attempts one succeeds. Raises TokenRejected."""
    match = (ConfirmationToken.token_hash == _hash(secret), ConfirmationToken.purpose == purpose)
    updated = session.execute(
        update(ConfirmationToken)
        .where(*match, ConfirmationToken.used_at.is_(None), ConfirmationToken.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if updated.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult
        get_valid(session, purpose, secret, now=now)
        raise TokenRejected(USED)  # redeemed elsewhere between the two statements
    return session.scalars(
        select(ConfirmationToken).where(*match).execution_options(populate_existing=True)
    ).one()


def revoke(session: Session, *, data: Mapping[str, Collection[str]]) -> int:
    """Delete tokens, so that their links are unknown; return how many there were.

    Each entry of `data` must be one of several texts. For an address that no longer belongs to
    somebody, and for people who are erased. Raises ValueError without a criterion.
    """
    if not data:
        raise ValueError("Say whose tokens")
    criteria = [ConfirmationToken.data[name].as_string().in_(texts) for name, texts in data.items()]
    deleted = session.execute(delete(ConfirmationToken).where(*criteria))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def delete_expired(session: Session, *, now: datetime) -> int:
    """Delete the tokens that nothing refers to any more; return how many there were.

    `now` is the earliest time that it can be (`clock_watch.time_bounds`).
    """
    deleted = session.execute(
        delete(ConfirmationToken).where(
            or_(
                ConfirmationToken.created_at <= now - RETENTION,
                ConfirmationToken.used_at <= now - RETENTION_ONCE_USED,
                (ConfirmationToken.purpose == VOID) & (ConfirmationToken.expires_at <= now),
            )
        )
    )
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def correct_future_dates(session: Session, *, now: datetime, latest: datetime) -> None:
    """Date tokens that were issued while the clock was ahead as issued now.

    `latest` is the latest time that it can be (`clock_watch.time_bounds`).
    """
    for purpose, lifetime in LIFETIME.items():
        session.execute(
            update(ConfirmationToken)
            .where(ConfirmationToken.purpose == purpose, ConfirmationToken.created_at > latest)
            .values(created_at=now, expires_at=now + lifetime)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(ConfirmationToken)
        .where(ConfirmationToken.used_at > latest)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _hash(secret: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
