"""`flask members requests`: complaints and requests about personal data, and answering them."""

import sys
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from psgflask.core.clock import format_time, utc_now
from psgflask.core.terminal import by_option, confirm, echo, json_option, print_json, print_table
from psgflask.members import rights
from psgflask.members.cli.output import print_record, reading, writing
from psgflask.members.models import DONE, OUTCOMES, RightsRequest

COLUMNS = ("reference", "right", "sent", "due", "state", "e-mail", "perhaps")

requests = AppGroup("requests", help="Complaints and requests about personal data (the form).")


@requests.command("list")
@click.option("--all", "everything", is_flag=True, help="The answered ones too, the newest first.")
@json_option
def list_requests(everything: bool, as_json: bool) -> None:
    """List the requests that wait for an answer, the one that is due first before the others."""
    with reading() as session:
        found = rights.all_requests(session) if everything else rights.open_requests(session)
        rows = [_row(session, request) for request in found]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    else:
        echo("None" if everything else "None waits for an answer; --all lists the others")


@requests.command()
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show the request REFERENCE (such as R-17), and who may have sent it."""
    with reading() as session:
        request = rights.by_reference(session, reference)
        record = {
            **_row(session, request),
            "name": request.name,
            "language": request.language,
            "text": request.text,
            "answered by": request.answered_by,
            "outcome": request.outcome,
            "answer": request.answer,
        }
    print_record(record, as_json)


@requests.command()
@click.argument("reference")
def acknowledge(reference: str) -> None:
    """Mail the receipt of the request REFERENCE, where a limit held it back."""
    with writing() as session:
        request = rights.by_reference(session, reference)
        if request.acknowledged_at is not None:
            raise click.ClickException(
                f"{request.reference} was acknowledged on {format_time(request.acknowledged_at)}"
            )
        if request.answered_at is not None:
            raise click.ClickException(f"{request.reference} is answered: it needs no receipt")
        rights.acknowledge(session, request, now=utc_now())
        message = f"A receipt is mailed to {request.email}"
        session.commit()
    echo(message)


@requests.command("answer")
@click.argument("reference")
@click.argument("text", required=False)
@click.option(
    "--outcome",
    type=click.Choice(OUTCOMES),
    default=DONE,
    show_default=True,
    help="Whether what they asked for is done.",
)
@click.option(
    "--mail/--no-mail", default=True, help="Without: answered by letter, or nobody to answer."
)
@click.option("--again", is_flag=True, help="Answer one that was answered.")
@click.option(
    "--anyway", is_flag=True, help="An erasure is done: who still has the address is another one."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@by_option
def answer_request(
    reference: str,
    text: str | None,
    outcome: str,
    mail: bool,
    again: bool,
    anyway: bool,
    yes: bool,
    by: str,
) -> None:
    """Answer the request REFERENCE: TEXT says what came of it ("-" reads it, line by line).

    It is mailed to whoever asked, with the Information Commissioner's Office as the next step, and
    kept for two years.
    """
    with reading() as session:
        email = rights.by_reference(session, reference).email
    if text is None:
        text = str(click.prompt("What came of it"))
    elif text == "-":
        text = sys.stdin.read()
    # The session is closed here: nobody else must wait while the question is open.
    if mail and not yes:
        confirm(f"Mail this to {email} ({outcome})? It cannot be taken back")
    with writing() as session:
        request = rights.by_reference(session, reference)
        rights.answer(
            session,
            request,
            text,
            outcome=outcome,
            by=by,
            now=utc_now(),
            mail=mail,
            again=again,
            anyway=anyway,
        )
        done = request.reference
        session.commit()
    echo(f"Answered {done}" + (f": a mail goes to {email}" if mail else ""))


def _row(session: Session, request: RightsRequest) -> dict[str, Any]:
    if request.answered_at is not None:
        state = f"answered: {request.outcome}"
    else:
        state = "acknowledged" if request.acknowledged_at else "no receipt mailed"
    return {
        "reference": request.reference,
        "right": request.right,
        "sent": format_time(request.sent_at),
        "due": request.due_on.isoformat(),
        "state": state,
        "answered": format_time(request.answered_at),
        "e-mail": request.email,
        "perhaps": ", ".join(rights.people_of(session, request)),
    }
