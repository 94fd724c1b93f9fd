"""The search ledger (changes that are not indexed yet), the counts of searches, the glossary."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.clock import utc_now
from psgflask.core.database import Model


class LedgerEntry(Model):
    """An article that changed; written in the same transaction as the change.

    There is no foreign key: a deleted article must be removed from the index too.
    """

    __tablename__ = "search_ledger"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int]
    queued_at: Mapped[datetime] = mapped_column(default=utc_now)


class SearchQuery(Model):
    """Words that were searched for: a keyed hash alone until they were on three different days."""

    __tablename__ = "search_queries"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    text: Mapped[str | None] = mapped_column(String(200))
    days: Mapped[int]
    last_day: Mapped[date]


class SearchCount(Model):
    """How often words were searched for on a day, or in a month, stored under its first day."""

    __tablename__ = "search_counts"

    query_id: Mapped[int] = mapped_column(
        ForeignKey("search_queries.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    whole_month: Mapped[bool] = mapped_column(primary_key=True, default=False)
    times: Mapped[int]
    # The number of articles found by the last search without filters; None when all had one.
    hits: Mapped[int | None]


class GlossaryTerm(Model):
    """A term in a language: terms with the same concept number mean the same.

    A removed term stays, marked so: no update brings back what volunteers removed.
    """

    __tablename__ = "search_glossary"
    __table_args__ = (
        UniqueConstraint("language", "folded"),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    concept: Mapped[int]
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str] = mapped_column(String(80))
    folded: Mapped[str] = mapped_column(String(80))
    removed: Mapped[bool] = mapped_column(default=False)
