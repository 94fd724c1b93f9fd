"""What waits in the ledger, as tests look at it."""

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.database import db, read_only
from psgflask.search.models import LedgerEntry


def queue_length(app: Flask) -> int:
    """Return how many changes the index has yet to hear of."""
    with read_only(), app.app_context(), Session(db.engine) as session:
        return session.scalar(select(func.count()).select_from(LedgerEntry)) or 0
