"""Removes the sample content; what somebody has edited since stays."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from psgflask.news import article_revisions, catalogue, publishing, topics
from psgflask.news.drafts import PublishingRefused
from psgflask.news.models import SAMPLE, Article
from psgflask.pages.appeals import AppealText
from psgflask.pages.models import Appeal, AppealRevision
from psgflask.sample import content


class SampleContent(NamedTuple):
    """What is there of the sample content; topics are counted when they are removed."""

    articles: list[Article]
    appeals: list[Appeal]
    edited_articles: list[Article]
    edited_appeals: list[Appeal]


class Removed(NamedTuple):
    """How much was removed."""

    articles: int
    appeals: int
    topics: int


def find(session: Session) -> SampleContent:
    """Return what is there of the sample content, and what of it somebody has edited."""
    is_sample = article_revisions.is_sample()
    edited = article_revisions.created_by_sample(), not_(is_sample)
    in_order = select(Article).order_by(Article.order_date.desc(), Article.id.desc())
    appeals = list(session.scalars(select(Appeal).order_by(Appeal.id)))
    as_written = list(_as_written(appeals))
    begun = select(AppealRevision.appeal_id).where(
        AppealRevision.number == 1, AppealRevision.saved_by == SAMPLE
    )
    of_sample = set(session.scalars(begun))
    return SampleContent(
        articles=list(session.scalars(in_order.where(is_sample))),
        appeals=as_written,
        edited_articles=list(session.scalars(in_order.where(*edited))),
        edited_appeals=[
            appeal for appeal in appeals if appeal.id in of_sample and appeal not in as_written
        ],
    )


def remove(session: Session) -> Removed:
    """Remove the sample content, with the topics that nothing else has; flush, never commit.

    The standing pages stay: they are the PSG's own. So does what somebody has edited.
    """
    appeals = find(session).appeals
    for appeal in appeals:
        session.delete(appeal)
    session.flush()
    articles = publishing.delete_sample(session)
    session.flush()
    return Removed(articles, len(appeals), _remove_topics(session))


def _as_written(appeals: list[Appeal]) -> Iterator[Appeal]:
    """Yield the appeals that say what the sample content says.

    By their text: those of older installations have no revisions.
    """
    written = {text.language: text for text in content.appeals()}
    for appeal in appeals:
        if appeal.language in written and _says(appeal, written[appeal.language]):
            yield appeal


def _says(appeal: Appeal, text: AppealText) -> bool:
    return (
        (appeal.title, appeal.text, appeal.link, appeal.outcome)
        == (text.title, text.text, text.link, text.outcome)
        and (appeal.target, appeal.total) == (text.target, text.total)
        and appeal.ends_on == text.ends_on
    )


def _remove_topics(session: Session) -> int:
    """Remove the sample's topics, as they were named, that no article has or had."""
    removed = 0
    for entry in content.topics():
        topic = catalogue.find_topic(session, entry.slug)
        named = (entry.kind, entry.english, entry.spanish)
        if topic is None or (topic.kind, topic.name_en, topic.name_es) != named:
            continue
        try:
            topics.remove(session, topic)
        except PublishingRefused:
            continue
        removed += 1
    return removed
