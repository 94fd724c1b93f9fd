"""Proofs that somebody reads an address: a link with a secret, mailed there, good once."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from psgflask.accounts.models import Account, Proof

JOIN = "join"
VOID = "void"  # costs what a proof costs and opens nothing: nobody is sent its secret
LIFE = {JOIN: timedelta(hours=72), VOID: timedelta(hours=72)}
TOKEN_BYTES = 32
# While an unverified application is kept, a new link for it can be asked for.
KEPT = timedelta(days=90)
KEPT_ONCE_USED = timedelta(days=30)

UNKNOWN, USED, EXPIRED = "unknown", "used", "expired"
SENTENCES = {
    UNKNOWN: "There is no such link: it may be damaged, or have been replaced",
    USED: "This link has been used already",
    EXPIRED: "This link is too old",
}


class ProofRefused(Exception):
    """A link proves nothing; `reason` is "unknown", "used" or "expired"."""

    field = "token"

    def __init__(self, reason: str) -> None:
        super().__init__(SENTENCES[reason])
        self.reason = reason


@dataclass(frozen=True)
class Sent:
    """A new proof and its secret, which is nowhere kept but in the mail."""

    token: str
    proof: Proof


def send(
    session: Session,
    purpose: str,
    *,
    email: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    account: Account | None = None,
) -> Sent:
    """Make a proof for an address (as `addresses.same` writes it) and give its secret out."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    proof = Proof(
        purpose=purpose,
        email=email,
        account_id=account.id if account else None,
        token_hash=_hashed(token),
        data=dict(data or {}),
        created_at=now,
        expires_at=now + LIFE[purpose],
    )
    session.add(proof)
    session.flush()
    return Sent(token, proof)


def look(session: Session, purpose: str, token: str, *, now: datetime) -> Proof:
    """Return the proof that a secret opens, and leave it good. Raises ProofRefused."""
    proof = session.scalar(
        select(Proof)
        .where(Proof.token_hash == _hashed(token), Proof.purpose == purpose)
        .execution_options(populate_existing=True)
    )
    if proof is None:
        raise ProofRefused(UNKNOWN)
    if proof.used_at is not None:
        raise ProofRefused(USED)
    if proof.expires_at <= now:
        raise ProofRefused(EXPIRED)
    return proof


def use(session: Session, purpose: str, token: str, *, now: datetime) -> Proof:
    """Spend the proof that a secret opens; of many who try at once one wins.

    Raises ProofRefused.
    """
    mine = (Proof.token_hash == _hashed(token), Proof.purpose == purpose)
    spent = session.execute(
        update(Proof)
        .where(*mine, Proof.used_at.is_(None), Proof.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if spent.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult
        look(session, purpose, token, now=now)
        raise ProofRefused(USED)  # somebody else spent it between the two questions
    return session.scalars(
        select(Proof).where(*mine).execution_options(populate_existing=True)
    ).one()


def cancel(
    session: Session,
    *,
    email: str | None = None,
    purpose: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Delete proofs, so that their links are unknown; return how many there were.

    All that is given must fit: the address (as `addresses.same` writes it), the purpose, and each
    entry of `data`. To be called for an address that is somebody's no more, and for the erased.
    """
    if email is None and not data:
        raise ValueError("Say whose proofs: by address or by data")
    wanted = select(Proof)
    if email is not None:
        wanted = wanted.where(Proof.email == email)
    if purpose is not None:
        wanted = wanted.where(Proof.purpose == purpose)
    found = [
        proof
        for proof in session.scalars(wanted)
        if all(proof.data.get(name, ...) == value for name, value in (data or {}).items())
    ]
    for proof in found:
        session.delete(proof)
    session.flush()
    return len(found)


def trim(session: Session, *, now: datetime) -> int:
    """Delete the proofs that nobody can ask for again; return how many there were.

    `now` is the earliest moment that it can be (`clock.agreed`).
    """
    gone = session.execute(
        delete(Proof).where(
            or_(
                Proof.created_at <= now - KEPT,
                Proof.used_at <= now - KEPT_ONCE_USED,
                (Proof.purpose == VOID) & (Proof.expires_at <= now),
            )
        )
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def put_right(session: Session, *, now: datetime, latest: datetime) -> None:
    """Let the proofs that were made while the clock was ahead live from now on, not from then.

    `latest` is the latest moment that it can be (`clock.agreed`).
    """
    for purpose, life in LIFE.items():
        session.execute(
            update(Proof)
            .where(Proof.purpose == purpose, Proof.created_at > latest)
            .values(created_at=now, expires_at=now + life)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(Proof)
        .where(Proof.used_at > latest)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _hashed(token: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
