"""The revisions of articles: as values, as drafts that restore them, and the files they name."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Date, and_, not_, select
from sqlalchemy.orm import Session

from psgflask.core import revisions
from psgflask.core.database import UTCDateTime
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import (
    COLUMNS,
    AttachmentDraft,
    Draft,
    FileDraft,
    PictureDraft,
    attachment_draft,
    picture_draft,
)
from psgflask.news.models import PUBLISHED, SAMPLE, Article, Revision

# Columns that a revision leaves out: they follow from others, or change with every save.
BOOKKEEPING = {"id", "order_date", "issue_id", "version", "created_at", "updated_at"}
# What a save is that changes nothing of what an article says.
STATUS_CHANGES = ("published", "scheduled", "withdrawn")

Drafted = TypeVar("Drafted", bound=FileDraft)


def snapshot(article: Article) -> dict[str, Any]:
    """Return an article as plain values, for its revision: every column but its bookkeeping."""
    plain, dates = {}, {}
    for column in Article.__table__.columns:
        if column.name in BOOKKEEPING:
            continue
        value = getattr(article, column.name)
        if isinstance(column.type, Date | UTCDateTime):
            dates[column.name] = value.isoformat() if value else None
        else:
            plain[column.name] = value
    return {
        **plain,
        **dates,
        "issue": article.issue.label if article.issue else None,
        "topics": [topic.slug for topic in article.topics],
        "pictures": [asdict(picture_draft(row)) for row in article.pictures],
        "attachments": [asdict(attachment_draft(row)) for row in article.attachments],
        "corrections": [
            {"noted_at": note.noted_at.isoformat(), "text": note.text}
            for note in article.corrections
        ],
    }


def draft_of_snapshot(values: Mapping[str, Any]) -> Draft:
    """Return the draft that would leave an article as a revision has it.

    What the revision does not know, because it is older than the field, has its default. Which
    article it translates follows from its `work`, not from the draft.
    """
    series, _space, number = (values["issue"] or "").rpartition(" ")
    return Draft(
        **{name: values[name] for name in COLUMNS if name in values},
        dateline=Dateline(
            values["precision"], _day(values["dated_from"]), _day(values["dated_to"])
        ),
        issue=(series, int(number)) if number else None,
        topics=tuple(values["topics"]),
        pictures=tuple(_file_draft(PictureDraft, file) for file in values["pictures"]),
        attachments=tuple(_file_draft(AttachmentDraft, file) for file in values["attachments"]),
    )


def find(session: Session, article: Article, number: int) -> Revision:
    """Return a revision of an article. Raises RevisionUnknown."""
    return revisions.find(session, Revision, number, article_id=article.id)


def draft_of_revision(session: Session, article: Article, number: int) -> Draft:
    """Return the draft of a revision, with what it was a translation of. Raises RevisionUnknown."""
    values = find(session, article, number).snapshot
    original = select(Article.slug).where(
        Article.work == values["work"], Article.language != article.language
    )
    return replace(draft_of_snapshot(values), translation_of=session.scalar(original))


def stored_file(
    session: Session,
    draft: type[PictureDraft] | type[AttachmentDraft],
    file_hash: str,
    name: str,
) -> FileDraft | None:
    """Return a file as the newest revision of any article that names it has it."""
    kind = "pictures" if draft is PictureDraft else "attachments"
    for revision in revisions.with_text(session, Revision, file_hash):
        for file in revision.snapshot[kind]:
            if (file["file_hash"], file["file_name"]) == (file_hash, name):
                return _file_draft(draft, file)
    return None


def names_topic(session: Session, slugs: set[str]) -> bool:
    """Say whether a revision of any article has a topic, by its slug or a former one."""
    return any(
        slugs & set(revision.snapshot["topics"])
        for slug in slugs
        for revision in revisions.with_text(session, Revision, slug)
    )


def was_public(session: Session, article: Article, now: datetime) -> bool:
    """Say whether an article is public, or ever was: what readers saw is never deleted."""
    rows = revisions.history(session, Revision, article_id=article.id)
    ends = [*(row.saved_at for row in rows[1:]), now]
    return any(
        row.snapshot["status"] == PUBLISHED
        and datetime.fromisoformat(row.snapshot["publish_at"]) <= end
        for row, end in zip(rows, ends, strict=True)
    )


def created_by_sample() -> ColumnElement[bool]:
    """Return the condition that an article came with the sample content."""
    return Article.revisions.any(and_(Revision.number == 1, Revision.saved_by == SAMPLE))


def is_sample() -> ColumnElement[bool]:
    """Return the condition that an article is of the sample content, and nobody has edited it."""
    edited = and_(Revision.saved_by != SAMPLE, Revision.what.not_in(STATUS_CHANGES))
    return and_(created_by_sample(), not_(Article.revisions.any(edited)))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _file_draft(draft: type[Drafted], values: Mapping[str, Any]) -> Drafted:
    return draft(**{each.name: values[each.name] for each in fields(draft) if each.name in values})
