"""`flask news`: the files of articles: unused ones, broken ones, and the texts of PDFs."""

from collections.abc import Iterable
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core.paths import MEDIA
from psgflask.core.terminal import (
    echo,
    json_option,
    print_json,
    print_table,
    read_session,
    write_session,
)
from psgflask.news import worker_task
from psgflask.news.cli.output import transaction
from psgflask.news.media import broken_files, file_texts, storage, unused_files
from psgflask.web.site import current_site


def remove_files(files: Iterable[Path]) -> None:
    """Remove files that are not used. Raises click.ClickException."""
    try:
        unused_files.remove(files)
    except OSError as error:
        raise click.ClickException(f"Cannot remove {error.filename}: {error.strerror}") from error


@click.command("tidy-media")
@click.option("--delete", is_flag=True, help="Remove them; only a backup has them then.")
@with_appcontext
def tidy_media(delete: bool) -> None:
    """List the files in instance/media that no article names, nor any former state of one."""
    folder = _folder()
    # Deleting takes the write lock: nobody may add an article with one of the files meanwhile.
    with transaction() if delete else read_session() as session:
        files = unused_files.unused_files(session, folder)
        if delete:
            remove_files(files)
    if not files:
        echo("Every file belongs to an article.")
        return
    print_table(
        ("file", "bytes"), ((file.relative_to(folder), size) for file, size in files.items())
    )
    total = f"{len(files)} file{'s' * (len(files) > 1)}, {sum(files.values()):,} bytes"
    if delete:
        echo(f"Removed {total}.")
    else:
        echo(f"{total}. To remove: flask news tidy-media --delete")


@click.command("check-media")
@json_option
@with_appcontext
def check_media(as_json: bool) -> None:
    """List the files of articles that are lost, damaged or unreadable, and those articles.

    Reads every file; the exit code is 1 where one is broken.
    """
    with read_session() as session:
        broken = broken_files.find(session, _folder())
    rows: list[dict[str, str | list[str]]] = [
        {
            "file": str(storage.path_of(Path(MEDIA), file.file_hash)),
            "state": file.state,
            "reason": file.reason,
            "names": sorted(file.named.names),
            "articles": sorted(file.named.articles),
            "earlier revisions of": sorted(file.named.former),
        }
        for file in broken
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(tuple(rows[0]), [[_joined(value) for value in row.values()] for row in rows])
        echo("To put them back: flask restore-media")
    else:
        echo("Every file of an article is whole.")
    raise SystemExit(1 if rows else 0)


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


@click.command("read-attachments")
@click.option("--again", is_flag=True, help="Try those again that could not be read.")
@with_appcontext
def read_attachments(again: bool) -> None:
    """Read the attached PDFs that nobody has read yet; the worker does so by itself."""
    app = current_site()
    if again:
        with write_session() as session:
            file_texts.delete_failures(session)
            session.commit()
    done = worker_task.run(app)
    with read_session() as session:
        unreadable = file_texts.unreadable(session)
        missing = len(file_texts.unread(session))
    echo(f"Read {done} files")
    if missing:
        echo(f"{missing} files are lost or damaged: flask news check-media lists them")
    if unreadable:
        echo("Could not be read, so that search knows their titles alone:")
        print_table(("file", "why"), unreadable)


COMMANDS = (tidy_media, check_media, read_attachments)


def _folder() -> Path:
    return storage.media_folder(current_app.instance_path)
