"""`flask search rebuild | check`: the index as a whole."""

import sys

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from psgflask.search import keeper


def init_app(app: Flask) -> None:
    """Add `flask search`."""
    app.cli.add_command(search)


@click.group()
def search() -> None:
    """Look after the search index."""


@search.command()
@with_appcontext
def rebuild() -> None:
    """Build the index anew beside the live one, which answers until the new one is whole."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Indexing articles"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=None)
        total = keeper.rebuild(
            _app(), lambda done, total: progress.update(task, completed=done, total=total)
        )
    click.echo(f"The index holds {total} articles")


@search.command()
@click.option("--repair", is_flag=True, help="Mend what differs.")
@with_appcontext
def check(repair: bool) -> None:
    """Compare the index with the database; exit code 1 when they differ and nothing mended it."""
    app = _app()
    drift = keeper.check(app)
    if not drift:
        click.echo("Index and database agree")
        return
    click.echo(
        f"{len(drift.missing)} articles are missing from the index, {len(drift.stale)} are out of"
        f" date, {len(drift.superfluous)} should not be there"
    )
    if not repair:
        click.echo("To mend it: flask search check --repair")
        sys.exit(1)
    keeper.repair(app, drift)
    click.echo("Mended" if not keeper.check(app) else "Not mended: run flask search rebuild")


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    return app
