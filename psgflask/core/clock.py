"""Time: now, and what clocks and calendars in London show, where the charity is.

Days of the news and of the membership are days in London, whatever the clock of the server says.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def london_day(moment: datetime) -> date:
    """Return the day that a moment falls on in London."""
    return moment.astimezone(LONDON).date()


def london_minute(moment: datetime) -> str:
    """Return a moment as clocks in London showed it: "2026-07-01 10:05"."""
    return moment.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")


def london_hour(moment: datetime) -> int:
    """Return the hour that clocks in London show, from 0 to 23."""
    return moment.astimezone(LONDON).hour


def next_london_midnight(moment: datetime) -> datetime:
    """Return when the next day begins in London."""
    tomorrow = london_day(moment) + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=LONDON)
