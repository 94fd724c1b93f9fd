"""The search ledger (what the index has yet to hear of), what is searched for, the glossary."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.clock import utc_now
from psgflask.core.database import Model


class LedgerEntry(Model):
    """An article that changed; written in the same transaction as the change.

    There is no foreign key: an article that was deleted must be taken from the index too.
    """

    __tablename__ = "search_ledger"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int]
    queued_at: Mapped[datetime] = mapped_column(default=utc_now)


class SearchQuery(Model):
    """Words that were searched for: known by a keyed hash until three different days had them."""

    __tablename__ = "search_queries"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    text: Mapped[str | None] = mapped_column(String(200))
    days: Mapped[int]
    last_day: Mapped[date]


class SearchCount(Model):
    """How often words were searched for in a day, or in a month, which its first day stands for."""

    __tablename__ = "search_counts"

    query_id: Mapped[int] = mapped_column(
        ForeignKey("search_queries.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    whole_month: Mapped[bool] = mapped_column(primary_key=True, default=False)
    times: Mapped[int]
    # How many articles were found the last time that no filter was set; None when one always was.
    hits: Mapped[int | None]


class GlossaryTerm(Model):
    """What something is called in a language: terms with one number of a concept mean the same.

    One that was removed stays, marked so: no update brings back what volunteers took out.
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
