"""An article told in the terminal: its state, its facts as JSON, and the file it could be."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy import ColumnElement, and_, not_, select
from sqlalchemy.orm import Session

from psgflask.news import catalogue, publishing
from psgflask.news.models import DRAFT, PUBLISHED, WITHDRAWN, Article, Picture
from psgflask.news.moments import tell_moment

SCHEDULED = "scheduled"
STATES = (DRAFT, SCHEDULED, PUBLISHED, WITHDRAWN)


def state(article: Article, now: datetime) -> str:
    """Return draft, scheduled, published or withdrawn."""
    if article.status == PUBLISHED and not catalogue.is_published(article, now):
        return SCHEDULED
    return article.status


def is_in_state(name: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition that an article is in a state at this moment."""
    if name == PUBLISHED:
        return catalogue.published(now)
    if name == SCHEDULED:
        return and_(Article.status == PUBLISHED, not_(catalogue.published(now)))
    return Article.status == name


def name_of(article: Article) -> str:
    """Return what a command calls an article: its slug, with es/ before a Spanish one."""
    return article.slug if article.language == "en" else f"{article.language}/{article.slug}"


def facts(article: Article, now: datetime, address: str) -> dict[str, Any]:
    """Return all that is known of an article as plain values."""
    return {
        "id": article.id,
        "version": article.version,
        "state": state(article, now),
        "address": address,
        "date": str(article.dateline),
        **publishing.snapshot(article),
        "unreadable": {
            file.file_name: file.read.problem
            for file in article.attachments
            if file.read is not None and file.read.problem
        },
        "revisions": [
            {
                "number": revision.number,
                "what": revision.what,
                "saved_at": revision.saved_at.isoformat(),
                "saved_by": revision.saved_by,
            }
            for revision in article.revisions
        ],
    }


def as_markdown(session: Session, article: Article) -> str:
    """Return the file that `flask news edit` would take to leave the article as it is."""
    original = session.scalar(
        select(Article.slug).where(
            Article.work == article.work, Article.language != article.language
        )
    )
    head = {
        "title": article.title,
        "slug": article.slug,
        "kind": article.kind,
        "language": article.language,
        "date": str(article.dateline),
        "issue": article.issue.label if article.issue else "",
        "topics": [topic.slug for topic in article.topics],
        "translation of": original or "",
        "teaser": article.teaser,
        "members only": "yes" if article.members_only else "",
        "byline": article.byline,
        "source": article.source,
        "pictures": [_picture(picture) for picture in article.pictures],
        "attachments": [
            {
                "file": f"media/{file.file_hash}/{file.file_name}",
                "title": file.title,
                "language": file.language,
            }
            for file in article.attachments
        ],
    }
    written = yaml.safe_dump(
        {name: value for name, value in head.items() if value},
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
    )
    return f"---\n{written}---\n{article.body.strip()}\n"


def _picture(picture: Picture) -> dict[str, str]:
    told = {
        "file": f"media/{picture.file_hash}/{picture.file_name}",
        "alt": picture.alt,
        "decorative": "yes" if picture.decorative and not picture.alt else "",
        "caption": picture.caption,
        "credit": picture.credit,
    }
    return {name: value for name, value in told.items() if value}


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Give the facts of an article as lines to read in a terminal."""
    yield told["title"]
    yield told["address"]
    yield ""
    yield f"{'state':<12} {told['state']}"
    if told["publish_at"]:
        yield f"{'public from':<12} {_clock(told['publish_at'])}"
    for name in ("date", "kind", "language", "issue", "byline", "source"):
        if told[name]:
            yield f"{name:<12} {told[name]}"
    if told["topics"]:
        yield f"{'topics':<12} {', '.join(told['topics'])}"
    if told["members_only"]:
        yield "members only"
    for kind in ("pictures", "attachments"):
        for file in told[kind]:
            what = file.get("alt") or file.get("title") or "decorative"
            yield f"{kind[:-1]:<12} {file['file_name']}: {what}"
            if problem := told["unreadable"].get(file["file_name"]):
                yield f"{'':<12} its text cannot be searched: {problem}"
    for note in told["corrections"]:
        yield f"{'correction':<12} {_clock(note['noted_at'])} {note['text']}"
    for revision in told["revisions"]:
        when, what, who = _clock(revision["saved_at"]), revision["what"], revision["saved_by"]
        yield f"{'revision':<12} {revision['number']}: {when} {what} by {who}"
    yield ""
    yield told["teaser"]
    yield ""
    yield told["body"].strip()


def _clock(moment: str) -> str:
    return tell_moment(datetime.fromisoformat(moment))
