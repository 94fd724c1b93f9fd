"""What the commands of members share: sessions, options, mailing a link, printing people."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click
from flask import current_app
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.email_addresses import InvalidEmailAddress
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core import escaping
from psgflask.core.days import parse_day
from psgflask.core.terminal import (
    echo,
    print_json,
    print_table,
    read_session,
    write_session,
)
from psgflask.members import applications, consents, leaving
from psgflask.members.models import (
    EMAIL,
    Application,
    MembershipRefused,
    Person,
    PersonDied,
)
from psgflask.members.people import PersonSummary
from psgflask.members.subject_access import local_time
from psgflask.members.tiers import MembershipsUnreadable
from psgflask.web import languages

ERASED = "erased"
COLUMNS = ("number", "name", "organisation", "membership", "state", "sent", "bounced", "perhaps")


class DayParam(click.ParamType[date]):
    """A day as `parse_day` accepts it."""

    name = "day"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Parse a day, or fail with an example."""
        if isinstance(value, date):
            return value
        try:
            return parse_day(value)
        except ValueError:
            self.fail(f"{value!r} is no day: write it as 2026-07-01", param, ctx)


@contextmanager
def writing() -> Iterator[Session]:
    """Give the session of a command; on a refusal nothing is changed and the reason is printed."""
    try:
        with write_session() as session:
            yield session
    except (MembershipRefused, InvalidEmailAddress, MembershipsUnreadable) as error:
        raise click.ClickException(escaping.lines(f"{error}\nNothing was changed.")) from error


@contextmanager
def reading() -> Iterator[Session]:
    """Give the session of a command that only reads, and print refusals."""
    try:
        with read_session() as session:
            yield session
    except (MembershipRefused, MembershipsUnreadable) as error:
        raise click.ClickException(escaping.lines(str(error))) from error


def mail_link(session: Session, person: Person, *, now: datetime) -> str:
    """Mail a link to somebody who agreed to e-mail and whose address is not confirmed yet.

    Returns a message about it for the secretary; empty when no link is needed.
    """
    if EMAIL not in consents.given(person):
        return ""
    try:
        return mail_another_link(session, person, now=now)
    except (leaving.LinkRefused, PersonDied):
        return ""
    except RateLimitExceeded:
        return f"{person.email} was mailed enough links today: none was mailed now"


def mail_another_link(session: Session, person: Person, *, now: datetime) -> str:
    """Mail a link that confirms the address; return a message about it for the secretary.

    Raises PersonErased, PersonDied, LinkRefused and RateLimitExceeded.
    """
    leaving.check_needs_link(person)
    application = person.applications[-1]
    email_confirmation.request_confirmation(
        session,
        email=person.email,
        language=person.language,
        network=f"by command: {person.number}",
        secret=str(current_app.config["SECRET_KEY"]),
        limit="command",
        # Its path: the site's address is put in front when the mail is sent.
        link=lambda token: languages.address(
            "accounts.join", language=person.language, token=token
        ),
        values=applications.mail_values(application),
        data=applications.token_data(application),
        about=person.number,
        now=now,
    )
    message = f"A link is mailed to {person.email}"
    if EMAIL in consents.given(person):
        return f"{message}: once it is followed, news may be sent there"
    return message


def list_rows(summaries: Iterable[PersonSummary]) -> list[dict[str, Any]]:
    """Return a list of people as rows, by JSON key: the state of each one's newest application."""
    return [_list_row(*summary) for summary in summaries]


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print a list of people."""
    if as_json:
        print_json(rows)
    elif rows:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    else:
        echo("Nobody")


def print_record(record: Mapping[str, Any], as_json: bool) -> None:
    """Print what is stored about a person."""
    if as_json:
        print_json(record)
        return
    for line in _lines(record):
        echo(line)


def _list_row(
    person: Person,
    application: Application | None,
    duplicate: str | None,
    state: str | None,
    paid_through: str | None,
    joined_to: str | None,
) -> dict[str, Any]:
    return {
        "number": person.number,
        "name": person.name,
        "organisation": person.organisation,
        "postcode": person.postcode,
        "membership": application.tier if application else "",
        "state": ERASED if person.erased_at else state or "",
        "joined to": joined_to or "",
        "paid for": paid_through or "",
        "sent": local_time(application.sent_at) if application else "",
        "bounced": local_time(person.bounced_at),
        "perhaps": duplicate or "",
        "because": application.duplicate_reason if application else "",
    }


def _lines(record: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield a record as lines for a terminal, without empty values."""
    for name, value in record.items():
        if value in ("", None, [], {}):
            continue
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield f"{indent}{name}:"
            for item in value:
                first, *rest = _lines(item, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        elif isinstance(value, list):
            yield f"{indent}{name}: {'; '.join(map(str, value))}"
        elif isinstance(value, bool):
            yield f"{indent}{name}: {'yes' if value else 'no'}"
        else:
            first, *rest = str(value).splitlines() or [""]
            yield f"{indent}{name}: {first}"
            yield from (f"{indent}{' ' * (len(name) + 2)}{line}" for line in rest)
