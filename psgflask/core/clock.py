"""The time now, and days and hours in London, where the charity is.

Days of the news and of the membership are days in London, whatever the server's time zone.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

LONDON = ZoneInfo("Europe/London")


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def london_day(when: datetime) -> date:
    """Return the date in London."""
    return when.astimezone(LONDON).date()


def london_minute(when: datetime) -> str:
    """Format a datetime in London time: "2026-07-01 10:05"."""
    return when.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")


def format_time(when: datetime | None) -> str:
    """Format a datetime in London time with its zone: "2026-07-01 10:05 BST"; nothing for None."""
    return when.astimezone(LONDON).strftime("%Y-%m-%d %H:%M %Z") if when else ""


def london_iso(when: datetime) -> str:
    """Format a datetime in London time for machines: "2026-07-01T10:05:00+01:00"."""
    return when.astimezone(LONDON).isoformat()


def long_date(day: date, language: str) -> str:
    """Format a day in full in a language: "1 July 2026", "1 de julio de 2026"."""
    pattern = "d 'de' MMMM 'de' y" if language == "es" else "d MMMM y"
    return str(format_date(day, pattern, locale=language))


def london_hour(when: datetime) -> int:
    """Return the hour in London, from 0 to 23."""
    return when.astimezone(LONDON).hour


def next_london_midnight(when: datetime) -> datetime:
    """Return when the next day begins in London."""
    tomorrow = london_day(when) + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=LONDON)
