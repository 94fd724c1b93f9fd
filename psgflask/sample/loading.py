"""Loads the sample content into the database."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.news import catalogue, publishing, topics
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import Draft
from psgflask.news.models import EVENT, SAMPLE, Article, Topic
from psgflask.pages import appeals, standing_pages
from psgflask.pages.models import Appeal, Page
from psgflask.sample import content
from psgflask.sample.content import TopicEntry

PUBLISHED_AT = time(9, tzinfo=UTC)
UNDATED_AT = datetime(2005, 1, 1, 9, tzinfo=UTC)
EVENTS_ANNOUNCED = timedelta(days=30)


def is_wanted(session: Session) -> bool:
    """Say whether an installation is new: it has no article, and none of the sample's pages.

    These stay when the sample content is removed, so that it does not come back by itself.
    """
    pages = {path.stem for path in content.PAGES.glob("*/*.md")}
    has_articles = session.scalar(select(Article.id).limit(1)) is not None
    has_pages = session.scalar(select(Page.id).where(Page.slug.in_(pages)).limit(1)) is not None
    return not (has_articles or has_pages)


def load_content(session: Session, *, now: datetime) -> int:
    """Add what is missing of the sample content; return how many things were added.

    What is there already stays as it is. Flushes, never commits.
    """
    add_topics(session, content.topics())
    pages = standing_pages.add_missing(session, content.PAGES)
    articles = [draft for file in content.articles() if _is_missing(session, draft := file.draft)]
    for draft in articles:
        published = published_at(draft.dateline, draft.kind, now)
        article = publishing.create(session, draft, by=SAMPLE, now=published)
        publishing.publish(session, article, by=SAMPLE, now=published)
    return len(pages) + len(articles) + _add_appeals(session, now)


def published_at(dateline: Dateline, kind: str, now: datetime) -> datetime:
    """Return when an article of this date came out: feeds follow it, and it is never to come."""
    if dateline.first is None or dateline.last is None:
        return min(UNDATED_AT, now)
    morning = datetime.combine(dateline.last, PUBLISHED_AT)
    return min(morning - EVENTS_ANNOUNCED if kind == EVENT else morning, now)


def add_topics(session: Session, entries: Iterable[TopicEntry]) -> None:
    """Add the topics that are not there yet; names that volunteers changed stay."""
    there = set(session.scalars(select(Topic.slug)))
    for entry in entries:
        if entry.slug not in there:
            topics.add(
                session,
                entry.slug,
                kind=entry.kind,
                name_en=entry.english,
                name_es=entry.spanish,
            )


def _is_missing(session: Session, draft: Draft) -> bool:
    return catalogue.find(session, str(draft.slug), draft.language) is None


def _add_appeals(session: Session, now: datetime) -> int:
    there = set(session.scalars(select(Appeal.language)))
    missing = [appeal for appeal in content.appeals() if appeal.language not in there]
    for appeal in missing:
        appeals.set_appeal(session, appeal, by=SAMPLE, now=now)
    return len(missing)
