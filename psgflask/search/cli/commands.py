"""`flask search rebuild | check | report | glossary`: the index, and what is searched for."""

import sys
from dataclasses import asdict
from datetime import timedelta

import click
from flask import Flask
from flask.cli import with_appcontext

from psgflask.core.clock import london_day, utc_now
from psgflask.core.terminal import click_errors, echo, print_json, print_table, read_session
from psgflask.search import search_log
from psgflask.search.cli.glossary import glossary
from psgflask.search.search_log import ReportedSearch
from psgflask.search.sync import indexer
from psgflask.web.site import current_site


def init_app(app: Flask) -> None:
    """Add `flask search`."""
    app.cli.add_command(search)
    search.add_command(glossary)


@click.group()
def search() -> None:
    """Look after the search index."""


@search.command()
@with_appcontext
@click_errors()
def rebuild() -> None:
    """Build the index anew beside the live one, which answers until the new one is whole.

    Stopped, it leaves the index as it was, and begins anew the next time.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Indexing articles"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=None)
        total = indexer.rebuild(
            current_site(), lambda done, total: progress.update(task, completed=done, total=total)
        )
    echo(f"The index holds {total} articles")


@search.command()
@click.option("--repair", is_flag=True, help="Mend what differs.")
@with_appcontext
@click_errors()
def check(repair: bool) -> None:
    """Compare the index with the database; exit code 1 when they differ and nothing mended it."""
    app = current_site()
    drift = indexer.check(app, changing=repair)
    if not drift:
        echo("Index and database agree")
        return
    echo(
        f"{len(drift.missing)} articles are missing from the index, {len(drift.stale)} are out of"
        f" date, {len(drift.superfluous)} should not be there"
    )
    if not repair:
        echo("To mend it: flask search check --repair")
        sys.exit(1)
    indexer.repair(app, drift)
    echo("Mended" if not indexer.check(app) else "Not mended: run flask search rebuild")


@search.command()
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3660))
@click.option("--most", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="Print the report for a machine.")
@with_appcontext
def report(days: int, most: int, as_json: bool) -> None:
    """Print what is searched for most often, and what finds nothing; days are London's.

    Words are shown once they were searched for on three different days: until then nobody knows
    them. Days of more than three months ago are kept as months, which count when they began
    within the days asked for.
    """
    since = london_day(utc_now()) - timedelta(days=days - 1)
    with read_session() as session:
        found = search_log.report(session, since, limit=most)
    if as_json:
        print_json(asdict(found))
        return
    echo(
        f"{found.searches} searches since {found.since}, {found.unnamed} of them for words"
        " not seen on three different days"
    )
    _print("Searched for most often", found.top)
    _print("Found nothing", found.nothing_found)


def _print(heading: str, found: list[ReportedSearch]) -> None:
    echo(f"\n{heading}" if found else f"\n{heading}: none of the words known so far")
    if found:
        rows = [
            (one.times, "?" if one.hits is None else one.hits, one.last_day, one.text)
            for one in found
        ]
        print_table(("Searches", "Articles", "Last", "Words"), rows)
