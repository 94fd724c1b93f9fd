"""`flask doctor` runs all health checks; /healthz and /readyz are for monitoring."""

import json
import sqlite3
from contextlib import suppress
from dataclasses import asdict

import click
from flask import Blueprint, Flask, Response
from flask.cli import with_appcontext
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from psgflask.core import database, database_faults, escaping, failures, integrity
from psgflask.core.database import db, read_only, single_wait
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.ops import health
from psgflask.web import slots
from psgflask.web.site import current_site

COLOURS = {OK: "green", ATTENTION: "yellow", FAULT: "red"}
# How long /readyz waits for the write lock, in milliseconds: who holds it longer blocks the forms.
READY_TIMEOUT_MS = 1000

blueprint = Blueprint("doctor", __name__)


def init_app(app: Flask) -> None:
    """Add `flask doctor`, /healthz and /readyz."""
    app.register_blueprint(blueprint)
    app.cli.add_command(doctor)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a machine.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Say whether this installation is sound; the exit code is 1 when something is at fault."""
    app = current_site()
    findings = examine(app)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    raise SystemExit(1 if any(finding.state == FAULT for finding in findings) else 0)


def examine(app: Flask) -> list[Finding]:
    """Run every health check; one that fails is itself a fault."""
    findings: list[Finding] = []
    with read_only(), single_wait():  # only one check takes the lock, for a moment
        for check in health.HEALTH_CHECKS:
            try:
                findings.extend(check(app))
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                findings.append(_failed_check(check.__name__.removeprefix("check_"), error))
    return list(dict.fromkeys(findings))  # one cause may fail many checks


def _failed_check(subject: str, error: Exception) -> Finding:
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        subject = "database"
    if failures.is_busy(error):
        text = "The database is busy: another program has taken all of it"
        return Finding(subject, FAULT, text, "Try again in a moment; else end that program")
    fault = database_faults.diagnose(error) if subject == "database" else None
    if fault is not None and fault.name != database_faults.DAMAGED:
        return Finding(subject, FAULT, fault.text, fault.advice)
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
    faults = sum(finding.state == FAULT for finding in findings)
    click.echo(f"{faults} at fault" if faults else "Nothing is at fault")


@blueprint.get("/healthz")
@slots.exempt
def alive() -> Response:
    """Say that the process is alive, without using the database or the index."""
    return _plain("alive", 200)


@blueprint.get("/readyz")
@slots.use(slots.HEALTH)
def ready() -> Response:
    """Say whether visitors can be served: database, index, ledger, disk, mail; 503 when not.

    What needs looking after and turns no visitor away is said with a 200.
    Of the database it says which fault it has, but no path: anybody may ask.
    """
    app = current_site()
    faulty: list[str] = []
    overdue = False
    try:
        # Not by stamp_seen_by, whose waits for a lock the session does not see.
        db.session.execute(sql("SELECT number FROM content_stamp"))
        if integrity.damage():
            faulty.append(f"database ({database_faults.DAMAGED})")
        database.check_writable(READY_TIMEOUT_MS)
        for check in health.READINESS_CHECKS:
            faulty += [found.subject for found in check(app) if found.state == FAULT]
        with suppress(OSError):  # a folder that is no visitor's concern
            overdue = any(found.state == FAULT for found in health.check_backups(app))
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if failures.is_damaged(error):
            integrity.report_damage(failures.describe(error))
        fault = database_faults.diagnose(error)
        faulty.append(f"database ({fault.name})" if fault else "database")
    if faulty:
        return _plain("not ready: " + ", ".join(faulty), 503)
    return _plain("ready; at fault: backups" if overdue else "ready", 200)


def _plain(text: str, status: int) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
