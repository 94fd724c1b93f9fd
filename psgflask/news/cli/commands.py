"""`flask news`: add, publish and edit articles."""

from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from psgflask.core.clock import format_time, utc_now
from psgflask.core.file_mistakes import InvalidFile
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import (
    FileRefused,
    anyway_option,
    by_option,
    confirm,
    echo,
    json_option,
    print_file,
    print_json,
    print_table,
    read_session,
    version_option,
    yes_option,
)
from psgflask.news import article_revisions, doubts, publishing
from psgflask.news.article_files import ArticleFile, format_article, read_article
from psgflask.news.cli import media, output, revisions
from psgflask.news.cli.output import STATES, find_article, name_of, transaction
from psgflask.news.cli.redaction import redact
from psgflask.news.cli.topics import topic
from psgflask.news.drafts import Draft, draft_of
from psgflask.news.media import file_texts, storage
from psgflask.news.media.storage import StagedFiles
from psgflask.news.models import KINDS, Article
from psgflask.news.publication_times import (
    InvalidPublicationTime,
    parse_publication_time,
)
from psgflask.news.slugs import article_url

news = AppGroup("news", help="Write, publish and look after articles.")
news.add_command(topic)
news.add_command(redact)
for command in (*revisions.COMMANDS, *media.COMMANDS):
    news.add_command(command)

FILE = click.Path(path_type=Path)


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(news)


def _read(file: Path) -> ArticleFile:
    try:
        return read_article(file)
    except InvalidFile as error:
        raise FileRefused(file, error) from error


def _stage() -> StagedFiles:
    return StagedFiles(_media())


def _media() -> Path:
    return storage.media_folder(current_app.instance_path)


def _draft(article: ArticleFile, staged: StagedFiles) -> Draft:
    """Stage the files before the database is locked: a large picture takes seconds."""
    with read_session() as session:
        stored = storage.stored_files(session, article)
    with transaction(article):
        return storage.draft_with_files(article, staged, stored)


def _move(staged: StagedFiles, session: Session) -> None:
    """Move the files into place and save their texts; the caller commits."""
    file_texts.save(session, staged.texts)
    staged.move()
    if problems := {text.problem for text in staged.texts.values() if text.problem}:
        echo(f"An attachment cannot be searched: {'; '.join(sorted(problems))}", err=True)


@news.command()
@click.argument("file", type=FILE)
@click.option("--publish", "at_once", is_flag=True, help="Publish it at once.")
@anyway_option
@by_option
def add(file: Path, at_once: bool, anyway: bool, by: str) -> None:
    """Add the article that FILE holds, as a draft.

    Asks first where it is perhaps there already, or seems to be in the other language.
    """
    article_file = _read(file)
    doubt = None if anyway else doubts.about_language(article_file.draft)
    if doubt is not None:
        confirm(f"{doubt}. Add it all the same?", option="--anyway")
    with _stage() as staged:
        draft = _draft(article_file, staged)
        if not anyway:
            _confirm_another(draft, file)
        with transaction(article_file) as session:
            now = utc_now()
            article = publishing.create(session, draft, by=by, now=now)
            if at_once:
                publishing.publish(session, article, by=by, now=now)
            address, name = article_url(article, external=True), name_of(article)
            _move(staged, session)
            session.commit()
    if at_once:
        echo(f"Published: {address}")
    else:
        echo(f"Added as a draft. To publish it: flask news publish {name}")
    output.mention_sample()


def _confirm_another(draft: Draft, file: Path) -> None:
    """Ask whether to add an article that is perhaps there already."""
    with read_session() as session:
        same = doubts.find_same(session, draft)
        if same is None:
            return
        name, state = name_of(same), output.state(same, utc_now())
        echo(f"Perhaps it is there already, as {name} ({state}, {same.dateline}): {same.title}")
    echo(f"To change that one: flask news edit {name} {file}")
    # Outside the transaction: nobody else must wait for the answer.
    confirm("Add another one all the same?", option="--anyway")


@news.command()
@click.argument("slug")
@click.argument("file", type=FILE)
@version_option
@anyway_option
@by_option
def edit(slug: str, file: Path, version: int | None, anyway: bool, by: str) -> None:
    """Replace what the article SLUG says by what FILE says.

    `flask news show SLUG --markdown` writes the file to begin with, and of which revision it is:
    it is refused once somebody has saved another. Asks first where FILE seems to be of another
    article.
    """
    article_file = _read(file)
    with _stage() as staged:
        draft = _draft(article_file, staged)
        based_on = {"version": version, "revision": article_file.revision}
        based_on["version"] = revisions.confirm_replacing(slug, draft, **based_on, anyway=anyway)
        with transaction(article_file) as session:
            article = find_article(session, slug)
            publishing.revise(session, article, draft, by=by, now=utc_now(), **based_on)
            newest = article.revisions[-1].number
            label, name = output.label(article), name_of(article)
            _move(staged, session)
            session.commit()
    echo(f"Saved: {label}")
    echo(f"To undo: flask news restore {name} --revision {newest - 1}")
    if article_file.revision is not None:
        echo(f"Before you edit this file again, write in it `revision: {newest}`")


@news.command()
@click.argument("slug")
@by_option
def publish(slug: str, by: str) -> None:
    """Make the article SLUG public now."""
    with transaction() as session:
        article = find_article(session, slug)
        publishing.publish(session, article, by=by, now=utc_now())
        address = article_url(article, external=True)
        session.commit()
    echo(f"Published: {address}")
    output.mention_sample()


@news.command()
@click.argument("slug")
@click.argument("when", nargs=-1, required=True)
@by_option
def schedule(slug: str, when: tuple[str, ...], by: str) -> None:
    """Make the article SLUG public at WHEN.

    WHEN is a date and a time in London (2026-11-24 09:00) or so much from now (+30m, in 3 days).
    """
    now = utc_now()
    try:
        at = parse_publication_time(" ".join(when), now)
    except InvalidPublicationTime as error:
        raise click.UsageError(str(error)) from error
    with transaction() as session:
        article = find_article(session, slug)
        publishing.schedule(session, article, at, by=by, now=now)
        address = article_url(article, external=True)
        session.commit()
    echo(f"Will be public from {format_time(at)}: {address}")
    output.mention_sample()


@news.command()
@click.argument("slug")
@click.option("--text", default="", help="What was wrong and what is right, for readers.")
@click.option("--file", type=FILE, help="The article as it reads now that it is corrected.")
@click.option("--note", type=int, help="Give --text to this note, as `show` numbers them.")
@click.option("--remove", type=int, help="Take this note back.")
@version_option
@anyway_option
@by_option
def correct(
    slug: str,
    text: str,
    file: Path | None,
    note: int | None,
    remove: int | None,
    version: int | None,
    anyway: bool,
    by: str,
) -> None:
    """Add a dated public note of a correction to the article SLUG; amend it, or take it back.

    Revisions have what the notes said before.
    """
    if remove is not None and (text or file or note is not None):
        raise click.UsageError("--remove NOTE stands alone")
    article_file = _read(file) if file else None
    with _stage() as staged:
        draft = _draft(article_file, staged) if article_file else None
        based_on = {"version": version, "revision": article_file.revision if article_file else None}
        if draft is not None:
            seen = revisions.confirm_replacing(slug, draft, **based_on, anyway=anyway)
            based_on["version"] = seen
        with transaction(article_file) as session:
            now = utc_now()
            article = find_article(session, slug)
            publishing.check_unchanged(session, article, **based_on)
            if draft is not None:
                publishing.revise(session, article, draft, by=by, now=now)
            if remove is not None:
                publishing.remove_correction(session, article, remove, by=by, now=now)
            elif note is not None:
                publishing.amend_correction(session, article, note, text, by=by, now=now)
            else:
                publishing.correct(session, article, text, by=by, now=now)
            label = output.label(article)
            _move(staged, session)
            session.commit()
    echo(f"Corrected: {label}" if remove is None else f"The note is taken back: {label}")


@news.command()
@click.argument("slug")
@yes_option
@by_option
def withdraw(slug: str, yes: bool, by: str) -> None:
    """Take the article SLUG from the public; its address says that it was withdrawn."""
    with read_session() as session:
        article = find_article(session, slug)
        title, article_id = article.title, article.id
    # Outside the transaction: nobody else must wait for the answer.
    if not yes:
        confirm(f"Withdraw ‘{title}’?")
    with transaction() as session:
        article = session.get_one(Article, article_id)
        publishing.withdraw(session, article, by=by, now=utc_now())
        name = name_of(article)
        session.commit()
    echo(f"Withdrawn. To bring it back: flask news publish {name}")


@news.command("list")
@click.option("--status", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Only those in this language.")
@click.option("--kind", type=click.Choice(KINDS), help="Only those of this kind.")
@click.option("--limit", type=click.IntRange(0), default=50, help="At most so many; 0 is all.")
@json_option
def list_articles(
    status: str | None, language: str | None, kind: str | None, limit: int, as_json: bool
) -> None:
    """List articles, newest first."""
    with read_session() as session:
        now = utc_now()
        conditions = [output.is_in_state(status, now)] if status else []
        conditions += [Article.language == language] if language else []
        conditions += [Article.kind == kind] if kind else []
        articles = select(Article).where(*conditions).options(selectinload(Article.topics))
        newest = articles.order_by(Article.order_date.desc(), Article.id.desc())
        page = session.scalars(newest.limit(limit) if limit else newest)
        total = session.scalar(select(func.count(Article.id)).where(*conditions)) or 0
        rows = [
            {
                "slug": name_of(article),
                "state": output.state(article, now),
                "date": str(article.dateline),
                "kind": article.kind,
                "members only": article.members_only,
                "public from": format_time(article.publish_at),
                "title": article.title,
            }
            for article in page
        ]
    if as_json:
        print_json(rows)
        return
    columns = ("date", "state", "public from", "kind", "slug", "title")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    if total > len(rows):
        echo(f"{len(rows)} of {total} articles; --limit 0 lists them all")


@news.command()
@click.argument("slug")
@json_option
@click.option("--markdown", is_flag=True, help="As the file that `flask news edit` takes.")
@click.option("--revision", type=int, help="That file as this revision has it.")
def show(slug: str, as_json: bool, markdown: bool, revision: int | None) -> None:
    """Show the article SLUG, its corrections and its revisions."""
    with read_session() as session:
        article = find_article(session, slug)
        if revision is not None and as_json:
            print_json(article_revisions.find(session, article, revision).snapshot)
            return
        if revision is not None:
            former = article_revisions.draft_of_revision(session, article, revision)
            print_file(format_article(former))
            return
        if markdown:
            newest = article.revisions[-1].number if article.revisions else None
            print_file(format_article(draft_of(session, article), newest))
            return
        document = output.as_json(article, utc_now(), article_url(article, external=True))
    if as_json:
        print_json(document)
        return
    for line in output.lines(document):
        echo(line)
