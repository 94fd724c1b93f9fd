"""Pages of a list by cursor: they stay the same when articles are added."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

from psgflask.news.models import Article

PAGE_SIZE = 20


@dataclass(frozen=True)
class Cursor:
    """A place in a list that stays the same when articles are added."""

    order_date: date
    id: int

    def __str__(self) -> str:
        return f"{self.order_date.isoformat()}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor from an address; raises ValueError."""
        day, _, number = text.partition(".")
        try:
            if number.isascii() and number.isdigit() and len(number) < 19:
                cursor = cls(date.fromisoformat(day), int(number))
                if str(cursor) == text:  # a place has one spelling
                    return cursor
        except ValueError:
            pass
        raise ValueError(f"{text[:40]!r} is no place in a list")

    @classmethod
    def of(cls, article: Article) -> "Cursor":
        """Return the place of an article."""
        return cls(article.order_date, article.id)


@dataclass(frozen=True)
class Slice:
    """One page of a list and the cursors of its neighbours."""

    articles: list[Article]
    before: Cursor | None
    after: Cursor | None


def slice_of(
    session: Session,
    chosen: Select[Article],
    *,
    before: Cursor | None = None,
    after: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> Slice:
    """Return the page that lies before or after a cursor, newest first."""
    place = tuple_(Article.order_date, Article.id)
    if after is not None:
        rows = list(
            session.scalars(
                chosen.where(place > (after.order_date, after.id))
                .order_by(None)
                .order_by(Article.order_date, Article.id)
                .limit(size + 1)
            )
        )
        found = rows[:size][::-1]
        more_after, more_before = len(rows) > size, bool(found)
    else:
        if before is not None:
            chosen = chosen.where(place < (before.order_date, before.id))
        rows = list(session.scalars(chosen.limit(size + 1)))
        found = rows[:size]
        more_after, more_before = before is not None and bool(found), len(rows) > size
    return Slice(
        found,
        Cursor.of(found[-1]) if found and more_before else None,
        Cursor.of(found[0]) if found and more_after else None,
    )
