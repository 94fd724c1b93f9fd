"""What the room says in the reader's language."""

from datetime import timedelta
from math import ceil

from flask_babel import format_timedelta

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def how_long(wait: timedelta) -> str:
    """Write a time to wait in words, rounded up: "5 minutes", "2 hours"."""
    unit = HOUR if wait > 50 * MINUTE else 5 * MINUTE
    return str(format_timedelta(unit * max(1, ceil(wait / unit)), granularity="minute"))
