"""What lists show: articles under their dates, and counts over time as cords."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from babel.dates import get_month_names

from psgflask.news.dateline import Dateline
from psgflask.news.models import Article

MOST_KNOTS = 14


@dataclass(frozen=True)
class Day:
    """Neighbouring articles that share one dateline."""

    dateline: Dateline
    articles: list[Article]


@dataclass(frozen=True)
class Cord:
    """A count over time; `share` is its part of the largest count beside it, 0 to 1."""

    label: str
    count: int
    href: str | None
    share: float


def by_day(articles: Iterable[Article]) -> list[Day]:
    """Group neighbouring articles that share a dateline."""
    return [Day(dateline, list(group)) for dateline, group in groupby(articles, _dateline)]


def _dateline(article: Article) -> Dateline:
    return article.dateline


def year_cords(counts: Mapping[int, int], link: Callable[[int], str]) -> list[Cord]:
    """Return one cord a year from the first, those without articles too."""
    if not counts:
        return []
    most = max(counts.values())
    years = range(min(counts), max(counts) + 1)
    return [
        Cord(str(year), counts.get(year, 0), link(year), counts.get(year, 0) / most)
        for year in years
    ]


def month_cords(
    counts: Mapping[tuple[int, int], int], year: int, language: str, link: Callable[[int], str]
) -> list[Cord]:
    """Return the twelve cords of a year; a month without articles leads nowhere."""
    names = get_month_names("abbreviated", locale=language)
    most = max((counts.get((year, month), 0) for month in range(1, 13)), default=0)
    return [
        Cord(
            names[month].rstrip(".").capitalize(),
            number := counts.get((year, month), 0),
            link(month) if number else None,
            number / most if most else 0.0,
        )
        for month in range(1, 13)
    ]


def articles_per_knot(cords: Iterable[Cord]) -> int:
    """Return what one knot is worth, so that no month has more than fourteen."""
    most = max((cord.count for cord in cords), default=0)
    return max(1, -(-most // MOST_KNOTS))


def month_span(year: int, month: int) -> tuple[date, date]:
    """Return the first and last day of a month. Raises ValueError for a month there is not."""
    dateline = Dateline.of_months((year, month), (year, month))
    return dateline.first or date.min, dateline.order_date
