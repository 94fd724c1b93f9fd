"""Moments as volunteers write them: a London date and time, or so much from now."""

import re
from datetime import UTC, datetime, timedelta

from psgflask.core.clock import LONDON
from psgflask.news.dateline import Dateline, DatelineUnreadable

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SOON = re.compile(r"(?:in |\+) ?(\d{1,4}) ?(m|mins?|minutes?|h|hours?|d|days?|w|weeks?)")
CLOCK = re.compile(r"(.+?)(?: at |T| |, )(\d{1,2})[:.](\d\d)(?::00)?( ?Z)?", re.IGNORECASE)


class MomentUnreadable(ValueError):
    """The text is no moment that we know; the message says what to write."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no moment. Write a date and a time in London, as in 2026-11-24 09:00 or"
            " 24 November 2026 09:00, or so much from now, as in +30m, +2h or in 3 days"
        )


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment that a text means, in UTC.

    Raises MomentUnreadable, also for an hour that the clocks jump over in spring. An hour that
    comes twice in autumn means the first of the two.
    """
    text = " ".join(text.split())
    if found := SOON.fullmatch(text.casefold()):
        return now + timedelta(**{UNITS[found[2][0]]: int(found[1])})
    found = CLOCK.fullmatch(text)
    if not found:
        raise MomentUnreadable(text)
    try:
        day = Dateline.parse(found[1])
        hour, minute = int(found[2]), int(found[3])
        if day.precision != "day" or day.first is None:
            raise MomentUnreadable(text)
        zone = UTC if found[4] else LONDON
        moment = datetime(day.first.year, day.first.month, day.first.day, hour, minute, tzinfo=zone)
    except (ValueError, DatelineUnreadable):
        raise MomentUnreadable(text) from None
    there = moment.astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise MomentUnreadable(text)
    return there


def tell_moment(moment: datetime | None) -> str:
    """Write a moment as London's clocks show it, to the minute."""
    if moment is None:
        return ""
    return moment.astimezone(LONDON).strftime("%Y-%m-%d %H:%M %Z")
