"""What may be seen, and in what order: the one home of "published"."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session, aliased, selectinload, undefer

from psgflask.news.dateline import UNDATED
from psgflask.news.models import (
    EVENT,
    NEWS,
    PUBLICATION,
    PUBLISHED,
    UPDATE,
    WITHDRAWN,
    Article,
    Issue,
    Topic,
    article_topics,
)

# Made once: an alias that is made for each statement costs more than the rest of building it.
_TWIN, _TELLER = aliased(Article, name="twin"), aliased(Article, name="teller")

# What a list shows below a teaser.
WITH_LABELS = (selectinload(Article.topics), selectinload(Article.issue))
# Publications and events have lists of their own.
NEWS_KINDS = (NEWS, UPDATE)
ALL_KINDS = (NEWS, UPDATE, PUBLICATION, EVENT)


@dataclass(frozen=True)
class Viewer:
    """Who is looking, as far as the catalogue must know."""

    member: bool = False


ANYBODY = Viewer()


@dataclass(frozen=True)
class Scope:
    """Which articles a list draws from: the interface's language, kinds, moment and topic."""

    language: str
    now: datetime
    kinds: tuple[str, ...] = NEWS_KINDS
    topic_id: int | None = None


def published(
    now: datetime | BindParameter[datetime | None], of: type[Article] = Article
) -> ColumnElement[bool]:
    """Return the condition that an article may be seen by everybody at this moment."""
    return and_(of.status == PUBLISHED, of.publish_at <= now)


def is_published(article: Article, now: datetime) -> bool:
    """Say the same as `published` of an article in memory."""
    return (
        article.status == PUBLISHED and article.publish_at is not None and article.publish_at <= now
    )


def is_gone(article: Article, now: datetime) -> bool:
    """Say whether an article was public once and has been withdrawn."""
    was_due = article.publish_at is not None and article.publish_at <= now
    return article.status == WITHDRAWN and was_due


class Readable(Protocol):
    """Whatever says of an article who may read it."""

    @property
    def members_only(self) -> bool: ...


def may_read_body(article: Readable, viewer: Viewer) -> bool:
    """Say whether this viewer may read more than title and teaser."""
    return viewer.member or not article.members_only


def next_due(session: Session, now: datetime) -> datetime | None:
    """Return when the next scheduled article becomes visible, None when none is waiting."""
    return session.scalar(
        select(func.min(Article.publish_at)).where(
            Article.status == PUBLISHED, Article.publish_at > now
        )
    )


def due_later(session: Session, now: datetime) -> Sequence[int]:
    """Return the ids of the articles whose time is still to come."""
    return session.scalars(
        select(Article.id).where(Article.status == PUBLISHED, Article.publish_at > now)
    ).all()


def due_between(session: Session, after: datetime, until: datetime) -> Sequence[int]:
    """Return the ids of the articles whose time came after one moment and until another."""
    return session.scalars(
        select(Article.id).where(
            Article.status == PUBLISHED, Article.publish_at > after, Article.publish_at <= until
        )
    ).all()


def was_public(now: datetime, of: type[Article] = Article) -> ColumnElement[bool]:
    """Return the condition that an article may be seen by everybody, or was until withdrawn."""
    return and_(of.status.in_((PUBLISHED, WITHDRAWN)), of.publish_at <= now)


def _shown_in(language: str, now: datetime) -> ColumnElement[bool]:
    """Of a translated pair only the interface's language appears in a list."""
    has_twin = exists().where(
        _TWIN.work == Article.work, _TWIN.language == language, published(now, _TWIN)
    )
    return or_(Article.language == language, ~has_twin)


def conditions(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that an article stands in a list of a scope."""
    return [
        published(scope.now),
        _shown_in(scope.language, scope.now),
        *_subject_conditions(scope),
    ]


def _subject_conditions(
    scope: Scope, public: Callable[[datetime, type[Article]], ColumnElement[bool]] = published
) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if set(scope.kinds) != set(ALL_KINDS):
        chosen.append(Article.kind.in_(scope.kinds))
    if scope.topic_id is not None:
        chosen.append(_about(scope.topic_id, public(scope.now, _TELLER)))
    return chosen


def _about(topic_id: int, public: ColumnElement[bool]) -> ColumnElement[bool]:
    """What one translation is about, the other is too, whichever of them a list shows."""
    # EXISTS, not IN: the list's own index is walked, and the walk ends with the page.
    return exists().where(
        _TELLER.work == Article.work,
        public,
        article_topics.c.article_id == _TELLER.id,
        article_topics.c.topic_id == topic_id,
    )


def listing(scope: Scope) -> Select[Article]:
    """Return the articles of a scope, newest dateline first, undated last."""
    return (
        select(Article)
        .where(*conditions(scope))
        .order_by(Article.order_date.desc(), Article.id.desc())
        .options(*WITH_LABELS)
    )


def position_of(
    session: Session, scope: Scope, within: Iterable[ColumnElement[bool]], number: int
) -> tuple[date, bool] | None:
    """Return the day that orders an article, and whether a list has its place in either language.

    What was withdrawn keeps its place. None where no article of this id is or was public.
    """
    stands = and_(true(), *_subject_conditions(scope, was_public), *within)
    found = session.execute(
        select(Article.order_date, stands).where(Article.id == number, was_public(scope.now))
    ).one_or_none()
    return None if found is None else (found[0], bool(found[1]))


def was_seen(session: Session, issue: Issue, now: datetime) -> bool:
    """Say whether an issue is or was seen; one that all articles have left counts as seen."""
    of_it = exists().where(Article.issue_id == issue.id)
    return bool(session.scalar(select(or_(~of_it, of_it.where(was_public(now))))))


def on_either_side(
    scope: Scope, article: Article, size: int
) -> tuple[Select[Article], Select[Article]]:
    """Return the `size` articles of a scope before this one and those after, nearest first."""
    place, here = tuple_(Article.order_date, Article.id), (article.order_date, article.id)
    beside = select(Article).where(*conditions(scope)).limit(size)
    return (
        beside.where(place < here).order_by(Article.order_date.desc(), Article.id.desc()),
        beside.where(place > here).order_by(Article.order_date, Article.id),
    )


def dated_within(first: date, last: date) -> ColumnElement[bool]:
    """Return the condition that the dateline touches these days; a range touches each month."""
    return and_(Article.dated_from <= last, Article.dated_to >= first)


def undated() -> ColumnElement[bool]:
    """Return the condition that an article has no date."""
    return Article.precision == UNDATED


def find(session: Session, slug: str, language: str) -> Article | None:
    """Return the article at an address, whatever its status."""
    return session.scalar(select(Article).where(Article.slug == slug, Article.language == language))


def translation(session: Session, article: Article, now: datetime) -> Article | None:
    """Return the published article that says the same in the other language."""
    return session.scalar(
        select(Article).where(
            Article.work == article.work, Article.id != article.id, published(now)
        )
    )


def neighbours(
    session: Session, article: Article, scope: Scope
) -> tuple[Article | None, Article | None]:
    """Return the next earlier and the next later article of a scope."""
    earlier, later = on_either_side(scope, article, 1)
    return session.scalar(earlier), session.scalar(later)


def subjects(now: datetime) -> Select[int, int]:
    """Return (article id, topic id) of what articles and their translations are about."""
    teller = aliased(Article)  # not the one above: that stands inside the conditions of a topic
    return (
        select(Article.id, article_topics.c.topic_id)
        .join(teller, teller.work == Article.work)
        .join(article_topics, article_topics.c.article_id == teller.id)
        .where(published(now, teller))
    )


def find_topic(session: Session, slug: str) -> Topic | None:
    """Return the topic of a slug."""
    return session.scalar(select(Topic).where(Topic.slug == slug))


def find_issue_by_slug(session: Session, slug: str) -> Issue | None:
    """Return an issue by the end of its address."""
    number = slug.rpartition("-")[2]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    candidates = session.scalars(select(Issue).where(Issue.number == int(number)))
    return next((issue for issue in candidates if issue.slug == slug), None)


def feed(scope: Scope, *, own_language: bool = True) -> Select[Article]:
    """Return the articles of a feed, newest publication first."""
    chosen = conditions(scope)
    if own_language:
        chosen.append(Article.language == scope.language)
    return (
        select(Article)
        .where(*chosen)
        .order_by(Article.publish_at.desc(), Article.id.desc())
        .options(selectinload(Article.topics), undefer(Article.body))
    )


def upcoming(scope: Scope, today: date) -> Select[Article]:
    """Return the events that have not ended, the next first."""
    return (
        listing(scope)
        .where(Article.dated_to >= today)
        .order_by(None)
        .order_by(Article.dated_from, Article.id)
    )


def is_past(today: date) -> ColumnElement[bool]:
    """Return the condition that an event has ended or has no date."""
    return or_(Article.dated_to < today, undated())
