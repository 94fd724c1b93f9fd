"""`flask sample-content` and `flask sample-archive`."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.terminal import echo, faults_told
from psgflask.news.models import Article
from psgflask.search.cli.commands import rebuild


@click.command("sample-content")
@click.option("--if-empty", is_flag=True, help="Only where there is no article yet.")
@with_appcontext
@faults_told()
def sample_content(if_empty: bool) -> None:
    """Add the sample content: ten items, three pages, the appeal, topics.

    Run again it adds only what is missing.
    """

    from psgflask.sample import loading  # reads files with YAML, which no server needs

    session = db.session()
    if if_empty:
        with read_only():  # a start must not wait for who writes, only to find nothing to do
            empty = session.scalar(select(Article.id).limit(1)) is None
            session.rollback()
        if not empty:
            return
    added = loading.load_content(session, now=utc_now())
    db.session.commit()
    if added:
        echo(f"Added the sample content ({added} articles, pages and appeals)")
    else:
        echo("The sample content was there already")


@click.command("sample-archive")
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
@faults_told()
def sample_archive(context: click.Context, count: int, seed: int, index: bool) -> None:
    """Add a synthetic archive for load and tests; every page of it says that it is synthetic.

    The same seed gives the same articles, and a larger archive begins with the smaller one.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from psgflask.sample import loading

    session = db.session()
    columns = (TextColumn("Writing articles"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=count)
        added = loading.load_archive(
            session,
            count,
            seed=seed,
            now=utc_now(),
            progressed=lambda articles: progress.advance(task, articles),
        )
        db.session.commit()
    echo(f"Added {added} synthetic articles; {count - added} were there already")
    if added and index:
        # Rows inserted in bulk pass the keeper by.
        context.invoke(rebuild)
