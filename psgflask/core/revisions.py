"""Revisions: what each save left of an article, a page or an appeal, when, and by whom.

Every table of revisions has these columns, and `tables` names them all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, String, Text, cast, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, undefer

from psgflask.core.clock import format_time
from psgflask.core.database import Model

READ_AT_ONCE = 200  # revisions, each with a whole text


class RevisionColumns:
    """The columns of every table of revisions; the subclass adds the key of what was saved."""

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    what: Mapped[str] = mapped_column(String(20))
    saved_at: Mapped[datetime]
    saved_by: Mapped[str] = mapped_column(String(120))
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)


@dataclass(frozen=True)
class Save:
    """One save as lists show it; `changed` names the values that it changed."""

    number: int
    saved_at: datetime
    what: str
    saved_by: str
    changed: list[str]


Row = TypeVar("Row", bound=RevisionColumns)


class RevisionRefused(ValueError):
    """Nothing was saved, because of the revisions that there are; the message says what to do."""


class RevisionUnknown(RevisionRefused):
    """There is no revision of this number."""


class SavedMeanwhile(RevisionRefused):
    """Somebody has saved since the version that this change is based on."""


def tables() -> Sequence[type[RevisionColumns]]:
    """Return the models of all tables of revisions."""
    return [each for each in RevisionColumns.__subclasses__() if issubclass(each, Model)]


def record(
    session: Session,
    model: type[Row],
    *,
    what: str,
    by: str,
    now: datetime,
    snapshot: Mapping[str, Any],
    **owner: int,
) -> Row:
    """Add the next revision of an owner, such as `article_id=7`, and flush."""
    values: dict[str, Any] = {
        "number": newest_number(session, model, **owner) + 1,
        "what": what,
        "saved_at": now,
        "saved_by": by,
        "snapshot": dict(snapshot),
    }
    row = model(**values, **owner)
    session.add(row)
    session.flush()
    return row


def newest_number(session: Session, model: type[RevisionColumns], **owner: int) -> int:
    """Return the number of an owner's newest revision, 0 where it has none."""
    return session.scalar(select(func.max(model.number)).filter_by(**owner)) or 0


def history(session: Session, model: type[Row], **owner: int) -> Sequence[Row]:
    """Return all revisions of an owner with their snapshots, the first one first."""
    rows = select(model).filter_by(**owner).order_by(model.number)
    return session.scalars(rows.options(undefer(model.snapshot))).all()


def saves(session: Session, model: type[RevisionColumns], **owner: int) -> list[Save]:
    """Return what each save of an owner changed, the first one first."""
    rows = history(session, model, **owner)
    earlier = [*rows[:1], *rows]
    return [
        Save(
            row.number,
            row.saved_at,
            row.what,
            row.saved_by,
            changed_fields(before.snapshot, row.snapshot),
        )
        for before, row in zip(earlier, rows, strict=False)
    ]


def find(session: Session, model: type[Row], number: int, **owner: int) -> Row:
    """Return a revision of an owner. Raises RevisionUnknown."""
    row = session.scalar(select(model).filter_by(number=number, **owner))
    if row is None:
        newest = newest_number(session, model, **owner)
        raise RevisionUnknown(
            f"There is no revision {number}: they go from 1 to {newest}"
            if newest
            else "Nothing was saved yet, so there is no revision"
        )
    return row


def with_text(session: Session, model: type[Row], text: str) -> Iterator[Row]:
    """Yield the revisions whose snapshot may hold a text, the newest first.

    It is looked for in the stored JSON, names of values included: the caller looks at the values.
    """
    written = json.dumps(text)[1:-1]
    rows = select(model).where(cast(model.snapshot, Text).contains(written, autoescape=True))
    yield from session.scalars(
        rows.order_by(model.id.desc())
        .options(undefer(model.snapshot))
        .execution_options(yield_per=READ_AT_ONCE)
    )


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the values that differ between two snapshots."""
    names = dict.fromkeys((*before, *after))
    return [name for name in names if before.get(name) != after.get(name)]


def newest_save(session: Session, model: type[RevisionColumns], **owner: int) -> str:
    """Return the newest revision of an owner for the end of a sentence, "" where it has none."""
    rows = select(model).filter_by(**owner).order_by(model.number.desc())
    saved = session.scalar(rows.limit(1))
    if saved is None:
        return ""
    at = format_time(saved.saved_at)
    return f": revision {saved.number}, {saved.what} by {saved.saved_by}, {at}"


def check_unchanged(
    session: Session,
    model: type[RevisionColumns],
    *,
    present: int,
    version: int | None,
    revision: int | None = None,
    **owner: int,
) -> None:
    """Check that nothing was saved since a version of the row, or else since a revision.

    Raises SavedMeanwhile, which names the newest revision. A version that is given decides alone.
    """
    newest = newest_number(session, model, **owner)
    based_on_newest = present == version if version is not None else revision in (None, newest)
    if based_on_newest:
        return
    raise SavedMeanwhile(
        f"It was saved meanwhile{newest_save(session, model, **owner)}. Look at it as it is now,"
        f" put your change into that, and save it with --version {present}"
    )
