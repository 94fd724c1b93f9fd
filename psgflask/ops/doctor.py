"""Is this installation sound? `flask doctor`, and what those ask who watch the server."""

import json
import sqlite3
from dataclasses import asdict

import click
from flask import Blueprint, Flask, Response, current_app
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from psgflask.core import escaping, failures, integrity
from psgflask.core.database import db, read_only, single_wait
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.ops import checkup
from psgflask.web import slots

COLOURS = {OK: "green", ATTENTION: "yellow", FAULT: "red"}

blueprint = Blueprint("doctor", __name__)


def init_app(app: Flask) -> None:
    """Add `flask doctor` and the addresses that a monitor asks."""
    app.register_blueprint(blueprint)
    app.cli.add_command(doctor)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a machine.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Say whether this installation is sound; the exit code is 1 when something is at fault."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    findings = examine(app)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    raise SystemExit(1 if any(finding.state == FAULT for finding in findings) else 0)


def examine(app: Flask) -> list[Finding]:
    """Ask every question; one that cannot be answered is itself a fault."""
    findings: list[Finding] = []
    with read_only(), single_wait():  # who asks waits for no writer, and makes none wait
        for question in checkup.QUESTIONS:
            try:
                findings.extend(question(app))
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                findings.append(_not_examined(question.__name__, error))
    return list(dict.fromkeys(findings))  # many questions fail alike on one fault


def _not_examined(subject: str, error: Exception) -> Finding:
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        subject = "database"
    if failures.is_busy(error):
        text_ = "The database is busy: another program has taken all of it"
        return Finding(subject, FAULT, text_, "Try again in a moment; else end that program")
    reason = failures.describe(error)
    advice = "Look at the file and its rights"
    if failures.is_damaged(error):
        advice = f"{advice}. If it is damaged: {integrity.recovery_advice()}"
    return Finding(subject, FAULT, f"Cannot be examined: {reason}", advice)


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        state = click.style(f"{finding.state:<9}", fg=COLOURS[finding.state])
        click.echo(f"{state}  {finding.subject:<{width}}  {escaping.one_line(finding.text)}")
        if finding.advice:
            click.echo(f"{'':9}  {'':{width}}  -> {escaping.one_line(finding.advice)}")
    wrong = sum(finding.state == FAULT for finding in findings)
    click.echo(f"{wrong} at fault" if wrong else "Nothing is at fault")


@blueprint.get("/healthz")
@slots.exempt
def alive() -> Response:
    """Say that the process answers; asks neither the database nor the index."""
    return _plain("alive", 200)


@blueprint.get("/readyz")
@slots.use(slots.HEALTH)
def ready() -> Response:
    """Say whether visitors can be served: database, index, ledger, disk, mail; 503 when not."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    wrong: list[str] = []
    try:
        db.session.execute(text("SELECT number FROM content_stamp"))
        if integrity.damage():
            wrong.append("database")
        for question in checkup.FOR_MONITORS:
            wrong += [found.subject for found in question(app) if found.state == FAULT]
    except (SQLAlchemyError, OSError) as error:
        if failures.is_damaged(error):
            integrity.report_damage(failures.describe(error))
        wrong.append("database")
    return _plain("not ready: " + ", ".join(wrong), 503) if wrong else _plain("ready", 200)


def _plain(text_: str, status: int) -> Response:
    return Response(text_ + "\n", status, content_type="text/plain; charset=utf-8")
