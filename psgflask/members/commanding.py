"""What the commands of members share: naming a person, telling of a refusal, mailing a link."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import click
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.email_addresses import InvalidEmailAddress
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core import escaping
from psgflask.core.terminal import read_session, user_name, write_session
from psgflask.members import applications, consents
from psgflask.members.models import EMAIL, Person
from psgflask.members.refusals import MembershipRefused
from psgflask.members.tiers import MembershipsUnreadable
from psgflask.web import languages

by_option = click.option("--by", default=user_name, help="Who does it (default: your user name).")
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


class Day(click.ParamType[date]):
    """A day as 2026-07-01."""

    name = "day"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read a day, or say how one is written."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            self.fail(f"{value!r} is no day: write it as 2026-07-01", param, ctx)


@contextmanager
def writing() -> Iterator[Session]:
    """Give the session of one command; on any refusal nothing is changed and the reason is told."""
    try:
        with write_session() as session:
            yield session
    except (MembershipRefused, InvalidEmailAddress, MembershipsUnreadable) as error:
        raise click.ClickException(escaping.lines(f"{error}\nNothing was changed.")) from error


@contextmanager
def looking() -> Iterator[Session]:
    """Give the session of one command that only reads, and tell of refusals."""
    try:
        with read_session() as session:
            yield session
    except (MembershipRefused, MembershipsUnreadable) as error:
        raise click.ClickException(escaping.lines(str(error))) from error


def mail_link(session: Session, person: Person, *, now: datetime) -> str:
    """Mail somebody who wants news by e-mail a link that proves the address, unless it is proved.

    Returns what to tell the secretary of it; empty when there is nothing to tell.
    """
    if not (person.email and person.applications and EMAIL in consents.given(person)):
        return ""
    if person.account_id is not None:
        return ""
    try:
        email_confirmation.request_confirmation(
            session,
            email=person.email,
            language=person.language,
            network=f"by command: {person.number}",
            limit="command",
            link=lambda token: languages.address(
                "accounts.join", language=person.language, external=True, token=token
            ),
            values=applications.mail_values(person.applications[-1]),
            data=applications.token_data(person.applications[-1]),
            about=applications.about(person),
            now=now,
        )
    except RateLimitExceeded:
        return f"{person.email} was mailed enough links today: none was mailed now"
    return f"A link is mailed to {person.email}: once it is followed, news may be sent there"
