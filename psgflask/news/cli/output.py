"""What the commands of news share: naming an article, its output, and the transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import click
from sqlalchemy import ColumnElement, and_, func, not_, select
from sqlalchemy.orm import Session

from psgflask.core.clock import format_time, london_iso, utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import echo, read_session, write_session
from psgflask.news import article_revisions, catalogue
from psgflask.news.article_files import ArticleFile
from psgflask.news.drafts import OPTIONAL_TEXTS, PublishingRefused
from psgflask.news.models import DRAFT, PUBLISHED, WITHDRAWN, Article
from psgflask.news.slugs import article_name, article_url

SCHEDULED = "scheduled"
STATES = (DRAFT, SCHEDULED, PUBLISHED, WITHDRAWN)


@contextmanager
def transaction(file: ArticleFile | None = None) -> Iterator[Session]:
    """Give the session of one command; a refusal changes nothing and becomes a click error.

    `file` is where the draft comes from: a refusal of one of its fields names the line.
    """
    try:
        with write_session(file.path if file else None) as session:
            yield session
    except PublishingRefused as error:
        line = file.lines.get(error.field) if file else None
        where = f"{file.path}, line {line}: " if file and line else ""
        raise click.ClickException(f"{where}{error}\nNothing was changed.") from error


def find_article(session: Session, name: str) -> Article:
    """Return the article of a slug, es/slug or address. Raises click.ClickException."""
    parts = [part for part in name.strip().split("/") if part]
    slug = parts[-1] if parts else ""
    named = [part for part in parts[:-1] if part in LANGUAGES]
    # An address without a language is an English one; a slug alone may be of either.
    languages = named[:1] or (["en"] if "news" in parts[:-1] else list(LANGUAGES))
    found = [a for language in languages if (a := catalogue.find(session, slug, language))]
    if len(found) > 1:
        raise click.ClickException(f"There are two articles {slug!r}: write en/{slug} or es/{slug}")
    if not found:
        raise click.ClickException(f"There is no article {name!r}.{_suggestion(session, slug)}")
    return found[0]


def _suggestion(session: Session, slug: str) -> str:
    slugs = session.scalars(select(Article.slug)).all()
    near = get_close_matches(slug, slugs, n=3)
    return f" Did you mean {' or '.join(near)}?" if near else " `flask news list` shows them all"


def state(article: Article, now: datetime) -> str:
    """Return draft, scheduled, published or withdrawn."""
    if article.status == PUBLISHED and not catalogue.is_published(article, now):
        return SCHEDULED
    return article.status


def is_in_state(name: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition that an article is in a state at a time."""
    if name == PUBLISHED:
        return catalogue.published(now)
    if name == SCHEDULED:
        return and_(Article.status == PUBLISHED, not_(catalogue.published(now)))
    return Article.status == name


def name_of(article: Article) -> str:
    """Return an article's name in commands: its slug, with es/ before a Spanish one."""
    return article_name(article.slug, article.language)


def label(article: Article) -> str:
    """Return the address of a public article, the name and state of another."""
    now = utc_now()
    if catalogue.is_published(article, now):
        return article_url(article, external=True)
    return f"{name_of(article)} ({state(article, now)})"


def mention_sample() -> None:
    """Say, after an article of the PSG's own was saved, that sample articles are beside it."""
    with read_session() as session:
        is_sample = article_revisions.is_sample()
        rows = select(func.count(Article.id)).where(is_sample, catalogue.published(utc_now()))
        number = session.scalar(rows)
    if number:
        echo(
            f"{number} sample articles are public, too. To remove them: flask sample remove",
            err=True,
        )


def as_json(article: Article, now: datetime, address: str) -> dict[str, Any]:
    """Return an article, its files and its revisions as values for JSON."""
    snapshot = article_revisions.snapshot(article)
    return {
        "id": article.id,
        "version": article.version,
        "state": state(article, now),
        "address": address,
        "date": str(article.dateline),
        **snapshot,
        "publish_at": london_iso(article.publish_at) if article.publish_at else None,
        "corrections": [
            {**note, "noted_at": london_iso(datetime.fromisoformat(note["noted_at"]))}
            for note in snapshot["corrections"]
        ],
        "unreadable": {
            file.file_name: file.read.problem
            for file in article.attachments
            if file.read is not None and file.read.problem
        },
        "revisions": [
            {
                "number": revision.number,
                "what": revision.what,
                "saved_at": london_iso(revision.saved_at),
                "saved_by": revision.saved_by,
            }
            for revision in article.revisions
        ],
    }


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that print an article, given as `as_json` returns it."""
    yield document["title"]
    yield document["address"]
    yield ""
    yield f"{'state':<12} {document['state']}"
    yield f"{'version':<12} {document['version']}"
    if document["publish_at"]:
        yield f"{'public from':<12} {_time(document['publish_at'])}"
    for name in ("date", "kind", "language", "issue", *(text.name for text in OPTIONAL_TEXTS)):
        if document[name]:
            yield f"{name:<12} {document[name]}"
    if document["topics"]:
        yield f"{'topics':<12} {', '.join(document['topics'])}"
    if document["members_only"]:
        yield "members only"
    for kind in ("pictures", "attachments"):
        for file in document[kind]:
            what = file.get("alt") or file.get("title") or "decorative"
            yield f"{kind[:-1]:<12} {file['file_name']}: {what}"
            if problem := document["unreadable"].get(file["file_name"]):
                yield f"{'':<12} its text cannot be searched: {problem}"
    for number, note in enumerate(document["corrections"], 1):
        yield f"{'correction':<12} {number}: {_time(note['noted_at'])} {note['text']}"
    for revision in document["revisions"]:
        when, what, who = _time(revision["saved_at"]), revision["what"], revision["saved_by"]
        yield f"{'revision':<12} {revision['number']}: {when} {what} by {who}"
    yield ""
    yield document["teaser"]
    yield ""
    yield document["body"].strip()


def _time(time: str) -> str:
    return format_time(datetime.fromisoformat(time))
