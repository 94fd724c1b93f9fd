"""`flask news redact`: takes a name, or other words, out of an article for good."""

from collections import Counter
from collections.abc import Iterable

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core import redaction as core_redaction
from psgflask.core.clock import format_time, utc_now
from psgflask.core.database import db
from psgflask.core.redaction import NoWords, Words
from psgflask.core.terminal import by_option, confirm, echo, print_table, read_session, yes_option
from psgflask.news import redaction
from psgflask.news.cli.media import remove_files
from psgflask.news.cli.output import find_article, label, transaction
from psgflask.news.media import storage, unused_files
from psgflask.news.models import Article
from psgflask.news.redaction import FilesFound, Removal
from psgflask.web.site import current_site


@click.command()
@click.argument("slug")
@click.argument("phrases", metavar="[WORDS]...", nargs=-1)
@click.option("--paragraph", is_flag=True, help="Remove the whole paragraphs that hold them.")
@click.option("--file", "names", multiple=True, help="Remove this picture or attachment, too.")
@yes_option
@by_option
@with_appcontext
def redact(
    slug: str, phrases: tuple[str, ...], paragraph: bool, names: tuple[str, ...], yes: bool, by: str
) -> None:
    """Remove WORDS from the article SLUG for good: from its translations and revisions too.

    WORDS are names or phrases, in quotation marks; without them you are asked, so that they stay
    in no history of commands. Case, accents, plurals and hyphens make no difference. Readers see a
    dated note that something was removed, not what. Nothing brings it back.
    """
    words = _words(phrases, names, paragraph)
    with read_session() as session:
        article = find_article(session, slug)
        article_id, media = article.id, storage.media_folder(current_app.instance_path)
        files = redaction.find_files(session, article, words, names, media)
    # Nothing is committed: what would be removed is what this removes.
    removals, others, parts = _apply(article_id, words, files, by, commit=False)
    _show(removals, others, files)
    if parts:
        echo(f"Still there by themselves, if they are names too: {', '.join(parts)}")
    if removals or others:
        if not yes:
            confirm("Remove all this for good? Only old backups have it then")
        _apply(article_id, words, files, by, commit=True)
    unnamed = _remove_files(words, files)
    _finish(article_id, words)
    if unnamed:
        echo(f"Files that no article names: {unnamed}. `flask news tidy-media` lists them")


def _words(phrases: Iterable[str], names: Iterable[str], paragraph: bool) -> Words:
    chosen = list(phrases)
    if not chosen and not names:
        chosen = [click.prompt("What is to be removed")]
    try:
        return Words(chosen, paragraphs=paragraph)
    except NoWords as error:
        raise click.UsageError(str(error)) from error


def _apply(
    article_id: int, words: Words, files: FilesFound, by: str, *, commit: bool
) -> tuple[list[Removal], list[str], list[str]]:
    """Redact in one transaction, which is rolled back without `commit`.

    Returns what was removed from the article and elsewhere, and which single words it still has.
    """
    with transaction() as session:
        article = session.get_one(Article, article_id)
        found = redaction.redact(session, article, words, files=files.holding, by=by, now=utc_now())
        others = core_redaction.redact_rows(current_site(), session, words)
        session.flush()
        parts = redaction.parts_left(session, article, words)
        if commit:
            unused = redaction.unused_of(session, files.holding)
            session.commit()
            for file_hash in files.holding.keys() - unused:
                echo(f"{files.holding[file_hash]} is a file of another article too: it stays there")
    return found, others, parts


def _remove_files(words: Words, files: FilesFound) -> int:
    """Remove the files that hold them and that nothing names; return how many others nothing names.

    Those of a run that was killed after its commit too, and what it had staged.
    """
    media = storage.media_folder(current_app.instance_path)
    with storage.StagedFiles(media):
        pass
    with read_session() as session:
        unused = unused_files.unused_files(session, media)
    # A PDF takes seconds to read: nobody waits for it.
    found = {
        file.name: file
        for file in unused
        if file.name in files.holding or redaction.holds(file, words)
    }
    # Holding the write lock: nobody may add an article with one of them meanwhile.
    with transaction() as session:
        still_unused = redaction.unused_of(session, found)
        remove_files(found[file_hash] for file_hash in still_unused)
    return len(unused) - len(still_unused)


def _show(removals: list[Removal], others: list[str], files: FilesFound) -> None:
    if removals:
        rows = Counter((removal.place, removal.text) for removal in removals)
        print_table(("where", "what", "times"), ((*row, times) for row, times in rows.items()))
    for line in others:
        echo(f"Also: {line}")
    for name in files.holding.values():
        echo(f"{name} holds it, and is removed whole: add it again without, if need be")
    for name in files.unread.values():
        echo(f"{name} could not be read to its end: look at it, and if need be --file {name}")
    if not (removals or others):
        echo("Nothing holds it. Its traces in files are purged all the same.")


def _finish(article_id: int, words: Words) -> None:
    """Purge files, and say what is left and where."""
    db.session.remove()
    still = core_redaction.purge(current_site())
    with read_session() as session:
        text = label(session.get_one(Article, article_id))
        elsewhere = core_redaction.rows_with(session, words)
    echo(f"Gone from {text}")
    for table, count in elsewhere.items():
        echo(f"Still in {count} row{'s' * (count > 1)} of {table}, of no version of this article")
    echo(
        f"Backups made before {format_time(utc_now())} still hold it, and cannot be changed: make a"
        " new one, delete them, and redact again where one is restored"
    )
    if still:
        raise click.ClickException(
            f"Traces are left in the files of: {', '.join(still)}. They are in use: run this again"
            " in a moment"
        )
