"""Accounts of people: a household shares one, so it goes with the last of them."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from psgflask.accounts.models import Account
from psgflask.members.models import Person


def is_shared(session: Session, account: Account, but: Person | None = None) -> bool:
    """Say whether an account is anybody's, of somebody other than `but` if one is given."""
    of_it = exists().where(Person.account_id == account.id)
    if but is not None:
        of_it = of_it.where(Person.id != but.id)
    return bool(session.scalar(select(of_it)))
