"""The tables of standing pages and appeals."""

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.database import Model

PSG, PERU, SITE = "psg", "peru", "site"
SECTIONS = (PSG, PERU, SITE)


class Page(Model):
    """A standing page; pages with the same slug are translations of each other."""

    __tablename__ = "pages"
    __table_args__ = (
        UniqueConstraint("slug", "language"),
        CheckConstraint("section IN ('psg', 'peru', 'site')", name="section"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2))
    section: Mapped[str] = mapped_column(String(20))
    position: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(250))
    teaser: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)


class Appeal(Model):
    """An appeal for money; without target and total it shows no progress."""

    __tablename__ = "appeals"
    __table_args__ = (CheckConstraint("language IN ('en', 'es')", name="language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(250))
    text: Mapped[str] = mapped_column(Text)
    target: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    total: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    link: Mapped[str] = mapped_column(String(500), default="")
    ends_on: Mapped[date | None]
    outcome: Mapped[str] = mapped_column(Text, default="")
    article_id: Mapped[int | None] = mapped_column(ForeignKey("articles.id", ondelete="SET NULL"))
