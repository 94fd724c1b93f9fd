"""The only writer of articles: create, revise, schedule, publish, correct, withdraw."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Date, func, select
from sqlalchemy.orm import Session

from psgflask.core.database import UTCDateTime
from psgflask.news import catalogue
from psgflask.news.drafts import (
    COLUMNS,
    MAX_CORRECTION_LENGTH,
    Draft,
    PublishingRefused,
    attachment_draft,
    check,
    check_text,
    one_line,
    picture_draft,
)
from psgflask.news.models import (
    DRAFT,
    MAIN_SERIES,
    PUBLISHED,
    WITHDRAWN,
    Article,
    Attachment,
    Correction,
    Issue,
    Picture,
    Revision,
    Topic,
)
from psgflask.news.slugs import article_path, slugify
from psgflask.redirects import destinations

# Columns that a revision leaves out: they follow from others, or change with every save.
BOOKKEEPING = {"id", "order_date", "issue_id", "version", "created_at", "updated_at"}


class SlugTaken(PublishingRefused):
    """Another article in the language has this slug."""


class TopicUnknown(PublishingRefused):
    """No topic has this slug."""


class TranslationUnknown(PublishingRefused):
    """The original of a translation does not exist, or has one already."""


def create(session: Session, draft: Draft, *, by: str, now: datetime) -> Article:
    """Add a draft article; it is not public. Raises PublishingRefused."""
    check(draft)
    article = Article(status=DRAFT, created_at=now)
    if draft.slug is None:
        draft = replace(draft, slug=_free_slug(session, slugify(draft.title), draft.language))
    _fill(session, article, draft, now)
    session.add(article)
    session.flush()
    _record(session, article, "created", by, now)
    return article


def revise(session: Session, article: Article, draft: Draft, *, by: str, now: datetime) -> Article:
    """Replace what an article says; its status stays. Raises PublishingRefused.

    Without a slug in the draft the address stays; a new slug leaves a redirect at the old one.
    """
    if draft.language != article.language:
        raise PublishingRefused(
            "language", f"The article is in {article.language!r}; add a translation instead"
        )
    check(draft)
    before = article.slug
    if draft.slug is None:
        draft = replace(draft, slug=before)
    _fill(session, article, draft, now)
    if article.slug != before:
        language = article.language
        destinations.record_move(
            session, article_path(before, language), article_path(article.slug, language)
        )
    session.flush()
    _record(session, article, "revised", by, now)
    return article


def publish(session: Session, article: Article, *, by: str, now: datetime) -> None:
    """Make an article public now; one that is public already keeps its publication time."""
    if not catalogue.is_published(article, now):
        article.publish_at = now
    _set_status(session, article, PUBLISHED, "published", by, now)


def schedule(session: Session, article: Article, at: datetime, *, by: str, now: datetime) -> None:
    """Make an article public at a later time.

    Raises PublishingRefused where that is past, or the article is public and would vanish.
    """
    if catalogue.is_published(article, now):
        raise PublishingRefused("at", "The article is public already; withdraw it first")
    if at <= now:
        raise PublishingRefused("at", "The moment is past; choose a later one, or publish now")
    article.publish_at = at
    _set_status(session, article, PUBLISHED, "scheduled", by, now)


def withdraw(session: Session, article: Article, *, by: str, now: datetime) -> None:
    """Withdraw an article; its address responds 410 Gone."""
    _set_status(session, article, WITHDRAWN, "withdrawn", by, now)


def correct(session: Session, article: Article, text: str, *, by: str, now: datetime) -> Correction:
    """Add a dated public note of what was wrong. Raises PublishingRefused where it is empty."""
    text = text.strip()
    if not text:
        raise PublishingRefused("text", "Say what was wrong and what is right")
    check_text("text", text, MAX_CORRECTION_LENGTH, "correction")
    note = Correction(noted_at=now, text=text)
    article.corrections.append(note)
    article.updated_at = now
    session.flush()
    _record(session, article, "corrected", by, now)
    return note


def _set_status(
    session: Session, article: Article, status: str, what: str, by: str, now: datetime
) -> None:
    article.status = status
    article.updated_at = now
    session.flush()
    _record(session, article, what, by, now)


def _fill(session: Session, article: Article, draft: Draft, now: datetime) -> None:
    _check_slug(session, article, draft)
    # Look everything up first: a refusal must not change the article.
    with session.no_autoflush:
        topics = _topics(session, draft.topics)
        work = _work(session, article, draft)
        issue = _issue(session, draft.issue)
    if work is not None:
        article.work = work
    for name, clean in COLUMNS.items():
        setattr(article, name, clean(getattr(draft, name)))
    article.dateline = draft.dateline
    article.issue = issue
    article.topics = topics
    article.pictures = [
        Picture(position=position, **asdict(picture))
        for position, picture in enumerate(draft.pictures)
    ]
    article.attachments = [
        Attachment(position=position, **asdict(file))
        for position, file in enumerate(draft.attachments)
    ]
    article.updated_at = now


def _check_slug(session: Session, article: Article, draft: Draft) -> None:
    slug = str(draft.slug)
    taken = catalogue.find(session, slug, draft.language)
    if taken is not None and taken is not article:
        raise SlugTaken("slug", f"{slug!r} is the address of {taken.title!r}; choose another")
    # Others may link to an old address: it keeps its redirect.
    target = destinations.find(session, article_path(slug, draft.language), "")
    if target is not None and target != article_path(article.slug, draft.language):
        raise SlugTaken("slug", f"{slug!r} is an old address of {target}; choose another")


def _free_slug(session: Session, wanted: str, language: str) -> str:
    slug, number = wanted, 1
    while (
        catalogue.find(session, slug, language) is not None
        or destinations.find(session, article_path(slug, language), "") is not None
    ):
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _topics(session: Session, slugs: Sequence[str]) -> list[Topic]:
    topics = {topic.slug: topic for topic in session.scalars(select(Topic))}
    for slug in slugs:
        if slug not in topics:
            raise TopicUnknown("topics", f"There is no topic {slug!r}; known: {', '.join(topics)}")
    return [topics[slug] for slug in dict.fromkeys(slugs)]


def _issue(session: Session, issue: tuple[str, int] | None) -> Issue | None:
    if issue is None:
        return None
    series, number = one_line(issue[0]), issue[1]
    if series.casefold() == MAIN_SERIES.casefold():
        series = MAIN_SERIES
    new = Issue(series=series, number=number)
    # By slug: "peru news 65" is the existing "Peru News 65".
    existing = catalogue.find_issue_by_slug(session, new.slug)
    if existing is None:
        session.add(new)
    return existing or new


def _work(session: Session, article: Article, draft: Draft) -> str | None:
    """Return the `work` of the original of a translation, None for any other article."""
    if draft.translation_of is None:
        return None
    other = "es" if draft.language == "en" else "en"
    original = catalogue.find(session, draft.translation_of, other)
    if original is None:
        raise TranslationUnknown(
            "translation of", f"There is no article {draft.translation_of!r} in {other!r}"
        )
    translation = session.scalar(
        select(Article).where(Article.work == original.work, Article.language == draft.language)
    )
    if translation is not None and translation is not article:
        raise TranslationUnknown(
            "translation of", f"{original.title!r} has a translation already: {translation.slug!r}"
        )
    return original.work


def _record(session: Session, article: Article, what: str, by: str, now: datetime) -> None:
    newest = session.scalar(
        select(func.max(Revision.number)).where(Revision.article_id == article.id)
    )
    session.add(
        Revision(
            article_id=article.id,
            number=(newest or 0) + 1,
            what=what,
            saved_at=now,
            saved_by=by,
            snapshot=snapshot(article),
        )
    )
    session.flush()


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
