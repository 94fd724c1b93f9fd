"""`flask mail list | retry | dismiss | test`: the outbox on the terminal."""

from datetime import datetime
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from psgflask.core.clock import format_time, utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import echo, print_json, print_table, read_session, write_session
from psgflask.mail import outbox
from psgflask.mail.models import DEAD, SENT, VOID, WAITING, Message

MAX_LISTED = 200
COLUMNS = ("id", "kind", "state", "tries", "posted", "due", "sent", "dismissed", "error")


def init_app(app: Flask) -> None:
    """Add `flask mail`."""
    app.cli.add_command(mail)


@click.group()
def mail() -> None:
    """Look after the mails that the site sends."""


@mail.command("list")
@click.option("--state", type=click.Choice([WAITING, SENT, DEAD, VOID]), help="Only these.")
@click.option("--addresses", is_flag=True, help="Show to whom, as long as that is known.")
@click.option("--json", "as_json", is_flag=True, help="Print for a machine.")
@with_appcontext
def list_(state: str | None, addresses: bool, as_json: bool) -> None:
    """Show the newest mails of the outbox: which wait, were sent, or are dead, and why."""
    query = select(Message).order_by(Message.id.desc()).limit(MAX_LISTED)
    if state:
        query = query.where(Message.state == state)
    with read_session() as session:
        rows = [_row(message, addresses) for message in session.scalars(query)]
    if as_json:
        print_json(rows)
    elif rows:
        columns = [*COLUMNS, "to"] if addresses else COLUMNS
        print_table(columns, [[_cell(row[name]) for name in columns] for row in rows])
    else:
        echo("The outbox is empty" if state is None else f"No mail is {state}")


def _row(message: Message, addresses: bool) -> dict[str, Any]:
    row = {
        "id": message.id,
        "kind": message.kind,
        "state": message.state,
        "tries": message.tries,
        "posted": message.created_at,
        "due": message.due_at if message.state == WAITING else None,
        "sent": message.sent_at,
        "error": message.error,
        "dismissed": message.dismissed_at,
    }
    return {**row, "to": message.recipient} if addresses else row


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    return "" if value is None else value


@mail.command()
@click.argument("number", type=int, required=False, metavar="[ID]")
@click.option("--all", "everything", is_flag=True, help="Every dead mail that is not blank yet.")
@with_appcontext
def retry(number: int | None, everything: bool) -> None:
    """Try a mail again that is dead or waits, at once and for five days more."""
    if (number is None) != everything:
        raise click.UsageError("Say which mail (its id is in `mail list`), or --all")
    with write_session() as session:
        try:
            count = outbox.retry(session, number, now=utc_now())
        except outbox.OutboxError as error:
            raise click.ClickException(str(error)) from error
        session.commit()
    echo(
        f"{count} to be tried again: the worker sends within seconds, or, after the mail"
        " server was down, within ten minutes"
    )


@mail.command()
@click.argument("number", type=int, required=False, metavar="[ID]")
@click.option("--all", "everything", is_flag=True, help="Every dead mail.")
@with_appcontext
def dismiss(number: int | None, everything: bool) -> None:
    """Dismiss a dead mail: nobody needs it any more, and `doctor` does not report it."""
    if (number is None) != everything:
        raise click.UsageError("Say which mail (its id is in `mail list --state dead`), or --all")
    with write_session() as session:
        try:
            count = outbox.dismiss(session, number, now=utc_now())
        except outbox.OutboxError as error:
            raise click.ClickException(str(error)) from error
        session.commit()
    echo(f"{count} dismissed. To send one after all: flask mail retry ID")


@mail.command()
@click.argument("address")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@with_appcontext
def test(address: str, language: str) -> None:
    """Post a test mail to ADDRESS, on the same way as every other one."""
    with write_session() as session:
        try:
            message = outbox.enqueue(
                session, kind="test", to=address, language=language, values={}, now=utc_now()
            )
        except outbox.InvalidRecipient as error:
            raise click.BadParameter(str(error), param_hint="ADDRESS") from error
        number = message.id
        session.commit()
    echo(f"Posted as mail {number}: the worker sends it within seconds. See `mail list`")
