"""`flask members`: the secretary's way to members and applications until there is a desk."""

import io
from datetime import date
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from psgflask.core import durable, failures
from psgflask.core.clock import london_day, utc_now
from psgflask.core.terminal import echo, print_json, print_table
from psgflask.members import access, audit, consents, export, notes, payments, people, tiers
from psgflask.members.cli import output
from psgflask.members.cli.add import add, correct
from psgflask.members.cli.erasure import erase, erase_again
from psgflask.members.commanding import Day, by_option, json_option, looking, mail_link, writing
from psgflask.members.models import Person

members = AppGroup("members", help="Look after members and applications.")
for command in (add, correct, erase, erase_again):
    members.add_command(command)

COLUMNS = ("number", "name", "membership", "state", "sent", "perhaps")
# What a list reads of each person, in one statement each.
WHOLE = (
    selectinload(Person.applications),
    selectinload(Person.household),
    selectinload(Person.payments),
)


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(members)


@members.command("list")
@click.option("--state", type=click.Choice(output.STATES), help="Only those in this state.")
@click.option("--doubles", is_flag=True, help="Only those who are perhaps known already.")
@click.option("--limit", type=click.IntRange(0), default=50, help="At most so many; 0 is all.")
@json_option
def list_people(state: str | None, doubles: bool, limit: int, as_json: bool) -> None:
    """List people, the newest first, by how their newest application stands."""
    with looking() as session:
        there = select(Person).where(Person.erased_at.is_(None)).options(*WHOLE)
        people = session.scalars(there.order_by(Person.id.desc())).all()
        rows = [output.summary(person) for person in people]
    rows = [row for row in rows if state is None or row["state"] == state]
    rows = [row for row in rows if row["perhaps"] or not doubles]
    _print(rows[:limit] if limit else rows, as_json)
    if not as_json and limit and len(rows) > limit:
        echo(f"{limit} of {len(rows)} people; --limit 0 lists them all")


@members.command()
@click.argument("number")
@json_option
def show(number: str, as_json: bool) -> None:
    """Show all about the member NUMBER: applications, consents, payments, notes, changes."""
    with looking() as session:
        person = people.by_number(session, number)
        reached = consents.effective(session, [person])[person.id]
        told = output.sheet(person, audit.of(session, person.number), reached)
    if as_json:
        print_json(told)
        return
    for line in output.lines(told):
        echo(line)


@members.command()
@click.argument("text", nargs=-1, required=True)
@json_option
def find(text: tuple[str, ...], as_json: bool) -> None:
    """Find people by number, name (accents do not matter), organisation, e-mail or postcode."""
    with looking() as session:
        rows = [output.summary(person) for person in people.find(session, " ".join(text))]
    _print(rows, as_json)


@members.command()
@click.argument("number")
@click.argument("text")
@by_option
def note(number: str, text: str, by: str) -> None:
    """Write TEXT down about the member NUMBER; they can ask to read it."""
    with writing() as session:
        person = people.by_number(session, number)
        notes.add(session, person, text, by=by, now=utc_now())
        session.commit()
    echo("Noted")


@members.command()
@click.argument("number")
@click.argument("what", type=click.Choice(consents.WHAT))
@click.option("--give/--withdraw", "agreed", required=True, help="What they told us.")
@by_option
def consent(number: str, what: str, agreed: bool, by: str) -> None:
    """Keep that the member NUMBER agrees to WHAT (post, email), or no longer does."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        consents.change(session, person, what, agreed, by=by, now=now)
        link = mail_link(session, person, now=now) if agreed else ""
        session.commit()
    echo("\n".join(filter(None, ["Agreed" if agreed else "Withdrawn", link])))


@members.command("access")
@click.argument("number")
@json_option
def tell_all(number: str, as_json: bool) -> None:
    """Tell everything that is held about NUMBER, to answer their request (UK GDPR, article 15)."""
    with looking() as session:
        held = access.everything(session, people.by_number(session, number))
    if as_json:
        print_json(held)
        return
    for line in output.lines(held):
        echo(line)


@members.command("confirm-payment")
@click.argument("number")
@click.argument("amount")
@click.option("--method", type=click.Choice(payments.METHODS), help="Default: as applied for.")
@click.option("--on", "received_on", type=Day(), help="The day it arrived (default: today).")
@click.option("--again", is_flag=True, help="The same amount arrived twice that day.")
@by_option
def confirm_payment(
    number: str, amount: str, method: str | None, received_on: date | None, again: bool, by: str
) -> None:
    """Note that AMOUNT pounds arrived from the member NUMBER."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        newest = person.applications[-1].payment if person.applications else ""
        payment = payments.confirm(
            session,
            person,
            amount=payments.read_amount(amount),
            method=method or newest,
            received_on=received_on or london_day(now),
            by=by,
            now=now,
            once_more=again,
        )
        told = f"{person.name} ({person.number}) paid £{payment.amount:,.2f} by {payment.method}"
        session.commit()
    echo(told)


@members.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--agreed", type=click.Choice(consents.WHAT), help="Only who may be sent this.")
@click.option("--paid", is_flag=True, help="Only who has paid.")
def export_table(file: Path, agreed: str | None, paid: bool) -> None:
    """Write people as a table for spreadsheets into FILE, which must not exist yet."""
    with looking() as session:
        known = tiers.load(Path(current_app.instance_path))
        there = select(Person).where(Person.erased_at.is_(None)).options(*WHOLE)
        people = session.scalars(there.order_by(Person.number)).all()
        reached = consents.effective(session, people)
        rows = [
            output.exported(person, reached[person.id], known)
            for person in people
            if (agreed is None or agreed in reached[person.id]) and (person.payments or not paid)
        ]
    table = io.StringIO(newline="")
    count = export.write(rows, output.EXPORTED, table)
    try:
        # For its owner alone: it holds addresses. The mark at the beginning tells spreadsheets
        # that it is UTF-8.
        durable.atomic_create(file, table.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise click.ClickException(f"Cannot write the table: {failures.describe(error)}") from error
    echo(f"Wrote {count} people into {file}. Delete it when you are done with it.")


def _print(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    elif rows:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    else:
        echo("Nobody")
