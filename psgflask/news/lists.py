"""Lists of articles: pages by cursor, articles grouped by dateline, counts over time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from babel.dates import get_month_names
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import Session

from psgflask.news import catalogue
from psgflask.news.catalogue import Scope
from psgflask.news.dateline import Dateline
from psgflask.news.models import Article
from psgflask.news.slugs import month_url

PAGE_SIZE = 20
MAX_KNOTS = 14


@dataclass(frozen=True)
class Cursor:
    """The position of an article in a list; it stays valid when articles are added."""

    order_date: date
    id: int

    def __str__(self) -> str:
        return f"{self.order_date.isoformat()}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Parse a cursor from an address. Raises ValueError."""
        day, _, number = text.partition(".")
        try:
            if number.isascii() and number.isdigit() and len(number) < 19:
                cursor = cls(date.fromisoformat(day), int(number))
                if str(cursor) == text:  # a cursor has one spelling
                    return cursor
        except ValueError:
            pass
        raise ValueError(f"{text[:40]!r} is not a cursor")

    @classmethod
    def of(cls, article: Article) -> "Cursor":
        """Return the cursor of an article."""
        return cls(article.order_date, article.id)


@dataclass(frozen=True)
class CursorPage:
    """One page of a list and the cursors of the pages beside it."""

    articles: list[Article]
    before: Cursor | None
    after: Cursor | None


@dataclass(frozen=True)
class DatelineGroup:
    """Consecutive articles with the same dateline."""

    dateline: Dateline
    articles: list[Article]


@dataclass(frozen=True)
class Cord:
    """A count over time; `share` is its part of the largest count beside it, 0 to 1."""

    label: str
    count: int
    href: str | None
    share: float


def cursor_page(
    session: Session,
    articles: Select[Article],
    *,
    before: Cursor | None = None,
    after: Cursor | None = None,
    size: int = PAGE_SIZE,
) -> CursorPage:
    """Return the page of a list before or after a cursor, newest first."""
    position = tuple_(Article.order_date, Article.id)
    if after is not None:
        rows = list(
            session.scalars(
                articles.where(position > (after.order_date, after.id))
                .order_by(None)
                .order_by(Article.order_date, Article.id)
                .limit(size + 1)
            )
        )
        page = rows[:size][::-1]
        more_after, more_before = len(rows) > size, bool(page)
    else:
        if before is not None:
            articles = articles.where(position < (before.order_date, before.id))
        rows = list(session.scalars(articles.limit(size + 1)))
        page = rows[:size]
        more_after, more_before = before is not None and bool(page), len(rows) > size
    return CursorPage(
        page,
        Cursor.of(page[-1]) if page and more_before else None,
        Cursor.of(page[0]) if page and more_after else None,
    )


def current_cursor(
    session: Session, scope: Scope, conditions: Iterable[ColumnElement[bool]], cursor: Cursor
) -> Cursor | None:
    """Return the present cursor of a cursor's article; None where it has left this list.

    Raises LookupError where no article of this id is or was public.
    """
    position = catalogue.position_of(session, scope, conditions, cursor.id)
    if position is None:
        raise LookupError(cursor.id)
    day, is_listed = position
    return Cursor(day, cursor.id) if is_listed else None


def group_by_dateline(articles: Iterable[Article]) -> list[DatelineGroup]:
    """Group consecutive articles that have the same dateline."""
    groups = groupby(articles, lambda article: article.dateline)
    return [DatelineGroup(dateline, list(group)) for dateline, group in groups]


def year_cords(counts: Mapping[int, int], link: Callable[[int], str]) -> list[Cord]:
    """Return one cord for each year from the first to the last, years without articles too."""
    if not counts:
        return []
    most = max(counts.values())
    years = range(min(counts), max(counts) + 1)
    return [
        Cord(str(year), counts.get(year, 0), link(year), counts.get(year, 0) / most)
        for year in years
    ]


def month_cords(counts: Mapping[tuple[int, int], int], year: int, language: str) -> list[Cord]:
    """Return the twelve cords of a year; a month without articles has no link."""
    names = get_month_names("abbreviated", locale=language)
    most = max((counts.get((year, month), 0) for month in range(1, 13)), default=0)
    return [
        Cord(
            names[month].rstrip(".").capitalize(),
            number := counts.get((year, month), 0),
            month_url(year, month) if number else None,
            number / most if most else 0.0,
        )
        for month in range(1, 13)
    ]


def articles_per_knot(cords: Iterable[Cord]) -> int:
    """Return how many articles one knot stands for, so that no month has more than fourteen."""
    most = max((cord.count for cord in cords), default=0)
    return max(1, -(-most // MAX_KNOTS))


def month_span(year: int, month: int) -> tuple[date, date]:
    """Return the first and last day of a month. Raises ValueError for a month that is none."""
    dateline = Dateline.of_months((year, month), (year, month))
    return dateline.first or date.min, dateline.order_date
