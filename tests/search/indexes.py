"""What the index of an app holds."""

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.database import db, read_only
from psgflask.news.models import Article
from psgflask.search.index.store import Store
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer


def store(app: Flask) -> Store:
    """Return the index of an app, with what only the engine knows of it."""
    index: Store = app.extensions["psg_index"]
    return index


def indexed(app: Flask) -> set[int]:
    return set(store(app).hashes())


def stored(app: Flask, article_id: int) -> dict[str, object]:
    reader = store(app).open_reader()
    try:
        found = [fields["data"] for _number, fields in reader.iter_docs()]
    finally:
        reader.close()
    return next(data for data in found if data["id"] == article_id)


def number_of(session: Session, article: Article) -> int:
    """Return an article's id, and let the database go: a reading session would hold it."""
    number = article.id
    session.rollback()
    return number


def agrees(app: Flask) -> bool:
    return not indexer.check(app) and queue_length(app) == 0


def queue_length(app: Flask) -> int:
    """Return how many changes are not indexed yet."""
    with read_only(), app.app_context(), Session(db.engine) as session:
        return session.scalar(select(func.count()).select_from(LedgerEntry)) or 0
