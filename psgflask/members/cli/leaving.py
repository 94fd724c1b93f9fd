"""`flask members resigned`, `died` and `reinstate`: who is a member no longer, and again."""

from datetime import date

import click
from flask.cli import with_appcontext

from psgflask.core.clock import london_day, utc_now
from psgflask.core.terminal import by_option, echo
from psgflask.members import consents, leaving, people
from psgflask.members.cli.output import DayParam, writing
from psgflask.members.models import DIED, RESIGNED

on_option = click.option("--on", type=DayParam(), help="The day (default: today).")


@click.command()
@click.argument("number")
@on_option
@by_option
@with_appcontext
def resigned(number: str, on: date | None, by: str) -> None:
    """Record that the member NUMBER resigned; what they agreed to be sent stays."""
    name, agreed = _leave(number, RESIGNED, on, by)
    echo(f"{name} resigned. To take it back: flask members reinstate")
    if agreed:
        echo(f"Still agreed to: {', '.join(agreed)}. If no longer: flask members consent")


@click.command()
@click.argument("number")
@on_option
@by_option
@with_appcontext
def died(number: str, on: date | None, by: str) -> None:
    """Record that the member NUMBER died: nothing is sent to them any more."""
    name, _agreed = _leave(number, DIED, on, by)
    echo(f"{name} died: nothing is sent any more, and no export has them")
    echo("If that was a mistake: flask members reinstate")


@click.command()
@click.argument("number")
@by_option
@with_appcontext
def reinstate(number: str, by: str) -> None:
    """Record that the member NUMBER is a member again, or that they never left."""
    with writing() as session:
        person = people.by_number(session, number)
        leaving.reinstate(session, person, by=by, now=utc_now())
        name = f"{person.name} ({person.number})"
        session.commit()
    echo(f"{name} is reinstated. A link that they had is gone: flask members resend")


def _leave(number: str, reason: str, on: date | None, by: str) -> tuple[str, list[str]]:
    """Record that somebody left; return how to call them, and what they agreed to."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        leaving.leave(session, person, reason, on=on or london_day(now), by=by, now=now)
        name, agreed = f"{person.name} ({person.number})", sorted(consents.given(person))
        session.commit()
    return name, agreed
