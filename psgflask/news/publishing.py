"""The only writer of articles: create, revise, schedule, publish, correct, withdraw."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.languages import LANGUAGES, PREFIXES
from psgflask.news import catalogue
from psgflask.news.dateline import Dateline
from psgflask.news.models import (
    DRAFT,
    KINDS,
    NEWS,
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
from psgflask.news.slugs import is_slug, slug_of
from psgflask.redirects import remembering

LONGEST_TITLE = 250
LONGEST_TEASER = 2_000
LONGEST_BODY = 400_000


class PublishingRefused(ValueError):
    """A rule stands against it; `field` names what must change, the message says how."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class SlugTaken(PublishingRefused):
    """Another article of the language has this slug."""


class TopicUnknown(PublishingRefused):
    """No topic has this slug."""


class TranslationUnknown(PublishingRefused):
    """The article that this is said to translate is not there, or is translated already."""


@dataclass(frozen=True)
class PictureDraft:
    """A picture whose file is in the media folder already; sizes in pixels and bytes."""

    file_hash: str
    file_name: str
    media_type: str
    size: int
    width: int
    height: int
    alt: str = ""
    decorative: bool = False
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True)
class AttachmentDraft:
    """A file to download that is in the media folder already; size in bytes."""

    file_hash: str
    file_name: str
    media_type: str
    size: int
    title: str
    language: str


@dataclass(frozen=True)
class Draft:
    """All that a writer decides about an article."""

    title: str
    teaser: str
    body: str
    dateline: Dateline
    language: str = "en"
    kind: str = NEWS
    slug: str | None = None
    issue: tuple[str, int] | None = None
    topics: Sequence[str] = ()
    translation_of: str | None = None
    members_only: bool = False
    byline: str = ""
    source: str = ""
    synthetic: bool = False
    pictures: Sequence[PictureDraft] = field(default=())
    attachments: Sequence[AttachmentDraft] = field(default=())


def create(session: Session, draft: Draft, *, by: str, now: datetime) -> Article:
    """Add a draft article; it is not public. Raises PublishingRefused."""
    article = Article(status=DRAFT, created_at=now)
    if draft.slug is None:
        draft = replace(draft, slug=_free_slug(session, slug_of(draft.title), draft.language))
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
    before = article.slug
    if draft.slug is None:
        draft = replace(draft, slug=before)
    _fill(session, article, draft, now)
    if article.slug != before:
        prefix = f"{PREFIXES[article.language]}/news/"
        remembering.moved(session, prefix + before, prefix + article.slug)
    session.flush()
    _record(session, article, "revised", by, now)
    return article


def publish(session: Session, article: Article, *, by: str, now: datetime) -> None:
    """Make an article public now; one that is public already keeps its first moment."""
    if not catalogue.is_published(article, now):
        article.publish_at = now
    _set_status(session, article, PUBLISHED, "published", by, now)


def schedule(session: Session, article: Article, at: datetime, *, by: str, now: datetime) -> None:
    """Make an article public at a later moment. Raises PublishingRefused when it is past."""
    if at <= now:
        raise PublishingRefused("at", "The moment is past; choose a later one, or publish now")
    article.publish_at = at
    _set_status(session, article, PUBLISHED, "scheduled", by, now)


def withdraw(session: Session, article: Article, *, by: str, now: datetime) -> None:
    """Take an article from the public; its address answers "gone"."""
    _set_status(session, article, WITHDRAWN, "withdrawn", by, now)


def correct(session: Session, article: Article, text: str, *, by: str, now: datetime) -> Correction:
    """Add a dated public note that says what was wrong. Raises PublishingRefused when empty."""
    text = text.strip()
    if not text:
        raise PublishingRefused("text", "Say what was wrong and what is right")
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
    _check(draft)
    _check_slug(session, article, draft)
    # Look everything up first: a refusal must leave the article as it was.
    with session.no_autoflush:
        topics = _topics(session, draft.topics)
        work = _work(session, article, draft)
        issue = _issue(session, draft.issue)
    if work is not None:
        article.work = work
    article.slug = str(draft.slug)
    article.kind, article.language = draft.kind, draft.language
    article.title, article.teaser = draft.title.strip(), draft.teaser.strip()
    article.body = draft.body
    article.dateline = draft.dateline
    article.issue = issue
    article.topics = topics
    article.members_only, article.synthetic = draft.members_only, draft.synthetic
    article.byline, article.source = draft.byline.strip(), draft.source.strip()
    article.pictures = [
        Picture(position=place, **asdict(picture)) for place, picture in enumerate(draft.pictures)
    ]
    article.attachments = [
        Attachment(position=place, **asdict(file)) for place, file in enumerate(draft.attachments)
    ]
    article.updated_at = now


def _check(draft: Draft) -> None:
    if draft.language not in LANGUAGES:
        raise PublishingRefused("language", "Write en or es")
    if draft.kind not in KINDS:
        raise PublishingRefused("kind", f"Write one of {', '.join(KINDS)}")
    for name, text, longest in (
        ("title", draft.title, LONGEST_TITLE),
        ("teaser", draft.teaser, LONGEST_TEASER),
        ("body", draft.body, LONGEST_BODY),
    ):
        if not text.strip():
            raise PublishingRefused(name, f"The {name} is missing")
        if len(text) > longest:
            raise PublishingRefused(
                name, f"The {name} has {len(text)} characters; at most {longest} fit"
            )
        if "\0" in text:
            raise PublishingRefused(name, f"The {name} holds a NUL character; remove it")
    if draft.slug is not None and not is_slug(draft.slug):
        raise PublishingRefused(
            "slug", "A slug is small letters and digits joined by hyphens, and not only digits"
        )


def _check_slug(session: Session, article: Article, draft: Draft) -> None:
    taken = catalogue.find(session, str(draft.slug), draft.language)
    if taken is not None and taken is not article:
        raise SlugTaken("slug", f"{draft.slug!r} is the address of {taken.title!r}; choose another")


def _free_slug(session: Session, wanted: str, language: str) -> str:
    slug, number = wanted, 1
    while catalogue.find(session, slug, language) is not None:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _topics(session: Session, slugs: Sequence[str]) -> list[Topic]:
    found = {topic.slug: topic for topic in session.scalars(select(Topic))}
    for slug in slugs:
        if slug not in found:
            raise TopicUnknown("topics", f"There is no topic {slug!r}; known: {', '.join(found)}")
    return [found[slug] for slug in dict.fromkeys(slugs)]


def _issue(session: Session, named: tuple[str, int] | None) -> Issue | None:
    if named is None:
        return None
    issue = catalogue.find_issue(session, *named)
    if issue is None:
        issue = Issue(series=named[0], number=named[1])
        session.add(issue)
    return issue


def _work(session: Session, article: Article, draft: Draft) -> str | None:
    """Return the `work` to share with the article translated, None to leave it as it is."""
    if draft.translation_of is None:
        return None
    other = "es" if draft.language == "en" else "en"
    original = catalogue.find(session, draft.translation_of, other)
    if original is None:
        raise TranslationUnknown(
            "translation of", f"There is no article {draft.translation_of!r} in {other!r}"
        )
    twin = session.scalar(
        select(Article).where(Article.work == original.work, Article.language == draft.language)
    )
    if twin is not None and twin is not article:
        raise TranslationUnknown(
            "translation of", f"{original.title!r} has a translation already: {twin.slug!r}"
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
    """Return all that an article says as plain values, for its revision."""
    plain = {
        name: getattr(article, name)
        for name in (
            *("kind", "language", "work", "slug", "title", "teaser", "body", "byline", "source"),
            *("members_only", "synthetic", "status", "precision"),
        )
    }
    for name in ("publish_at", "dated_from", "dated_to"):
        moment = getattr(article, name)
        plain[name] = moment.isoformat() if moment else None
    plain["issue"] = article.issue.label if article.issue else None
    plain["topics"] = [topic.slug for topic in article.topics]
    plain["pictures"] = [
        {"file_hash": p.file_hash, "file_name": p.file_name, "alt": p.alt, "caption": p.caption}
        for p in article.pictures
    ]
    plain["attachments"] = [
        {"file_hash": a.file_hash, "file_name": a.file_name, "title": a.title}
        for a in article.attachments
    ]
    plain["corrections"] = [
        {"noted_at": c.noted_at.isoformat(), "text": c.text} for c in article.corrections
    ]
    return plain
