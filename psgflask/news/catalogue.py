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


def _shared_alias(name: str) -> type[Article]:
    """Return an alias of articles that threads can share.

    SQLAlchemy resolves an alias's attribute at its first use. Two threads that use one first at
    the same time can get the column of the table itself, and the condition means another article.
    """
    alias = aliased(Article, name=name)
    for attribute in Article.__mapper__.column_attrs:
        getattr(alias, attribute.key).__clause_element__()
    return alias


# Built once: building an alias costs more than the rest of a statement.
_OTHER = _shared_alias("other")
_VERSION = _shared_alias("version")

# Loaded with the articles of a list.
WITH_LABELS = (selectinload(Article.topics), selectinload(Article.issue))
# Publications and events have lists of their own.
NEWS_KINDS = (NEWS, UPDATE)
ALL_KINDS = (NEWS, UPDATE, PUBLICATION, EVENT)


@dataclass(frozen=True)
class Viewer:
    """Who reads: a member or not."""

    member: bool = False


ANYBODY = Viewer()


@dataclass(frozen=True)
class Scope:
    """Which articles a list has: by the interface's language, time, kinds and topic."""

    language: str
    now: datetime
    kinds: tuple[str, ...] = NEWS_KINDS
    topic_id: int | None = None


def published(
    now: datetime | BindParameter[datetime | None], of: type[Article] = Article
) -> ColumnElement[bool]:
    """Return the condition that an article is public at a time."""
    return and_(of.status == PUBLISHED, of.publish_at <= now)


def is_published(article: Article, now: datetime) -> bool:
    """Say whether a loaded article is public: the same rule as `published`."""
    return (
        article.status == PUBLISHED and article.publish_at is not None and article.publish_at <= now
    )


def is_gone(article: Article, now: datetime) -> bool:
    """Say whether an article was public once and has been withdrawn."""
    was_public = article.publish_at is not None and article.publish_at <= now
    return article.status == WITHDRAWN and was_public


class Readable(Protocol):
    """An article, or its document in search."""

    @property
    def members_only(self) -> bool: ...


def may_read_body(article: Readable, viewer: Viewer) -> bool:
    """Say whether a viewer may read more than title and teaser."""
    return viewer.member or not article.members_only


def next_due(session: Session, now: datetime) -> datetime | None:
    """Return when the next scheduled article comes out, None where none is scheduled."""
    return session.scalar(
        select(func.min(Article.publish_at)).where(
            Article.status == PUBLISHED, Article.publish_at > now
        )
    )


def due(session: Session, after: datetime, until: datetime | None = None) -> Sequence[int]:
    """Return the ids of the articles whose publication time is after one time, until another."""
    ids = select(Article.id).where(Article.status == PUBLISHED, Article.publish_at > after)
    return session.scalars(ids if until is None else ids.where(Article.publish_at <= until)).all()


def was_public(now: datetime, of: type[Article] = Article) -> ColumnElement[bool]:
    """Return the condition that an article is public, or was until it was withdrawn."""
    return and_(of.status.in_((PUBLISHED, WITHDRAWN)), of.publish_at <= now)


def _shown_in(language: str, now: datetime) -> ColumnElement[bool]:
    """Of a translated pair a list has only the one in the interface's language."""
    has_own_version = exists().where(
        _OTHER.work == Article.work,
        _OTHER.language == language,
        published(now, _OTHER),
    )
    return or_(Article.language == language, ~has_own_version)


def conditions(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that an article is in a list of a scope."""
    return [
        published(scope.now),
        _shown_in(scope.language, scope.now),
        *_subject_conditions(scope),
    ]


def _subject_conditions(
    scope: Scope, public: Callable[[datetime, type[Article]], ColumnElement[bool]] = published
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if set(scope.kinds) != set(ALL_KINDS):
        found.append(Article.kind.in_(scope.kinds))
    if scope.topic_id is not None:
        found.append(_about(scope.topic_id, public(scope.now, _VERSION)))
    return found


def _about(topic_id: int, public: ColumnElement[bool]) -> ColumnElement[bool]:
    """The topics of one translation are those of the other too, whichever a list shows."""
    # EXISTS, not IN: SQLite walks the list's index, and stops at the end of the page.
    return exists().where(
        _VERSION.work == Article.work,
        public,
        article_topics.c.article_id == _VERSION.id,
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
    session: Session, scope: Scope, within: Iterable[ColumnElement[bool]], article_id: int
) -> tuple[date, bool] | None:
    """Return an article's order date, and whether it has a position in a list in either language.

    A withdrawn article keeps its position. None where no article of this id is or was public.
    """
    is_listed = and_(true(), *_subject_conditions(scope, was_public), *within)
    row = session.execute(
        select(Article.order_date, is_listed).where(Article.id == article_id, was_public(scope.now))
    ).one_or_none()
    return None if row is None else (row[0], bool(row[1]))


def issue_was_public(session: Session, issue: Issue, now: datetime) -> bool:
    """Say whether an issue is or was public, as is one that all its articles have left."""
    article = exists().where(Article.issue_id == issue.id)
    return bool(session.scalar(select(or_(~article, article.where(was_public(now))))))


def on_either_side(
    scope: Scope, article: Article, size: int
) -> tuple[Select[Article], Select[Article]]:
    """Return the `size` articles of a scope before an article and those after, nearest first."""
    position, own = tuple_(Article.order_date, Article.id), (article.order_date, article.id)
    beside = select(Article).where(*conditions(scope)).limit(size)
    return (
        beside.where(position < own).order_by(Article.order_date.desc(), Article.id.desc()),
        beside.where(position > own).order_by(Article.order_date, Article.id),
    )


def dated_within(first: date, last: date) -> ColumnElement[bool]:
    """Return the condition that the dateline overlaps these days."""
    return and_(Article.dated_from <= last, Article.dated_to >= first)


def undated() -> ColumnElement[bool]:
    """Return the condition that an article has no date."""
    return Article.precision == UNDATED


def find(session: Session, slug: str, language: str) -> Article | None:
    """Return the article at an address, whatever its status."""
    return session.scalar(select(Article).where(Article.slug == slug, Article.language == language))


def translation(session: Session, article: Article, now: datetime) -> Article | None:
    """Return the published translation of an article."""
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
    """Return (article id, topic id) of the topics of articles and of their translations."""
    version = aliased(Article)  # not the one above: the conditions of a topic use it
    return (
        select(Article.id, article_topics.c.topic_id)
        .join(version, version.work == Article.work)
        .join(article_topics, article_topics.c.article_id == version.id)
        .where(published(now, version))
    )


def find_topic(session: Session, slug: str) -> Topic | None:
    """Return the topic with a slug."""
    return session.scalar(select(Topic).where(Topic.slug == slug))


def find_issue_by_slug(session: Session, slug: str) -> Issue | None:
    """Return the issue with a slug, such as 134 or peru-news-65."""
    number = slug.rpartition("-")[2]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    candidates = session.scalars(select(Issue).where(Issue.number == int(number)))
    return next((issue for issue in candidates if issue.slug == slug), None)


def feed(scope: Scope) -> Select[Article]:
    """Return the articles of a feed in the scope's language, newest publication first."""
    return (
        select(Article)
        .where(*conditions(scope), Article.language == scope.language)
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
