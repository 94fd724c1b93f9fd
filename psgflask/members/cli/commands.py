"""`flask members`: the membership secretary's commands."""

import io
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core import database, durable, failures
from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.core.terminal import by_option, confirm, echo, json_option, print_json
from psgflask.members import (
    audit,
    consents,
    erasure,
    export,
    leaving,
    people,
    subject_access,
    tiers,
)
from psgflask.members.cli import access
from psgflask.members.cli.add import add, correct
from psgflask.members.cli.bounces import bounced
from psgflask.members.cli.duplicates import join, not_same, separate
from psgflask.members.cli.leaving import died, reinstate, resigned
from psgflask.members.cli.output import (
    list_rows,
    mail_another_link,
    mail_link,
    print_record,
    print_rows,
    reading,
    writing,
)
from psgflask.members.cli.payments import YEAR, confirm_payment, payments
from psgflask.members.cli.requests import requests
from psgflask.members.erasure import Erased, ErasedListUnwritable
from psgflask.members.models import STATES

members = AppGroup("members", help="Look after members and applications.")
for command in (
    add,
    correct,
    bounced,
    confirm_payment,
    payments,
    resigned,
    died,
    reinstate,
    join,
    separate,
    not_same,
):
    members.add_command(command)
members.add_command(requests)


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(members)


@members.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option(
    "--doubles", "duplicates", is_flag=True, help="Only those who are perhaps known already."
)
@click.option("--bounced", is_flag=True, help="Only those from whom mail comes back.")
@click.option("--limit", type=click.IntRange(0), default=50, help="At most so many; 0 is all.")
@json_option
def list_people(
    state: str | None, duplicates: bool, bounced: bool, limit: int, as_json: bool
) -> None:
    """List people, the newest first, by how their newest application stands."""
    with reading() as session:
        year = london_day(utc_now()).year
        summaries, count = people.newest(
            session,
            year=year,
            state=state,
            duplicates=duplicates,
            bounced=bounced,
            limit=limit,
        )
        rows = list_rows(summaries)
    print_rows(rows, as_json)
    if not as_json and count > len(rows):
        echo(f"{limit} of {count} people; --limit 0 lists them all")


@members.command()
@click.argument("number")
@json_option
def show(number: str, as_json: bool) -> None:
    """Show all about the member NUMBER: applications, consents, payments, notes, changes."""
    with reading() as session:
        record = subject_access.record(session, people.by_number(session, number))
    print_record(record, as_json)


@members.command()
@click.argument("text", nargs=-1, required=True)
@json_option
def find(text: tuple[str, ...], as_json: bool) -> None:
    """Find people by number, name (accents do not matter), organisation, e-mail or postcode."""
    with reading() as session:
        year = london_day(utc_now()).year
        rows = list_rows(people.find(session, " ".join(text), year=year))
    print_rows(rows, as_json)


@members.command()
@click.argument("number")
@click.argument("text")
@by_option
def note(number: str, text: str, by: str) -> None:
    """Write TEXT down about the member NUMBER; they can ask to read it."""
    with writing() as session:
        person = people.by_number(session, number)
        audit.add_note(session, person, text, by=by, now=utc_now())
        session.commit()
    echo("Noted")


@members.command()
@click.argument("number")
@click.argument("what", type=click.Choice(consents.CHANNELS))
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


@members.command()
@click.argument("number")
@by_option
def resend(number: str, by: str) -> None:
    """Mail the member NUMBER another link that confirms their e-mail address."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        try:
            message = mail_another_link(session, person, now=now)
        except RateLimitExceeded as error:
            raise click.ClickException(
                f"{person.email} was mailed enough links today: none was mailed now"
            ) from error
        audit.record(session, person, "link mailed again", by=by, now=now)
        session.commit()
    echo(message)


@members.command("access")
@click.argument("number")
@json_option
def show_everything(number: str, as_json: bool) -> None:
    """Print all that is held about the member NUMBER, as a letter in their language.

    It answers a request for access (UK GDPR, article 15).
    """
    with reading() as session:
        person = people.by_number(session, number)
        secret = str(current_app.config["SECRET_KEY"])
        record = subject_access.everything(session, person, secret=secret)
    if as_json:
        print_json(record)
    else:
        echo(access.letter(record, now=utc_now()))


@members.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--agreed", type=click.Choice(consents.CHANNELS), help="Only who may be sent this.")
@click.option("--paid", is_flag=True, help="Only who has paid for this year or for life.")
@click.option("--year", type=YEAR, help="Another year than this one, for --paid and the states.")
def export_table(file: Path, agreed: str | None, paid: bool, year: int | None) -> None:
    """Write people as a table for spreadsheets into FILE, which must not exist yet."""
    with reading() as session:
        known = tiers.load(Path(current_app.instance_path))
        year = year or london_day(utc_now()).year
        rows = export.rows(session, known, year=year, agreed=agreed, paid=paid)
        left_out = leaving.count_died(session)
    table = io.StringIO(newline="")
    count = export.write(rows, export.COLUMNS, table)
    try:
        # Private to its owner: it contains addresses. The byte order mark tells spreadsheets that
        # it is UTF-8.
        durable.atomic_create(file, table.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise click.ClickException(f"Cannot write the table: {failures.describe(error)}") from error
    echo(f"Wrote {count} people into {file}. Delete it when you are done with it.")
    if left_out:
        echo(f"Left out, since they have died: {left_out}")


@members.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
def erase(number: str, yes: bool, by: str) -> None:
    """Erase the member NUMBER; of payments, amount and day stay under the number."""
    with reading() as session:
        person = people.by_number(session, number)
        same = (person, *people.joined_people(session, [person]))
        names = ", and with them ".join(f"{one.name} ({one.number})" for one in same)
    # The session is closed here: nobody else must wait while the question is open.
    if not yes:
        confirm(f"Erase {names}? It cannot be undone")
    with writing() as session:
        person = people.by_number(session, number)
        erased = erasure.erase(session, [person], by=by, now=utc_now())
        session.commit()
    for one in erased:
        kept = f"; payments that stay: {one.payments}" if one.payments else ""
        echo(f"Erased {one.number}{kept}")
    _erase_files(erased)
    echo(
        "Backups made before now still hold them. When you restore one, name a newer backup too:"
        " psgflask restore FILE --erased NEWER"
    )


@members.command("erase-again")
@click.option(
    "--erased",
    "newer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Those in this newer erased.txt too.",
)
@click.option("--confirm", is_flag=True, help="After a restore: nobody else was erased since.")
@by_option
def erase_again(newer: Path | None, confirm: bool, by: str) -> None:
    """Erase whom a restored backup brought back: those in the list instance/erased.txt.

    `restore` does it by itself, with the lists that it was given. Until --confirm, doctor finds
    fault with a site that was given none that is newer than the backup.
    """
    instance = Path(current_app.instance_path)
    file = instance / erasure.LIST_FILE
    with writing() as session:
        if newer is not None:
            _add_to_list(file, newer)
        entries, damaged = erasure.read_list(file)
        erased = erasure.erase_again(session, entries, by=by, now=utc_now())
        if confirm and (since := erasure.unconfirmed_since(instance)) is not None:
            audit.record_confirmation(session, since=since, by=by, now=utc_now())
        session.commit()
    for one in erased:
        echo(f"Erased {one.number} again")
    _erase_files(erased)
    if not erased:
        echo("Nobody of the list is there")
    if damaged:  # everybody in its readable lines is erased all the same
        raise click.ClickException(erasure.damage(file, damaged))
    if confirm:
        erasure.confirm(instance)
        echo("Confirmed: nobody else was erased")


def _add_to_list(file: Path, newer: Path) -> None:
    is_list = newer.stat().st_size <= erasure.MAX_LIST_SIZE
    entries, damaged = erasure.read_list(newer) if is_list else ([], [1])
    if damaged:
        raise click.ClickException(
            f"{newer}, line {damaged[0]}: not a moment and a number. Nothing was changed. Of a"
            f" backup, first take its list out: tar -xOf {newer} {erasure.LIST_FILE} > newer.txt"
        )
    if not entries:  # perhaps a copy that failed
        raise click.ClickException(
            f"{newer} lists nobody. Nothing was changed. If nobody was erased: leave --erased out"
        )
    erasure.append_to_list(file, entries)


def _erase_files(erased: list[Erased]) -> None:
    """Remove the erased from files too: those of mails, and the unused pages of the database."""
    with reading() as session:
        entries = erasure.erased_entries(session)
    try:
        erasure.erase_files(Path(current_app.instance_path), entries, erased)
    except ErasedListUnwritable as error:
        reason = failures.describe(error)
        echo(f"{erasure.LIST_FILE} could not be written ({reason}): the worker does it", err=True)
    if erased and not database.vacuum(db.engine):
        echo("The database is busy: its worker overwrites the last traces tonight")
