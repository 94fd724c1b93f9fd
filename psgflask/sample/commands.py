"""`flask sample-content`: adds the sample content."""

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from psgflask.core.clock import utc_now
from psgflask.core.database import db, read_only
from psgflask.core.terminal import click_errors, echo
from psgflask.news.models import Article


@click.command("sample-content")
@click.option("--if-empty", is_flag=True, help="Only where there is no article yet.")
@with_appcontext
@click_errors()
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
