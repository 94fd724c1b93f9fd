"""How pages and appeals change: each save is a revision, and what readers saw is never deleted."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, Numeric, select
from sqlalchemy.orm import Session

from psgflask.core import comparison, revisions
from psgflask.core.database import Model
from psgflask.core.language_names import ENGLISH_NAMES
from psgflask.core.revisions import Save
from psgflask.pages.models import (
    DRAFT,
    PUBLISHED,
    WITHDRAWN,
    Appeal,
    AppealRevision,
    Page,
    PageRevision,
)

Published = Page | Appeal
# What a revision leaves out, and what restoring one leaves alone.
BOOKKEEPING = {"id", "version"}
NOT_RESTORED = {"language", "slug", "status"}
# Who saved what is older than its first revision.
UNKNOWN = "not recorded"


class PageRefused(ValueError):
    """A rule forbids it; the message says why, and what to do instead."""


def language_mistake(language: str, *texts: str) -> str | None:
    """Return what is wrong where texts are clearly in another language than a file says."""
    found = comparison.other_language(language, *texts)
    if found is None:
        return None
    return (
        f"`language`: the text reads as {ENGLISH_NAMES[found]}: write `language: {found}`, or save"
        " it with --anyway"
    )


def snapshot(session: Session, row: Published) -> dict[str, Any]:
    """Return a page or an appeal as plain values, for its revision.

    The article of an appeal is named by its `work`: its id may become another article's, and its
    slug may change, or hold a name that is redacted.
    """
    values = {
        column.name: getattr(row, column.name)
        for column in row.__table__.columns
        if column.name not in BOOKKEEPING
    }
    if isinstance(row, Appeal):
        values["article"] = _work(session, values.pop("article_id"))
    return {
        name: value if value is None or isinstance(value, str | int) else str(value)
        for name, value in values.items()
    }


def of_snapshot(model: type[Published], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the columns that a revision has."""
    found = {}
    for column in model.__table__.columns:
        if column.name not in values:
            continue
        value = values[column.name]
        if value is not None and isinstance(column.type, Date):
            value = date.fromisoformat(value)
        elif value is not None and isinstance(column.type, Numeric):
            value = Decimal(value)
        found[column.name] = value
    return found


def newest_number(session: Session, row: Published) -> int:
    """Return the number of the newest revision, 0 where nothing was saved yet."""
    return revisions.newest_number(session, _model(row), **_owner(row))


def saves(session: Session, row: Published) -> list[Save]:
    """Return what each save changed, the first one first."""
    return revisions.saves(session, _model(row), **_owner(row))


def find_revision(session: Session, row: Published, number: int) -> dict[str, Any]:
    """Return the values of the columns that a revision has. Raises RevisionUnknown.

    An article that is gone is None; a revision that is older than `article` has none.
    """
    found = revisions.find(session, _model(row), number, **_owner(row)).snapshot
    values = of_snapshot(type(row), found)
    if isinstance(row, Appeal):
        values.pop("article_id", None)
        if "article" in found:
            values["article_id"] = _article_id(session, found["article"], found["language"])
    return values


def newest_save(session: Session, row: Published) -> str:
    """Return the newest revision for the end of a sentence."""
    return revisions.newest_save(session, _model(row), **_owner(row))


def before_change(
    session: Session,
    row: Published,
    *,
    now: datetime,
    version: int | None = None,
    revision: int | None = None,
) -> None:
    """Check that nobody saved meanwhile, and record what is there if no revision has it yet.

    Raises SavedMeanwhile.
    """
    revisions.check_unchanged(
        session,
        _model(row),
        present=row.version,
        version=version,
        revision=revision,
        **_owner(row),
    )
    if newest_number(session, row) == 0:
        record(session, row, "found", by=UNKNOWN, now=now)


def record(session: Session, row: Published, what: str, *, by: str, now: datetime) -> None:
    """Record what a save left, and flush."""
    session.flush()
    values = snapshot(session, row)
    revisions.record(
        session, _model(row), what=what, by=by, now=now, snapshot=values, **_owner(row)
    )


def publish(session: Session, row: Published, *, by: str, now: datetime) -> None:
    """Make a page or an appeal public. Raises PageRefused where it is."""
    if row.status == PUBLISHED:
        raise PageRefused(f"{row.title!r} is public already")
    before_change(session, row, now=now)
    row.status = PUBLISHED
    record(session, row, "published", by=by, now=now)


def withdraw(session: Session, row: Published, *, by: str, now: datetime) -> None:
    """Take a page or an appeal from the public. Raises PageRefused where it is not public."""
    if row.status != PUBLISHED:
        raise PageRefused(f"{row.title!r} is not public: it is {row.status}")
    before_change(session, row, now=now)
    row.status = WITHDRAWN
    record(session, row, "withdrawn", by=by, now=now)


def restore(
    session: Session,
    row: Published,
    number: int,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
) -> list[str]:
    """Make a page or an appeal say again what a revision has, and return what that changes.

    Whether it is public stays as it is. Raises RevisionUnknown and SavedMeanwhile.
    """
    values = find_revision(session, row, number)
    before_change(session, row, now=now, version=version)
    before = snapshot(session, row)
    for name, value in values.items():
        if name not in NOT_RESTORED:
            setattr(row, name, value)
    record(session, row, f"restored {number}", by=by, now=now)
    return revisions.changed_fields(before, snapshot(session, row))


def delete(session: Session, row: Published) -> None:
    """Delete what was never public, and flush. Raises PageRefused for anything else."""
    history = revisions.history(session, _model(row), **_owner(row))
    if row.status != DRAFT or any(each.snapshot["status"] != DRAFT for each in history):
        raise PageRefused(f"{row.title!r} is or was public: withdraw it instead")
    session.delete(row)
    session.flush()


def _work(session: Session, article_id: int | None) -> str | None:
    # By the name of the table: the import contracts keep pages and news apart.
    articles = Model.metadata.tables["articles"]
    return session.scalar(select(articles.c.work).where(articles.c.id == article_id))


def _article_id(session: Session, work: str | None, language: str) -> int | None:
    articles = Model.metadata.tables["articles"].c
    query = select(articles.id).where(articles.work == work, articles.language == language)
    return session.scalar(query)


def _model(row: Published) -> type[PageRevision] | type[AppealRevision]:
    return PageRevision if isinstance(row, Page) else AppealRevision


def _owner(row: Published) -> dict[str, int]:
    return {"page_id" if isinstance(row, Page) else "appeal_id": row.id}
