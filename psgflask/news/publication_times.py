"""Publication times as volunteers type them: a date and time in London, or an offset from now."""

import re
from datetime import UTC, datetime, timedelta

from psgflask.core.clock import LONDON
from psgflask.core.days import parse_day

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
OFFSET = re.compile(r"(?:in |\+) ?(\d{1,4}) ?(m|mins?|minutes?|h|hours?|d|days?|w|weeks?)")
TIME = re.compile(r"(.+?)(?: at |T| |, )(\d{1,2})[:.](\d\d)(?::00)?( ?Z)?", re.IGNORECASE)


class InvalidPublicationTime(ValueError):
    """The text is not a publication time; the message says what to type."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no moment. Write a date and a time in London, as in 2026-11-24 09:00 or"
            " 24 November 2026 09:00, or so much from now, as in +30m, +2h or in 3 days"
        )


def parse_publication_time(text: str, now: datetime) -> datetime:
    """Return the publication time that a text means, in UTC.

    Raises InvalidPublicationTime, also for an hour that the clocks skip in spring. An hour that
    comes twice in autumn means the first of the two.
    """
    text = " ".join(text.split())
    if match := OFFSET.fullmatch(text.casefold()):
        return now + timedelta(**{UNITS[match[2][0]]: int(match[1])})
    match = TIME.fullmatch(text)
    if not match:
        raise InvalidPublicationTime(text)
    try:
        day = parse_day(match[1])
        hour, minute = int(match[2]), int(match[3])
        zone = UTC if match[4] else LONDON
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    except ValueError:
        raise InvalidPublicationTime(text) from None
    time = local.astimezone(UTC)
    if time.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise InvalidPublicationTime(text)
    return time
