"""The search ledger: which articles the index has yet to hear of."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from psgflask.database import Model, utc_now


class LedgerEntry(Model):
    """An article that changed; written in the same transaction as the change.

    There is no foreign key: an article that was deleted must be taken from the index too.
    """

    __tablename__ = "search_ledger"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int]
    queued_at: Mapped[datetime] = mapped_column(default=utc_now)
