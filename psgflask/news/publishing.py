"""The only writer of articles: create, revise, restore, schedule, publish, correct, withdraw."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import revisions
from psgflask.news import article_revisions, catalogue
from psgflask.news.drafts import (
    COLUMNS,
    MAX_CORRECTION_LENGTH,
    Draft,
    PublishingRefused,
    check,
    check_text,
    one_line,
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
from psgflask.news.topics import present_slug
from psgflask.redirects import destinations

# What a revision says of its save.
REDACTED, WITHDREW = "redacted", "withdrawn"


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
        draft = replace(draft, slug=free_slug(session, slugify(draft.title), draft.language))
    _fill(session, article, draft, now)
    session.add(article)
    session.flush()
    _record(session, article, "created", by, now)
    return article


def check_unchanged(
    session: Session, article: Article, *, version: int | None, revision: int | None = None
) -> None:
    """Check that nobody saved since a version, or else a revision. Raises SavedMeanwhile."""
    revisions.check_unchanged(
        session,
        Revision,
        present=article.version,
        version=version,
        revision=revision,
        article_id=article.id,
    )


def revise(
    session: Session,
    article: Article,
    draft: Draft,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
    revision: int | None = None,
) -> Article:
    """Replace what an article says; its status stays. Raises PublishingRefused.

    Without a slug in the draft the address stays; a new slug leaves a redirect at the old one.
    Raises SavedMeanwhile where somebody saved since the version or revision that is given.
    """
    check_unchanged(session, article, version=version, revision=revision)
    if draft.language != article.language:
        raise PublishingRefused(
            "language", f"The article is in {article.language!r}; add a translation instead"
        )
    if draft.slug is None:
        draft = replace(draft, slug=article.slug)
    _replace(session, article, draft, None, now)
    _record(session, article, "revised", by, now)
    return article


def restore(
    session: Session,
    article: Article,
    number: int,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Article:
    """Make an article say again what one of its revisions has; that is a revision, too.

    Address, topics, pictures, files and translation are those of the revision; status, publication
    time and correction notes stay. Raises RevisionUnknown, SavedMeanwhile, and PublishingRefused
    where a rule forbids it now, such as a translation that another article has become.
    """
    check_unchanged(session, article, version=version)
    values = article_revisions.find(session, article, number).snapshot
    draft = article_revisions.draft_of_snapshot(values)
    topics = tuple(present_slug(session, slug) for slug in draft.topics)
    _replace(session, article, replace(draft, topics=topics), values["work"], now)
    _record(session, article, f"restored {number}", by, now)
    return article


def _replace(
    session: Session, article: Article, draft: Draft, work: str | None, now: datetime
) -> None:
    """Make an article say what a draft says, as a part of a work where one is given."""
    check(draft)
    before, language = article.slug, article.language
    _fill(session, article, draft, now, work)
    if article.slug != before:
        destinations.record_move(
            session, article_path(before, language), article_path(article.slug, language)
        )
    session.flush()


def delete(session: Session, article: Article, *, now: datetime) -> None:
    """Delete an article that was never public, and flush; nothing brings it back.

    Raises PublishingRefused for any other: readers may have its address.
    """
    if article_revisions.was_public(session, article, now):
        raise PublishingRefused("status", "It is or was public: withdraw it instead")
    _delete(session, article)


def delete_sample(session: Session) -> int:
    """Delete the articles of the sample content, public or not, and return how many; flush.

    What somebody has edited stays.
    """
    articles = session.scalars(select(Article).where(article_revisions.is_sample())).all()
    for article in articles:
        _delete(session, article)
    return len(articles)


def _delete(session: Session, article: Article) -> None:
    destinations.delete_to(session, article_path(article.slug, article.language))
    session.delete(article)
    session.flush()


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
    _set_status(session, article, WITHDRAWN, WITHDREW, by, now)


def correct(session: Session, article: Article, text: str, *, by: str, now: datetime) -> Correction:
    """Add a dated public note of what was wrong. Raises PublishingRefused where it is empty."""
    note = Correction(noted_at=now, text=_note_text(text))
    article.corrections.append(note)
    _note_changed(session, article, "corrected", by, now)
    return note


def amend_correction(
    session: Session, article: Article, number: int, text: str, *, by: str, now: datetime
) -> None:
    """Replace the text of a note, counted from 1; its date stays, and revisions have both.

    Raises PublishingRefused where there is no such note, or the text is empty.
    """
    note, text = _note(article, number), _note_text(text)
    note.text = text
    _note_changed(session, article, "note amended", by, now)


def remove_correction(
    session: Session, article: Article, number: int, *, by: str, now: datetime
) -> None:
    """Take a note back, counted from 1; earlier revisions have it. Raises PublishingRefused."""
    article.corrections.remove(_note(article, number))
    _note_changed(session, article, "note removed", by, now)


def record_redaction(session: Session, article: Article, *, by: str, now: datetime) -> None:
    """Record that an article was redacted (`redaction`), and flush."""
    _note_changed(session, article, REDACTED, by, now)


def _note(article: Article, number: int) -> Correction:
    if not 1 <= number <= len(article.corrections):
        raise PublishingRefused(
            "note", f"There is no note {number}: the article has {len(article.corrections)}"
        )
    return article.corrections[number - 1]


def _note_text(text: str) -> str:
    text = text.strip()
    if not text:
        raise PublishingRefused("text", "Say what was wrong and what is right")
    check_text("text", text, MAX_CORRECTION_LENGTH, "correction")
    return text


def _note_changed(session: Session, article: Article, what: str, by: str, now: datetime) -> None:
    article.updated_at = now
    session.flush()
    _record(session, article, what, by, now)


def _set_status(
    session: Session, article: Article, status: str, what: str, by: str, now: datetime
) -> None:
    article.status = status
    article.updated_at = now
    session.flush()
    _record(session, article, what, by, now)


def _fill(
    session: Session, article: Article, draft: Draft, now: datetime, work: str | None = None
) -> None:
    _check_slug(session, article, draft)
    # Look everything up first: a refusal must not change the article.
    with session.no_autoflush:
        topics = _topics(session, draft.topics)
        if work is None:
            work = _work(session, article, draft)
        else:
            _check_work(session, article, work, draft.language)
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


def free_slug(session: Session, wanted: str, language: str) -> str:
    """Return a slug that no article and no old address has, as near to the wanted one as can be."""
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
    _check_work(session, article, original.work, draft.language)
    return original.work


def _check_work(session: Session, article: Article, work: str, language: str) -> None:
    """Check that no other article is the part of a work in a language."""
    translation = session.scalar(
        select(Article).where(Article.work == work, Article.language == language)
    )
    if translation is not None and translation is not article:
        raise TranslationUnknown(
            "translation of", f"The original has a translation already: {translation.slug!r}"
        )


def _record(session: Session, article: Article, what: str, by: str, now: datetime) -> None:
    revisions.record(
        session,
        Revision,
        what=what,
        by=by,
        now=now,
        snapshot=article_revisions.snapshot(article),
        article_id=article.id,
    )
