"""Joining: an applicant's address is asked to prove itself, and what follows once it has.

An address that is known and one that is not cost the same statements and the same rows: what
differs is the mail, which only whoever reads the address sees.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.accounts import limits, networks, proofs
from psgflask.accounts.models import Account, Proof
from psgflask.mail import outbox

Link = Callable[[str], str]
# What other rooms do once an address is proved, in the same transaction. One may refuse by
# raising ProofRefused: when what the proof stands for has gone or has another address by now.
Listener = Callable[[Session, Proof, Account, datetime], object]
_listeners: list[Listener] = []
# The entry of a proof's data that is ours: what a further mail about it needs.
_MAIL = "mail"
# The mails that hold a link: to an address that is new to us, and to one that we know.
NEW, KNOWN = "verify", "verify_known"
HOURS = int(proofs.LIFE[proofs.JOIN].total_seconds()) // 3600


def on_verified(listener: Listener) -> Listener:
    """Call `listener(session, proof, account, now)` whenever somebody has proved an address."""
    if listener not in _listeners:
        _listeners.append(listener)
    return listener


def ask(
    session: Session,
    *,
    email: str,
    language: str,
    network: str,
    link: Link,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
    now: datetime,
    about: str = "",
    limit: str = "join",
) -> bool:
    """Mail an applicant a link that proves the address, within the limits of joining.

    `values` are for the texts of the mail (name, reference), `data` is for the listeners, who
    find it in `proof.data`; `about` is whom the mail concerns, as `outbox.forget` takes it.
    False when no mail goes out because that would be too many: a link can be asked for later.
    Raises TooMany, then having written nothing, and AddressUnreadable.
    """
    address = networks.read(email)
    may_mail = limits.spend(session, limit, email=email, network=network, now=now)
    known = session.scalar(select(exists().where(Account.email == address.same)))
    mail = {"values": dict(values), "language": language, "about": about}
    told = {**data, _MAIL: mail}
    if may_mail:
        _send(session, address, told, link, now, known=bool(known))
    else:
        # Nobody has its secret: it is what a new link is asked for by.
        proofs.send(session, proofs.JOIN, email=address.same, now=now, data=told)
    return may_mail


def again(
    session: Session, *, email: str, language: str, network: str, link: Link, now: datetime
) -> None:
    """Mail a new link for the newest application of an address, if there is one.

    An address that nobody has applied with gets the same work: a proof that opens nothing, a
    mail that is never sent. The links mailed before stay good until one of them is used.
    Raises TooMany, then having written nothing, and AddressUnreadable.
    """
    address = networks.read(email)
    limits.spend(session, "again", email=email, network=network, now=now)
    last = session.scalar(
        select(Proof)
        .where(Proof.email == address.same, Proof.purpose == proofs.JOIN)
        .order_by(Proof.created_at.desc(), Proof.id.desc())
        .limit(1)
    )
    if last is None:
        nothing = {_MAIL: {"values": {"name": "", "reference": ""}, "language": language}}
        _send(session, address, nothing, link, now, void=True)
    else:
        _send(session, address, last.data, link, now, known=last.used_at is not None)


def verify(session: Session, token: str, *, now: datetime) -> Account:
    """Spend a proof, open its account or find it, and tell the listeners.

    Further links to the same end, mailed because somebody asked again, are spent with it.
    Raises ProofRefused.
    """
    proof = proofs.use(session, proofs.JOIN, token, now=now)
    account = _account(session, proof, now)
    for listener in _listeners:
        listener(session, proof, account, now)
    _spend_siblings(session, proof, now)
    session.flush()
    return account


def _send(
    session: Session,
    address: networks.Address,
    data: Mapping[str, Any],
    link: Link,
    now: datetime,
    *,
    known: bool = False,
    void: bool = False,
) -> None:
    purpose, email = (proofs.VOID, "") if void else (proofs.JOIN, address.same)
    sent = proofs.send(session, purpose, email=email, now=now, data=data)
    mail = data[_MAIL]
    outbox.post(
        session,
        kind=KNOWN if known else NEW,
        to=address.written,
        language=mail["language"],
        values={**mail["values"], "link": link(sent.token), "hours": HOURS},
        now=now,
        about=mail.get("about", ""),
        void=void,
    )


def _account(session: Session, proof: Proof, now: datetime) -> Account:
    wanted = select(Account).where(Account.email == proof.email)
    found = session.scalar(wanted)
    if found is None:
        language = proof.data.get(_MAIL, {}).get("language", "en")
        opened = Account(email=proof.email, language=language, created_at=now, verified_at=now)
        try:
            with session.begin_nested():
                session.add(opened)
        except IntegrityError:  # opened by another link of the same address meanwhile
            found = session.scalars(wanted).one()
        else:
            return opened
    found.closed_at = None
    return found


def _spend_siblings(session: Session, proof: Proof, now: datetime) -> None:
    """Spend the other links of the same application: whoever follows one reads that it is done.

    Not those of other applications: a stranger may have typed this address there.
    """
    others = session.scalars(
        select(Proof).where(
            Proof.email == proof.email,
            Proof.purpose == proofs.JOIN,
            Proof.used_at.is_(None),
            Proof.id != proof.id,
        )
    )
    same = [other.id for other in others if other.data == proof.data]
    if same:
        session.execute(update(Proof).where(Proof.id.in_(same)).values(used_at=now))
