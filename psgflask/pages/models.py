"""The tables of standing pages and appeals, and of their revisions."""

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.database import Model
from psgflask.core.revisions import RevisionColumns

PSG, PERU, SITE = "psg", "peru", "site"
SECTIONS = (PSG, PERU, SITE)
DRAFT, PUBLISHED, WITHDRAWN = "draft", "published", "withdrawn"
MAX_TITLE_LENGTH, MAX_LINK_LENGTH = 250, 500
_IS_STATUS = "status IN ('draft', 'published', 'withdrawn')"


class Page(Model):
    """A standing page; pages with the same slug are translations of each other."""

    __tablename__ = "pages"
    __table_args__ = (
        UniqueConstraint("slug", "language"),
        CheckConstraint("section IN ('psg', 'peru', 'site')", name="section"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
        CheckConstraint(_IS_STATUS, name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2))
    section: Mapped[str] = mapped_column(String(20))
    position: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(MAX_TITLE_LENGTH))
    teaser: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default=PUBLISHED)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict


class PageRevision(RevisionColumns, Model):
    """A page as one save left it, and who saved it."""

    __tablename__ = "page_revisions"
    __table_args__ = (UniqueConstraint("page_id", "number"),)

    page_id: Mapped[int] = mapped_column(ForeignKey("pages.id", ondelete="CASCADE"))


class Appeal(Model):
    """An appeal for money in one language; without target and total it shows no progress.

    Those that run at the same time are one appeal: they have one target and one total.
    """

    __tablename__ = "appeals"
    __table_args__ = (
        CheckConstraint("language IN ('en', 'es')", name="language"),
        CheckConstraint(_IS_STATUS, name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(MAX_TITLE_LENGTH))
    text: Mapped[str] = mapped_column(Text)
    target: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    total: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    link: Mapped[str] = mapped_column(String(MAX_LINK_LENGTH), default="")
    ends_on: Mapped[date | None]
    outcome: Mapped[str] = mapped_column(Text, default="")
    article_id: Mapped[int | None] = mapped_column(ForeignKey("articles.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(20), default=PUBLISHED)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict


class AppealRevision(RevisionColumns, Model):
    """An appeal as one save left it, and who saved it."""

    __tablename__ = "appeal_revisions"
    __table_args__ = (UniqueConstraint("appeal_id", "number"),)

    appeal_id: Mapped[int] = mapped_column(ForeignKey("appeals.id", ondelete="CASCADE"))
