"""The dateline: a day, a month, a range of months, or none."""

import calendar
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from psgflask.core.days import parse_day, parse_month, parse_year

DAY, MONTH, MONTHS, UNDATED = "day", "month", "months", "undated"
PRECISIONS = (DAY, MONTH, MONTHS, UNDATED)


class InvalidDateline(ValueError):
    """The text is not a dateline; the message says what to write."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"{text[:80]!r} is not a date. Write a day (15 July 2018 or 2018-07-15), a month"
            " (July 2018 or 2018-07), two months (June / July 2009 or 2009-06/2009-07)"
            " or undated"
        )


@dataclass(frozen=True, slots=True)
class Dateline:
    """When an article is dated: its precision and its first and last day."""

    precision: str
    first: date | None
    last: date | None

    @classmethod
    def undated(cls) -> "Dateline":
        """Return the dateline of an article without a date."""
        return cls(UNDATED, None, None)

    @classmethod
    def of_day(cls, day: date) -> "Dateline":
        """Return the dateline of one day."""
        return cls(DAY, day, day)

    @classmethod
    def of_months(cls, first: tuple[int, int], last: tuple[int, int]) -> "Dateline":
        """Return the dateline of one month, or of a range, each given as (year, month)."""
        start, end = date(*first, 1), date(*last, calendar.monthrange(*last)[1])
        if end < start:
            raise ValueError("The range ends before it begins")
        return cls(MONTH if first == last else MONTHS, start, end)

    @classmethod
    def parse(cls, text: str) -> "Dateline":
        """Parse a dateline as volunteers write it, in English, Spanish or ISO form.

        Raises InvalidDateline. A backward range ("May / April 2009", as in the old Updates) is
        reversed, unless it crosses the turn of the year.
        """
        try:
            return _parse(" ".join(text.split()))
        except ValueError:
            raise InvalidDateline(text) from None

    def __str__(self) -> str:
        """Format it in ISO form, as `parse` accepts it."""
        if self.first is None or self.last is None:
            return UNDATED
        if self.precision == DAY:
            return self.first.isoformat()
        first, last = self.first.isoformat()[:7], self.last.isoformat()[:7]
        return first if self.precision == MONTH else f"{first}/{last}"

    @property
    def order_date(self) -> date:
        """The day that articles are sorted by: the last, date.min where undated."""
        return self.last or date.min


_YEAR = r"([0-9]{4})"
_NAME = r"([^\W\d]{1,20})\.?"
_ISO = re.compile(rf"{_YEAR}-([0-9]{{2}})")
_ISO_RANGE = re.compile(rf"{_ISO.pattern} ?/ ?{_ISO.pattern}")
_ONE_MONTH = re.compile(rf"{_NAME} (?:de |del )?{_YEAR}", re.IGNORECASE)
_RANGE = re.compile(
    rf"{_NAME}(?: (?:de |del )?{_YEAR})? ?(?:/|-|–|to|a) ?{_NAME} (?:de |del )?{_YEAR}",
    re.IGNORECASE,
)


def _parse(text: str) -> Dateline:
    if text.casefold() in {"undated", "sin fecha"}:
        return Dateline.undated()
    with suppress(ValueError):
        return Dateline.of_day(parse_day(text))
    if match := _ISO_RANGE.fullmatch(text):
        one, two, three, four = map(int, match.groups())
        return _range((one, two), (three, four))
    if match := _ISO.fullmatch(text):
        when = (parse_year(match[1]), int(match[2]))
        return Dateline.of_months(when, when)
    if match := _ONE_MONTH.fullmatch(text):
        when = (parse_year(match[2]), parse_month(match[1]))
        return Dateline.of_months(when, when)
    if match := _RANGE.fullmatch(text):
        first, last = parse_month(match[1]), parse_month(match[3])
        year = parse_year(match[4])
        if match[2]:
            return _range((parse_year(match[2]), first), (year, last))
        return _range_of_one_year(first, last, year)
    raise ValueError(text)


def _range_of_one_year(first: int, last: int, year: int) -> Dateline:
    """Return a range whose first month has no year: of two readings the shorter one.

    "May / April 2009" (an old Update) is April to May; "December / January 2009" began in 2008.
    """
    if first > last and first - last > 12 - (first - last):
        return _range((year - 1, first), (year, last))
    return _range((year, first), (year, last))


def _range(first: tuple[int, int], last: tuple[int, int]) -> Dateline:
    for year, _month_number in (first, last):
        parse_year(str(year))
    return Dateline.of_months(min(first, last), max(first, last))
