"""The tables of the news: articles, their revisions, issues, topics, pictures, attachments."""

import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from psgflask.core.clock import utc_now
from psgflask.core.database import Model
from psgflask.core.language_names import LANGUAGES
from psgflask.core.revisions import RevisionColumns
from psgflask.news.dateline import PRECISIONS, Dateline

NEWS, UPDATE, PUBLICATION, EVENT = "news", "update", "publication", "event"
KINDS = (NEWS, UPDATE, PUBLICATION, EVENT)
DRAFT, PUBLISHED, WITHDRAWN = "draft", "published", "withdrawn"
STATUSES = (DRAFT, PUBLISHED, WITHDRAWN)
THEME, PLACE, ORGANISATION = "theme", "place", "organisation"
TOPIC_KINDS = (THEME, PLACE, ORGANISATION)

MAIN_SERIES = "Update"
# Who saves what `flask sample add` adds; `flask sample remove` knows it by this.
SAMPLE = "sample content"


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    quoted = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({quoted})", name=column)


article_topics = Table(
    "article_topics",
    Model.metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("topic_id", ForeignKey("topics.id"), primary_key=True, index=True),
)


class Issue(Model):
    """A numbered issue of a series, such as Update 134."""

    __tablename__ = "issues"
    __table_args__ = (UniqueConstraint("series", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(80))
    number: Mapped[int]

    @property
    def label(self) -> str:
        """Its name for readers: "Update 134"."""
        return f"{self.series} {self.number}"

    @property
    def slug(self) -> str:
        """The end of its address: "134" for the Updates, "peru-news-65" for others."""
        if self.series == MAIN_SERIES:
            return str(self.number)
        return f"{'-'.join(self.series.casefold().split())}-{self.number}"


class Topic(Model):
    """A topic of articles, a theme, place or organisation, named in both languages."""

    __tablename__ = "topics"
    __table_args__ = (_one_of("kind", TOPIC_KINDS),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(20), default=THEME)
    name_en: Mapped[str] = mapped_column(String(120))
    name_es: Mapped[str] = mapped_column(String(120))

    def name(self, language: str) -> str:
        """Return the topic's name in a language."""
        return self.name_es if language == "es" else self.name_en


class Article(Model):
    """One dated piece of writing in one language.

    Articles with the same `work` are translations of each other. `order_date` (the last day of
    the dateline) and `id` order every list; it is public from `publish_at` on.
    """

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("language", "slug"),
        UniqueConstraint("work", "language"),
        Index("ix_articles_order", "order_date", "id"),
        Index("ix_articles_publish_at", "publish_at"),
        _one_of("kind", KINDS),
        _one_of("language", LANGUAGES),
        _one_of("status", STATUSES),
        _one_of("precision", PRECISIONS),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(2))
    work: Mapped[str] = mapped_column(String(32), default=lambda: uuid.uuid4().hex)
    slug: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(250))
    teaser: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, deferred=True)
    byline: Mapped[str] = mapped_column(String(200), default="")
    source: Mapped[str] = mapped_column(String(300), default="")
    members_only: Mapped[bool] = mapped_column(default=False)
    synthetic: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(20), default=DRAFT)
    publish_at: Mapped[datetime | None]
    precision: Mapped[str] = mapped_column(String(20))
    dated_from: Mapped[date | None]
    dated_to: Mapped[date | None]
    order_date: Mapped[date]
    issue_id: Mapped[int | None] = mapped_column(ForeignKey("issues.id"), index=True)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    issue: Mapped[Issue | None] = relationship()
    topics: Mapped[list[Topic]] = relationship(secondary=article_topics, order_by=Topic.name_en)
    pictures: Mapped[list["Picture"]] = relationship(
        cascade="all, delete-orphan", order_by="Picture.position"
    )
    attachments: Mapped[list["Attachment"]] = relationship(
        cascade="all, delete-orphan", order_by="Attachment.position"
    )
    corrections: Mapped[list["Correction"]] = relationship(
        cascade="all, delete-orphan", order_by="Correction.noted_at"
    )
    revisions: Mapped[list["Revision"]] = relationship(
        cascade="all, delete-orphan", order_by="Revision.number"
    )

    # Optimistic locking: the second of two writers gets an error and overwrites nothing.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict

    @property
    def changed_at(self) -> datetime:
        """When it last changed for readers: not before it came out."""
        return max(self.updated_at, self.publish_at or self.updated_at)

    @property
    def dateline(self) -> Dateline:
        """Its date, as one value."""
        return Dateline(self.precision, self.dated_from, self.dated_to)

    @dateline.setter
    def dateline(self, value: Dateline) -> None:
        self.precision = value.precision
        self.dated_from, self.dated_to = value.first, value.last
        self.order_date = value.order_date


class Revision(RevisionColumns, Model):
    """An article as one save left it, and who saved it."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("article_id", "number"),)

    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))


class Correction(Model):
    """A dated public note of what was wrong."""

    __tablename__ = "corrections"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(
        ForeignKey("articles.id", ondelete="CASCADE"), index=True
    )
    noted_at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)


class FileOfArticle:
    """The columns of pictures and attachments: a file in instance/media, named by its hash."""

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(
        ForeignKey("articles.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(default=0)
    file_hash: Mapped[str] = mapped_column(String(64), index=True)
    file_name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int]


class Picture(FileOfArticle, Model):
    """A picture of an article."""

    __tablename__ = "pictures"

    media_type: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    alt: Mapped[str] = mapped_column(String(500), default="")
    decorative: Mapped[bool] = mapped_column(default=False)
    caption: Mapped[str] = mapped_column(String(500), default="")
    credit: Mapped[str] = mapped_column(String(200), default="")


class Attachment(FileOfArticle, Model):
    """A file to download with an article, such as a report as PDF."""

    __tablename__ = "attachments"

    media_type: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(250))
    language: Mapped[str] = mapped_column(String(2))

    read: Mapped["FileText | None"] = relationship(
        primaryjoin="foreign(Attachment.file_hash) == FileText.file_hash", viewonly=True
    )


class FileText(Model):
    """The text of a stored file, whichever articles have it; `problem` if it has none."""

    __tablename__ = "file_texts"

    file_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text, deferred=True)
    problem: Mapped[str] = mapped_column(String(200), default="")
