"""`flask news read-attachments`: the texts of attached PDFs, for the search."""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from psgflask.core.terminal import echo, print_table, read_session, write_session
from psgflask.news.media import texts


@click.command("read-attachments")
@click.option("--again", is_flag=True, help="Try those again that could not be read.")
@with_appcontext
def read_attachments(again: bool) -> None:
    """Read the attached PDFs that nobody has read yet; the worker does so by itself."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    if again:
        with write_session() as session:
            texts.forget_failures(session)
            session.commit()
    done = texts.read_missing(app)
    with read_session() as session:
        left = texts.unreadable(session)
        absent = len(texts.missing(session))
    echo(f"Read {done} files")
    if absent:
        echo(f"{absent} files are not in instance/media: restore them from a backup")
    if left:
        echo("Could not be read, so that search knows their titles alone:")
        print_table(("file", "why"), left)
