"""The dateline: a day, a month, a range of months, or none."""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from babel import Locale

DAY, MONTH, MONTHS, UNDATED = "day", "month", "months", "undated"
PRECISIONS = (DAY, MONTH, MONTHS, UNDATED)
FIRST_YEAR, LAST_YEAR = 1900, 2199


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
        except (ValueError, KeyError):
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


def _month_names() -> dict[str, int]:
    names: dict[str, int] = {}
    for language in ("en", "es"):
        for width in ("wide", "abbreviated"):
            months = Locale(language).months["format"][width]
            names |= {name.casefold().rstrip("."): number for number, name in months.items()}
    names |= {"setiembre": 9, "set": 9, "sep": 9, "sept": 9}  # the first two as Peru writes it
    return names


_MONTHS = _month_names()
_YEAR = r"(\d{4})"
_NAME = r"([^\W\d]{1,20})\.?"
_DAY = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|º|\.º)? (?:de )?{_NAME} (?:de |del )?{_YEAR}", re.IGNORECASE
)
_ISO = re.compile(rf"{_YEAR}-(\d\d)(?:-(\d\d))?")
_ISO_RANGE = re.compile(rf"{_YEAR}-(\d\d) ?/ ?{_YEAR}-(\d\d)")
_ONE_MONTH = re.compile(rf"{_NAME} (?:de |del )?{_YEAR}", re.IGNORECASE)
_RANGE = re.compile(
    rf"{_NAME}(?: (?:de |del )?{_YEAR})? ?(?:/|-|–|to|a) ?{_NAME} (?:de |del )?{_YEAR}",
    re.IGNORECASE,
)


def _parse(text: str) -> Dateline:
    if text.casefold() in {"undated", "sin fecha"}:
        return Dateline.undated()
    if match := _ISO_RANGE.fullmatch(text):
        one, two, three, four = map(int, match.groups())
        return _range((one, two), (three, four))
    if match := _ISO.fullmatch(text):
        year, month = _year(match[1]), int(match[2])
        if match[3]:
            return Dateline.of_day(date(year, month, int(match[3])))
        return Dateline.of_months((year, month), (year, month))
    if match := _DAY.fullmatch(text):
        return Dateline.of_day(date(_year(match[3]), _month(match[2]), int(match[1])))
    if match := _ONE_MONTH.fullmatch(text):
        when = (_year(match[2]), _month(match[1]))
        return Dateline.of_months(when, when)
    if match := _RANGE.fullmatch(text):
        first, last = _month(match[1]), _month(match[3])
        year = _year(match[4])
        if match[2]:
            return _range((_year(match[2]), first), (year, last))
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
        _year(str(year))
    return Dateline.of_months(min(first, last), max(first, last))


def _month(name: str) -> int:
    return _MONTHS[name.casefold()]


def _year(text: str) -> int:
    if not FIRST_YEAR <= int(text) <= LAST_YEAR:
        raise ValueError(text)
    return int(text)
