"""Corrections: a new name, a new address; what was there before stays in the audit alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from psgflask.accounts import confirmation_tokens
from psgflask.accounts.models import Account
from psgflask.members import applications, audit
from psgflask.members.models import Person
from psgflask.members.refusals import ChangedMeanwhile, NothingToChange, PersonErased
from psgflask.members.sharing import is_shared

PLAIN = ("phone", "address", "country", "language")
FIELDS = ("name", "organisation", "household", "email", "postcode", *PLAIN)


def correct(
    session: Session,
    person: Person,
    changes: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> dict[str, Any]:
    """Change what is kept of somebody; return what has changed, as it is now.

    `changes` are by FIELDS: texts, `household` a tuple of names. `version` is that of the person
    who was looked at. Raises PersonErased, NothingToChange, InvalidEmailAddress, and
    ChangedMeanwhile if somebody else was quicker.
    """
    if person.erased_at is not None:
        raise PersonErased(person.number)
    if version is not None and version != person.version:
        raise ChangedMeanwhile(person.number, person.version)
    before = applications.of_person(person)
    for field, value in changes.items():
        _set(session, person, field, value)
    after = applications.of_person(person)
    changed = [field for field in FIELDS if before[field] != after[field]]
    if not changed:
        raise NothingToChange(person.number)
    # Names of a household are rows of their own: the person's version counts them too.
    flag_modified(person, "name")
    session.flush()
    told = {field: after[field] for field in changed}
    audit.note(
        session,
        person,
        "corrected",
        by=by,
        now=now,
        before={field: before[field] for field in changed},
        after=told,
    )
    return told


def _set(session: Session, person: Person, field: str, value: Any) -> None:
    if field == "name":
        applications.set_name(person, value)
    elif field == "organisation":
        applications.set_organisation(person, value)
    elif field == "household":
        applications.set_household(person, value)
    elif field == "postcode":
        applications.set_postcode(person, value)
    elif field == "email":
        _set_email(session, person, value)
    elif field in PLAIN:
        setattr(person, field, value)
    else:
        raise ValueError(f"Nobody has a {field!r}")


def _set_email(session: Session, person: Person, email: str) -> None:
    """Change the address; what proved the old one proves nothing of the new one."""
    old = person.email_folded
    applications.set_email(person, email)
    if person.email_folded == old:
        return
    confirmation_tokens.revoke(session, data={"member": person.number})
    account = session.get(Account, person.account_id) if person.account_id else None
    if account is not None and account.email != person.email_folded:
        person.account_id = None
        session.flush()
        if not is_shared(session, account):
            session.delete(account)
    session.flush()
