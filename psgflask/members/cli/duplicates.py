"""`flask members join`, `separate` and `not-same`: what to do about possible duplicates."""

import click
from flask.cli import with_appcontext

from psgflask.core.clock import utc_now
from psgflask.core.terminal import by_option, echo
from psgflask.members import duplicates, people
from psgflask.members.cli.output import writing


@click.command()
@click.argument("number")
@click.argument("into")
@by_option
@with_appcontext
def join(number: str, into: str, by: str) -> None:
    """Join the member NUMBER to the member INTO, who is the same person.

    Applications, payments, consents and notes move; name and address of INTO stay.
    """
    with writing() as session:
        person, other = people.by_number(session, number), people.by_number(session, into)
        duplicates.join(session, person, other, by=by, now=utc_now())
        old, new = people.details(person), people.details(other)
        differing = [field for field in old if old[field] and old[field] != new[field]]
        messages = [
            f"Joined {person.name} ({person.number}) to {other.name} ({other.number}). To undo it:"
            f' flask members separate "{person.number}"'
        ]
        if differing:
            messages.append(
                f"{person.number} has something else for: {', '.join(differing)}. If that is right:"
                " flask members correct"
            )
        session.commit()
    echo("\n".join(messages))


@click.command()
@click.argument("number")
@by_option
@with_appcontext
def separate(number: str, by: str) -> None:
    """Undo that the member NUMBER was joined to somebody; what came later stays there."""
    with writing() as session:
        person = people.by_number(session, number)
        other = duplicates.separate(session, person, by=by, now=utc_now())
        message = f"Separated {person.name} ({person.number}) from {other.name} ({other.number})"
        session.commit()
    echo(message)


@click.command("not-same")
@click.argument("number")
@click.option("--undo", is_flag=True, help="It is an open question again.")
@by_option
@with_appcontext
def not_same(number: str, undo: bool, by: str) -> None:
    """Record that the member NUMBER is not whom they perhaps are, by `list --doubles`."""
    with writing() as session:
        person = people.by_number(session, number)
        duplicates.tell_apart(session, person, by=by, now=utc_now(), undo=undo)
        name = f"{person.name} ({person.number})"
        session.commit()
    echo(f"{name} is perhaps the same again" if undo else f"{name} is somebody else. Undo: --undo")
