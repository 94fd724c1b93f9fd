"""`flask members erase` and `erase-again`: somebody is forgotten, in files as in tables."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core import database, failures
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.terminal import echo
from psgflask.members import erased_list, erasure, forgetting, people
from psgflask.members.commanding import by_option, looking, writing
from psgflask.members.erasure import Erased


@click.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
@with_appcontext
def erase(number: str, yes: bool, by: str) -> None:
    """Erase the member NUMBER; of payments, amount and day stay under the number."""
    with looking() as session:
        person = people.by_number(session, number)
        told = f"{person.name} ({person.number})"
    # The session is let go here: nobody else must wait while a question stands.
    if not yes:
        click.confirm(f"Erase {told}? It cannot be undone", abort=True)
    with writing() as session:
        person = people.by_number(session, number)
        gone = [erasure.erase(session, person, by=by, now=utc_now())]
        session.commit()
    kept = f"; payments that stay: {gone[0].payments}" if gone[0].payments else ""
    echo(f"Erased {gone[0].number}{kept}")
    finish(gone)
    echo(
        "Backups made before now still hold them. After restoring one, run: psgflask members"
        " erase-again"
    )


@click.command("erase-again")
@by_option
@with_appcontext
def erase_again(by: str) -> None:
    """Erase whom a restored backup brought back: those in the list instance/erased.txt."""
    file = Path(current_app.instance_path, erased_list.FILE)
    with writing() as session:
        entries, torn = erased_list.readable(file)
        gone = erasure.once_more(session, entries, by=by, now=utc_now())
        session.commit()
    for one in gone:
        echo(f"Erased {one.number} again")
    finish(gone)
    if not gone:
        echo("Nobody of the list is there")
    if torn:  # whom it can read is erased all the same
        raise click.ClickException(erased_list.why_not(file, torn))


def finish(gone: list[Erased]) -> None:
    """Forget the erased outside the tables too: in the files of mails, in unused pages."""
    instance = Path(current_app.instance_path)
    with looking() as session:
        entries = erasure.erased(session)
    try:
        erased_list.add(instance / erased_list.FILE, entries)
    except OSError as error:
        why = failures.describe(error)
        echo(f"{erased_list.FILE} could not be written ({why}): the worker does it", err=True)
    numbers, emails = {entry.number for entry in entries}, {one.email for one in gone} - {""}
    forgetting.remove_mails(instance / "outbox", numbers, emails)
    if gone and not database.vacuum(db.engine):
        echo("The database is busy: its worker overwrites the last traces tonight")
