"""Days and months as people type them, in English, Spanish or ISO form."""

import re
from datetime import date

from babel import Locale

FIRST_YEAR, LAST_YEAR = 1900, 2199


def parse_day(text: str) -> date:
    """Parse a day: 2026-11-30, 30 November 2026, 30 Nov. 2026 or 30 de noviembre de 2026.

    Figures alone ("1/12/2026") are refused: they mean another day elsewhere. Raises ValueError.
    """
    bare = " ".join(text.split())
    try:
        if match := _ISO.fullmatch(bare):
            return date(parse_year(match[1]), int(match[2]), int(match[3]))
        if match := _WORDS.fullmatch(bare):
            return date(parse_year(match[3]), parse_month(match[2]), int(match[1]))
    except ValueError:
        pass
    raise ValueError(f"write a day such as 2026-11-30 or 30 November 2026, not {text!r}")


def parse_month(name: str) -> int:
    """Return the number of a month by its name or abbreviation. Raises ValueError."""
    try:
        return _MONTHS[name.casefold()]
    except KeyError:
        raise ValueError(f"there is no month {name!r}") from None


def parse_year(text: str) -> int:
    """Return a year, FIRST_YEAR to LAST_YEAR. Raises ValueError."""
    year = int(text)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"{year} is no year from {FIRST_YEAR} to {LAST_YEAR}")
    return year


def _month_names() -> dict[str, int]:
    names: dict[str, int] = {}
    for language in ("en", "es"):
        for width in ("wide", "abbreviated"):
            months = Locale(language).months["format"][width]
            names |= {name.casefold().rstrip("."): number for number, name in months.items()}
    names |= {"setiembre": 9, "set": 9, "sep": 9, "sept": 9}  # the first two as Peru writes it
    return names


_MONTHS = _month_names()
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WORDS = re.compile(
    r"([0-9]{1,2})(?:st|nd|rd|th|º|\.º)? (?:de )?([^\W\d]{1,20})\.? (?:de |del )?([0-9]{4})",
    re.IGNORECASE,
)
