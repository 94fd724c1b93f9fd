"""`flask members bounced`: record that mail to somebody comes back."""

from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from psgflask.core import failures
from psgflask.core.clock import utc_now
from psgflask.core.terminal import by_option, echo
from psgflask.mail.bounces import (
    MAX_BOUNCE_SIZE,
    MAX_REASON_LENGTH,
    Bounce,
    NoBounce,
    parse_bounce,
)
from psgflask.members import bounces, people
from psgflask.members.bounces import NobodyBounced
from psgflask.members.cli.output import writing
from psgflask.members.models import Person

UNKNOWN_REASON = "came back; the reason was not noted"


@click.command()
@click.argument("who")
@click.option("--reason", default="", help="What the bounce says, such as: mailbox full.")
@click.option("--clear", is_flag=True, help="Mail arrives after all: remove what was recorded.")
@by_option
@with_appcontext
def bounced(who: str, reason: str, clear: bool, by: str) -> None:
    """Record that mail comes back. WHO is an address, a number, or the saved bounce (a file)."""
    if len(reason) > MAX_REASON_LENGTH:
        raise click.UsageError(f"Write a reason of at most {MAX_REASON_LENGTH} characters")
    with writing() as session:
        now = utc_now()
        persons, said = _find(session, who)
        if clear:  # of several who have the address
            persons = [one for one in persons if one.bounced_at is not None] or persons
        for person in persons:
            if clear:
                bounces.clear(session, person, by=by, now=now)
            else:
                text = " ".join((reason or said).split()) or UNKNOWN_REASON
                bounces.record(session, person, text, by=by, now=now)
        lines = [_cleared(one) if clear else _recorded(one) for one in persons]
        session.commit()
    echo("\n".join(lines))


def _find(session: Session, who: str) -> tuple[list[Person], str]:
    """Return whom a bounce is about, and what it says. Raises MembershipRefused."""
    file = Path(who)
    if file.is_file():
        bounce = _read(file)
        try:
            return bounces.people_of(session, bounce), bounce.reason
        except NobodyBounced as error:
            raise NobodyBounced(f"{file}: {error}") from error
    if "@" not in who:
        return [people.by_number(session, who)], ""
    persons = bounces.with_address(session, who)
    if not persons:
        raise NobodyBounced(f"Nobody has the address {who.strip()}, and there is no such file")
    return persons, ""


def _read(file: Path) -> Bounce:
    try:
        if file.stat().st_size > MAX_BOUNCE_SIZE:
            raise click.ClickException(f"{file} is too large for a bounce")
        return parse_bounce(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"Cannot read {file}: {failures.describe(error)}") from error
    except NoBounce as error:
        raise click.ClickException(f"{file}: {error}\nNothing was changed.") from error


def _recorded(person: Person) -> str:
    return (
        f"Mail to {person.name} ({person.number}) comes back: {person.bounce_reason}\n"
        f'A new address: flask members correct "{person.number}" --email ADDRESS. If mail arrives'
        f' after all: flask members bounced "{person.number}" --clear'
    )


def _cleared(person: Person) -> str:
    return f"{person.name} ({person.number}): no bounce is recorded any more"
