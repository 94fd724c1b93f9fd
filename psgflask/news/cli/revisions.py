"""`flask news`: the revisions of an article, what differs between them, and going back to one."""

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core import comparison, revisions
from psgflask.core.clock import utc_now
from psgflask.core.terminal import (
    by_option,
    confirm,
    echo,
    json_option,
    print_revisions,
    read_session,
    version_option,
    yes_option,
)
from psgflask.news import doubts, publishing
from psgflask.news.article_files import format_article
from psgflask.news.article_revisions import draft_of_revision
from psgflask.news.cli.output import find_article, label, name_of, transaction
from psgflask.news.drafts import Draft, FileDraft, draft_of
from psgflask.news.media import broken_files, storage
from psgflask.news.models import Article, Revision

MAX_LINES_SHOWN = 60


@click.command("revisions")
@click.argument("slug")
@json_option
@with_appcontext
def list_revisions(slug: str, as_json: bool) -> None:
    """List the revisions of the article SLUG: who saved what, and when."""
    with read_session() as session:
        article = find_article(session, slug)
        saves = revisions.saves(session, Revision, article_id=article.id)
        name = name_of(article)
    print_revisions(saves, as_json)
    if not as_json:
        echo(f"To go back to one: flask news restore {name} --revision N")


@click.command()
@click.argument("slug")
@click.argument("number", type=int)
@click.argument("other", type=int, required=False)
@with_appcontext
def compare(slug: str, number: int, other: int | None) -> None:
    """Show what differs between the revisions NUMBER and OTHER (without it, the article now)."""
    with read_session() as session:
        article = find_article(session, slug)
        before = draft_of_revision(session, article, number)
        after = (
            draft_of(session, article)
            if other is None
            else draft_of_revision(session, article, other)
        )
        _print_difference(before, after, max_lines=100_000)


@click.command()
@click.argument("slug")
@click.option("--revision", "number", type=int, required=True, help="As `revisions` lists it.")
@version_option
@by_option
@with_appcontext
def restore(slug: str, number: int, version: int | None, by: str) -> None:
    """Make the article SLUG say again what one of its revisions has.

    Its pictures, files, topics and address too; whether it is public, and its correction notes,
    stay as they are.
    """
    with transaction() as session:
        article = find_article(session, slug)
        _check_files(draft_of_revision(session, article, number))
        newest = revisions.newest_number(session, Revision, article_id=article.id)
        publishing.restore(session, article, number, by=by, now=utc_now(), version=version)
        text, name = label(article), name_of(article)
        session.commit()
    echo(f"Restored as in revision {number}: {text}")
    echo(f"To undo: flask news restore {name} --revision {newest}")


@click.command()
@click.argument("slug")
@yes_option
@with_appcontext
def delete(slug: str, yes: bool) -> None:
    """Delete the article SLUG, which was never public, with its revisions: for good."""
    with read_session() as session:
        article = find_article(session, slug)
        title, article_id = article.title, article.id
    if not yes:
        confirm(f"Delete ‘{title}’? Only a backup has it then")
    with transaction() as session:
        publishing.delete(session, session.get_one(Article, article_id), now=utc_now())
        session.commit()
    echo(f"Deleted: {title}")


COMMANDS = (list_revisions, compare, restore, delete)


def confirm_replacing(
    slug: str, draft: Draft, *, version: int | None, revision: int | None, anyway: bool
) -> int | None:
    """Ask whether a draft may replace an article where that looks wrong, and show the difference.

    Returns the version of the article that the user saw when they were asked, else `version`.
    """
    with read_session() as session:
        article = find_article(session, slug)
        publishing.check_unchanged(session, article, version=version, revision=revision)
        wrong = [] if anyway else list(doubts.about_replacing(session, article, draft))
        if not wrong:
            return version
        for doubt in wrong:
            echo(f"{doubt}.")
        _print_difference(draft_of(session, article), draft, max_lines=MAX_LINES_SHOWN)
        seen = article.version
    # Outside the transaction: nobody else must wait for the answer.
    confirm("Replace the article all the same?", option="--anyway")
    return seen


def _print_difference(before: Draft, after: Draft, *, max_lines: int) -> None:
    texts = format_article(before), format_article(after)
    lines = comparison.difference(*texts, max_lines=max_lines)
    echo("\n".join(lines) if lines else "Nothing differs")


def _check_files(draft: Draft) -> None:
    media = storage.media_folder(current_app.instance_path)
    files: list[FileDraft] = [*draft.pictures, *draft.attachments]
    broken = [x.file_name for x in files if not broken_files.is_whole(media, x.file_hash)]
    if broken:
        raise click.ClickException(
            f"{', '.join(broken)}: lost or damaged in instance/media. Put it back from a backup"
            " first: flask restore-media\nNothing was changed."
        )
