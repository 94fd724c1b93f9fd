"""Applicants for the tests of members."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, email_confirmation
from psgflask.accounts.confirmation_tokens import JOIN
from psgflask.accounts.models import Account
from psgflask.members import applications, audit, consents, payments
from psgflask.members.applications import Answers
from psgflask.members.models import CHEQUE, ONLINE, Application, Person
from psgflask.members.tiers import Tier

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECRET = "only-in-tests"  # tests/conftest.py
YEARLY = ((date(2020, 1, 1), Decimal("24.00")), (date(2027, 1, 1), Decimal("30.00")))


def tier(key: str = "waged", kind: str = "individual") -> Tier:
    """Return a membership that costs 24 pounds, from 2027 on 30."""
    text = {"en": key, "es": key}
    return Tier(key=key, kind=kind, name=text, description=text, amounts=YEARLY)


def answers(**other: Any) -> Answers:
    """Return what an applicant answers, but for `other`."""
    usual: Mapping[str, Any] = {
        "tier": tier(),
        "name": "María Castañeda",
        "language": "en",
        "payment": CHEQUE,
        "email": "maria@example.org",
        "phone": "+44 113 496 0000",
        "address": "1 Llama Street\nLeeds",
        "postcode": "LS1 4DY",
    }
    return Answers(**{**usual, **other})


def applied(
    session: Session,
    *,
    form_hash: str | None = None,
    source: str = ONLINE,
    by: str = "applicant",
    now: datetime = NOW,
    **other: Any,
) -> Application:
    """Return an application that has just been kept."""
    form = applications.SubmittedForm(form_hash) if form_hash else None
    return applications.apply(session, answers(**other), source=source, form=form, by=by, now=now)


def link_of(session: Session, application: Application, *, now: datetime = NOW) -> str:
    """Mail the applicant a link, as the form does, and return its token."""
    tokens: list[str] = []

    def link(token: str) -> str:
        tokens.append(token)
        return "https://example.org/" + token

    email_confirmation.request_confirmation(
        session,
        email=application.person.email,
        language="en",
        network="192.0.2.1",
        secret=SECRET,
        link=link,
        values=applications.mail_values(application),
        data=applications.token_data(application),
        about=application.person.number,
        now=now,
    )
    return tokens[0]


def verified(session: Session, application: Application, *, now: datetime = NOW) -> Application:
    """Confirm the applicant's address, and return the application."""
    email_confirmation.confirm(session, link_of(session, application, now=now), now=now)
    return application


def populate(session: Session, count: int, *, now: datetime = NOW) -> list[Person]:
    """Commit so many new people, each with something in every table, and return them.

    Each may be a duplicate of the one before. The second has as many notes.
    """
    people: list[Person] = []
    for number in range(count):
        email = f"ana{number}@example.org"
        application = applied(
            session,
            name=f"Ana {number // 2}",
            email=email,
            tier=tier("household", "household"),
            household=("Tomás Ñahui", "Luz Ñahui"),
            consents=frozenset(consents.CHANNELS),
            now=now,
        )
        person = application.person
        data = applications.token_data(application)
        confirmation_tokens.issue(session, JOIN, email=email, now=now, data=data)
        account = session.scalar(select(Account).where(Account.email == email))
        person.account_id = (account or _account(session, email, now)).id
        people.append(person)
        audit.add_note(session, people[min(number, 1)], f"Note {number}", by="ann", now=now)
        payments.confirm(
            session,
            person,
            amount=Decimal(24),
            method="cash",
            received_on=now.date(),
            by="ann",
            now=now,
        )
    session.commit()
    return people


def _account(session: Session, email: str, now: datetime) -> Account:
    account = Account(email=email, language="en", created_at=now, verified_at=now)
    session.add(account)
    session.flush()
    return account
