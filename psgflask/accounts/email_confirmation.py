"""Confirmation of an applicant's e-mail address: the link that is mailed, and what follows.

A known and an unknown address cost the same statements and the same rows: only the mail differs,
which nobody but the reader of the mailbox sees.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, email_addresses, rate_limits
from psgflask.accounts.confirmation_tokens import JOIN, VOID
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.mail import outbox

MakeLink = Callable[[str], str]
# Called once an address is confirmed, in the same transaction. A listener may raise TokenRejected:
# what the token was issued for has been deleted or has another address by now.
Listener = Callable[[Session, ConfirmationToken, Account, datetime], object]
_listeners: list[Listener] = []
# The entry of a token's data that is ours: what a further mail about it needs.
_MAIL = "mail"
# The mails that contain a link: to a new address, and to one that has an account.
NEW, KNOWN = "verify", "verify_known"
HOURS = int(confirmation_tokens.LIFETIME[JOIN].total_seconds()) // 3600


def on_confirmed(listener: Listener) -> Listener:
    """Call `listener(session, token, account, now)` whenever an address is confirmed."""
    if listener not in _listeners:
        _listeners.append(listener)
    return listener


def request_confirmation(
    session: Session,
    *,
    email: str,
    language: str,
    network: str,
    secret: str,
    link: MakeLink,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
    now: datetime,
    about: str = "",
    limit: str = "join",
) -> bool:
    """Mail an applicant a link that confirms the address, within the rate limits of joining.

    `values` are for the mail's templates (name, reference), `data` is for the listeners, who find
    it in `token.data`; `about` is whom the mail concerns, as `outbox.delete_about` takes it;
    `secret` is for `rate_limits.consume`.
    False when a rate limit holds the mail back: a link can be requested later.
    Raises RateLimitExceeded, then having written nothing, and InvalidEmailAddress.
    """
    address = email_addresses.parse(email)
    may_mail = rate_limits.consume(
        session, limit, email=email, network=network, secret=secret, now=now
    )
    known = session.scalar(select(exists().where(Account.email == address.normalised)))
    mail = {"values": dict(values), "language": language, "about": about}
    data = {**data, _MAIL: mail}
    if may_mail:
        _send_link(session, address, data, link, now, known=bool(known))
    else:
        # Its secret is sent to nobody: `resend` finds the application by it.
        confirmation_tokens.issue(session, JOIN, email=address.normalised, now=now, data=data)
    return may_mail


def resend(
    session: Session,
    *,
    email: str,
    language: str,
    network: str,
    secret: str,
    link: MakeLink,
    now: datetime,
) -> None:
    """Mail a new link for the newest application of an address, if there is one.

    An address without an application costs the same work: a token that is never valid, a mail
    that is never sent. Earlier links stay valid until one of them is used.
    Raises RateLimitExceeded, then having written nothing, and InvalidEmailAddress.
    """
    address = email_addresses.parse(email)
    rate_limits.consume(session, "again", email=email, network=network, secret=secret, now=now)
    last = session.scalar(
        select(ConfirmationToken)
        .where(ConfirmationToken.email == address.normalised, ConfirmationToken.purpose == JOIN)
        .order_by(ConfirmationToken.created_at.desc(), ConfirmationToken.id.desc())
        .limit(1)
    )
    if last is None:
        empty = {_MAIL: {"values": {"name": "", "reference": ""}, "language": language}}
        _send_link(session, address, empty, link, now, void=True)
    else:
        _send_link(session, address, last.data, link, now, known=last.used_at is not None)


def confirm(session: Session, secret: str, *, now: datetime) -> Account:
    """Redeem a token, open or find the account of its address, and call the listeners.

    Other links of the same application, mailed on request, are redeemed with it.
    Raises TokenRejected.
    """
    token = confirmation_tokens.redeem(session, JOIN, secret, now=now)
    account = _open_account(session, token, now)
    for listener in _listeners:
        listener(session, token, account, now)
    _redeem_siblings(session, token, now)
    session.flush()
    return account


def _send_link(
    session: Session,
    address: email_addresses.EmailAddress,
    data: Mapping[str, Any],
    link: MakeLink,
    now: datetime,
    *,
    known: bool = False,
    void: bool = False,
) -> None:
    purpose, email = (VOID, "") if void else (JOIN, address.normalised)
    issued = confirmation_tokens.issue(session, purpose, email=email, now=now, data=data)
    mail = data[_MAIL]
    about = mail.get("about", "")
    # It takes the place of links that could not be delivered; one statement for every address.
    outbox.dismiss_about(session, about, now=now, kinds=(NEW, KNOWN))
    outbox.enqueue(
        session,
        kind=KNOWN if known else NEW,
        to=address.as_typed,
        language=mail["language"],
        values={**mail["values"], "link": link(issued.secret), "hours": HOURS},
        now=now,
        about=about,
        void=void,
    )


def _open_account(session: Session, token: ConfirmationToken, now: datetime) -> Account:
    query = select(Account).where(Account.email == token.email)
    account = session.scalar(query)
    if account is None:
        language = token.data.get(_MAIL, {}).get("language", "en")
        new = Account(email=token.email, language=language, created_at=now, verified_at=now)
        try:
            with session.begin_nested():
                session.add(new)
        except IntegrityError:  # another link of the same address opened it at the same time
            account = session.scalars(query).one()
        else:
            return new
    account.closed_at = None
    return account


def _redeem_siblings(session: Session, token: ConfirmationToken, now: datetime) -> None:
    """Redeem the other links of the same application: they then say that it is confirmed.

    Not those of other applications: somebody else may have typed this address there.
    """
    others = session.scalars(
        select(ConfirmationToken).where(
            ConfirmationToken.email == token.email,
            ConfirmationToken.purpose == JOIN,
            ConfirmationToken.used_at.is_(None),
            ConfirmationToken.id != token.id,
        )
    )
    siblings = [other.id for other in others if other.data == token.data]
    if siblings:
        session.execute(
            update(ConfirmationToken).where(ConfirmationToken.id.in_(siblings)).values(used_at=now)
        )
