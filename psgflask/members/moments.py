"""Days of the membership are days in London, whatever the clock of the server says."""

from datetime import date, datetime

from psgflask.web.caching import LONDON


def london_day(moment: datetime) -> date:
    """Return the day that a moment falls on in London."""
    return moment.astimezone(LONDON).date()


def london_minute(moment: datetime) -> str:
    """Return a moment as clocks in London showed it: "2026-07-01 10:05"."""
    return moment.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")


def london_hour(moment: datetime) -> int:
    """Return the hour that clocks in London show, from 0 to 23."""
    return moment.astimezone(LONDON).hour
