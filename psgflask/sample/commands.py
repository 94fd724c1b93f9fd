"""`flask sample`: adds the sample content, and removes it."""

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db, read_only
from psgflask.core.terminal import (
    click_errors,
    confirm,
    echo,
    read_session,
    write_session,
    yes_option,
)

sample = AppGroup("sample", help="The sample content of a new installation.")


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(sample)
    # Its former name.
    app.cli.add_command(add, "sample-content")


@sample.command()
@click.option("--if-empty", is_flag=True, help="Only into a new installation.")
@click_errors()
def add(if_empty: bool) -> None:
    """Add the sample content: ten items, three pages, the appeal, topics.

    Run again it adds only what is missing.
    """
    from psgflask.sample import loading  # reads files with YAML, which no server needs

    session = db.session()
    if if_empty:
        with read_only():  # a start must not wait for who writes, only to find nothing to do
            wanted = loading.is_wanted(session)
            session.rollback()
        if not wanted:
            return
    added = loading.load_content(session, now=utc_now())
    db.session.commit()
    if added:
        echo(f"Added the sample content ({added} articles, pages and appeals)")
    else:
        echo("The sample content was there already")


@sample.command()
@yes_option
def remove(yes: bool) -> None:
    """Remove the sample articles, the sample appeal, and the topics that only they have.

    What somebody has edited stays, and is listed; so do the pages, which are the PSG's own.
    """
    from psgflask.sample import removal

    with read_session() as session:
        lines, stays = _lines(session)
    if lines:
        echo("\n".join(lines))
        # Outside the transaction: nobody else must wait for the answer.
        if not yes:
            confirm("Remove them, and the topics that only they have?")
        with write_session() as session:
            removed = removal.remove(session)
            session.commit()
        echo(
            f"Removed {removed.articles} articles, {removed.appeals} appeals and {removed.topics}"
            " topics. The pages stay (flask pages list). To undo: flask sample add"
        )
    else:
        echo("There is no sample content left to remove")
    if stays:
        echo("\n".join(["These stay, since somebody has edited them:", *stays]))
        echo("To take one from the public: flask news withdraw, flask pages appeal withdraw")


def _lines(session: Session) -> tuple[list[str], list[str]]:
    """Return the lines about what can be removed, and about what stays."""
    from psgflask.news.cli import output
    from psgflask.pages import appeals
    from psgflask.sample import removal

    now, found = utc_now(), removal.find(session)
    removable = [f"  {article.dateline}: {article.title}" for article in found.articles]
    removable += [f"  Appeal ({appeal.language}): {appeal.title}" for appeal in found.appeals]
    stays = [
        f"  {output.name_of(article)} ({output.state(article, now)}): {article.title}"
        for article in found.edited_articles
    ]
    stays += [
        f"  Appeal {appeal.id} ({appeals.state(appeal, london_day(now))}): {appeal.title}"
        for appeal in found.edited_appeals
    ]
    return removable, stays
