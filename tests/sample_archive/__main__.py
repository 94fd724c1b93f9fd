"""`make sample-archive`: adds a synthetic archive to an installation, for load tests."""

import click
from flask.cli import ScriptInfo, with_appcontext
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.terminal import click_errors, echo
from psgflask.search.cli.commands import rebuild
from tests.sample_archive import loading


@click.command()
@click.option(
    "--articles",
    "count",
    type=click.IntRange(1, 1_000_000),
    required=True,
    help="How many the archive shall have; those that are there already count.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--index/--no-index", default=True, help="Build the search index anew afterwards.")
@click.pass_context
@with_appcontext
@click_errors()
def sample_archive(context: click.Context, count: int, seed: int, index: bool) -> None:
    """Add a synthetic archive for load and tests; every page of it says that it is synthetic.

    The same seed gives the same articles, and a larger archive begins with the smaller one.
    """
    session = db.session()
    columns = (TextColumn("Writing articles"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=count)
        added = loading.load_archive(
            session,
            count,
            seed=seed,
            now=utc_now(),
            on_progress=lambda articles: progress.advance(task, articles),
        )
        db.session.commit()
    echo(f"Added {added} synthetic articles; {count - added} were there already")
    if added and index:
        # Rows inserted in bulk bypass the search ledger.
        context.invoke(rebuild)


if __name__ == "__main__":
    site = ScriptInfo(create_app=lambda: create_app())
    sample_archive(prog_name="python -m tests.sample_archive", obj=site)
