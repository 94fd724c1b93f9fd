"""The only writer of topics: add, rename, remove."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.slugs import MAX_SLUG_LENGTH
from psgflask.news import article_revisions, catalogue
from psgflask.news.drafts import PublishingRefused, check_text, one_line
from psgflask.news.models import TOPIC_KINDS, Topic, article_topics
from psgflask.news.slugs import is_slug, topic_paths
from psgflask.redirects import destinations

MAX_NAME_LENGTH = 120


def add(session: Session, slug: str, *, kind: str, name_en: str, name_es: str) -> Topic:
    """Add a topic and flush. Raises PublishingRefused."""
    _check_slug(session, slug, "")
    topic = Topic(slug=slug)
    _fill(topic, kind, name_en, name_es)
    session.add(topic)
    session.flush()
    return topic


def rename(
    session: Session,
    topic: Topic,
    *,
    kind: str | None = None,
    name_en: str | None = None,
    name_es: str | None = None,
    slug: str | None = None,
) -> None:
    """Change what is given and flush; a new slug leaves a redirect. Raises PublishingRefused."""
    before = topic.slug
    if slug is not None and slug != before:
        _check_slug(session, slug, before)
    _fill(
        topic,
        topic.kind if kind is None else kind,
        topic.name_en if name_en is None else name_en,
        topic.name_es if name_es is None else name_es,
    )
    if slug is not None and slug != before:
        topic.slug = slug
        for old, new in zip(topic_paths(before), topic_paths(slug), strict=True):
            destinations.record_move(session, old, new)
    session.flush()


def present_slug(session: Session, slug: str) -> str:
    """Return the slug that a topic has now, by one that it had once; an unknown slug as it is."""
    if catalogue.find_topic(session, slug) is None:
        moved = destinations.find(session, _path(slug), "")
        slug = moved.rpartition("/")[2] if moved else slug
    return slug


def remove(session: Session, topic: Topic) -> None:
    """Remove a topic that no article has or had and flush. Raises PublishingRefused."""
    number = session.scalar(select(func.count()).where(article_topics.c.topic_id == topic.id))
    if number:
        raise PublishingRefused(
            "slug", f"{number} articles have the topic {topic.slug!r}; edit them first"
        )
    former = destinations.find_sources(session, _path(topic.slug))
    if article_revisions.names_topic(
        session, {topic.slug, *(path.rpartition("/")[2] for path in former)}
    ):
        raise PublishingRefused(
            "slug",
            f"Earlier revisions of articles have the topic {topic.slug!r}, and could not be"
            " restored without it. It may stay: readers see only topics that articles have",
        )
    session.delete(topic)
    session.flush()


def _path(slug: str) -> str:
    return next(topic_paths(slug))


def _check_slug(session: Session, slug: str, before: str) -> None:
    if not is_slug(slug) or len(slug) > MAX_SLUG_LENGTH:
        raise PublishingRefused(
            "slug", "A topic's slug is small letters and digits joined by hyphens, as in la-oroya"
        )
    if catalogue.find_topic(session, slug) is not None:
        raise PublishingRefused("slug", f"There is a topic {slug!r} already")
    # Revisions and readers know a topic by its old slug, too.
    if (owner := present_slug(session, slug)) not in (slug, before):
        raise PublishingRefused("slug", f"{slug!r} is an old slug of {owner!r}; choose another")


def _fill(topic: Topic, kind: str, name_en: str, name_es: str) -> None:
    """Set a topic's kind and names; a refusal changes nothing."""
    if kind not in TOPIC_KINDS:
        raise PublishingRefused("kind", f"Write one of {', '.join(TOPIC_KINDS)}")
    names = one_line(name_en), one_line(name_es)
    for field, language, name in (("en", "English", names[0]), ("es", "Spanish", names[1])):
        if not name:
            raise PublishingRefused(field, f"The {language} name is missing")
        check_text(field, name, MAX_NAME_LENGTH, f"{language} name")
    topic.kind = kind
    topic.name_en, topic.name_es = names
