"""Erasure: what is left of somebody is money that was paid, under a number that is nobody's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens
from psgflask.accounts.models import Account
from psgflask.mail import outbox
from psgflask.members import applications, audit
from psgflask.members.erased_list import Entry
from psgflask.members.models import Application, AuditEntry, Person
from psgflask.members.refusals import PersonErased
from psgflask.members.sharing import is_shared

ERASED = "erased"


@dataclass(frozen=True)
class Erased:
    """Who was erased: the number, how many payments stay, and an address that is nobody's now."""

    number: str
    payments: int
    email: str


def erase(session: Session, person: Person, *, by: str, now: datetime) -> Erased:
    """Erase somebody: row, household, applications, consents, notes, links, mails, account.

    Whoever paid leaves a row that holds the number alone, and the payments. What the audit said
    is taken out. Accounts and addresses that others share stay. Raises PersonErased.
    """
    if person.erased_at is not None:
        raise PersonErased(person.number)
    number, paid = person.number, len(person.payments)
    email = "" if _is_others(session, person) else person.email_folded
    outbox.delete_about(session, applications.about(person))
    confirmation_tokens.revoke(session, data={"member": number})
    _leave_account(session, person)
    _leave_applications_of_others(session, person)
    audit.blank(session, number)
    audit.note(session, person, ERASED, by=by, now=now, after={"payments kept": paid})
    if paid:
        _blank(person, now)
    else:
        session.delete(person)
    session.flush()
    return Erased(number, paid, email)


def once_more(
    session: Session, entries: Iterable[Entry], *, by: str, now: datetime
) -> list[Erased]:
    """Erase whom a backup has brought back: those of the list who are there again.

    A number that was given to somebody else after the backup was restored is left alone: whoever
    came after the erasure is somebody else.
    """
    back: list[Erased] = []
    for entry in entries:
        person = session.scalar(
            select(Person).where(
                Person.number == entry.number,
                Person.erased_at.is_(None),
                Person.created_at <= entry.at,
            )
        )
        if person is not None:
            back.append(erase(session, person, by=by, now=now))
    return back


def erased(session: Session) -> list[Entry]:
    """Return everybody of whom the audit says that they were erased."""
    told = select(AuditEntry.at, AuditEntry.subject).where(AuditEntry.what == ERASED)
    return [Entry(at, number) for at, number in session.execute(told)]


def _is_others(session: Session, person: Person) -> bool:
    same = select(Person.id).where(
        Person.email_folded == person.email_folded, Person.id != person.id
    )
    return session.scalar(same.limit(1)) is not None


def _leave_account(session: Session, person: Person) -> None:
    account = session.get(Account, person.account_id) if person.account_id else None
    if account is None:
        return
    person.account_id = None
    session.flush()
    if not is_shared(session, account):
        session.delete(account)


def _leave_applications_of_others(session: Session, person: Person) -> None:
    session.execute(
        update(Application)
        .where(Application.perhaps_id == person.id)
        .values(perhaps_id=None, perhaps_because="")
    )


def _blank(person: Person, now: datetime) -> None:
    applications.set_name(person, "")
    applications.set_organisation(person, "")
    applications.set_postcode(person, "")
    applications.set_email(person, "")
    person.address = person.phone = person.country = ""
    person.language = "en"
    person.erased_at = now
    for kept in (person.household, person.applications, person.consents, person.notes):
        kept.clear()
