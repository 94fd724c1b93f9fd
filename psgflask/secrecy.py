"""The part of an address that is a secret, and how logs and links are kept from telling it."""

import logging
import re
from collections.abc import Callable
from typing import Any

# What is mailed as a link ends in a secret: whoever has the address has what it opens; and the
# page after an application is one person's. No word of an address in these rooms is this long, and
# what a damaged link has left over below this length leaves more to guess than anybody can.
_ROOMS = re.compile(r"(/(?:accounts|members)/)([^\s?#\"'<>]*)", re.IGNORECASE)
_SECRET = re.compile(r"[^/]{20,}")
HIDDEN = "..."


def hide(text: str) -> str:
    """Return a text with the secrets of the addresses in it taken out."""
    return _ROOMS.sub(lambda found: found[1] + _SECRET.sub(HIDDEN, found[2]), text)


def holds_secret(path: str) -> bool:
    """Say whether a path must not be handed on: to logs, to search engines, to other sites."""
    return hide(path) != path


def guard_logs() -> None:
    """Let nothing that this process logs tell the secret of an address; may be called again.

    At the making of records, since a filter of a logger sees neither its children nor tracebacks.
    """
    if not isinstance(logging.getLogRecordFactory(), _Guard):
        logging.setLogRecordFactory(_Guard(logging.getLogRecordFactory()))


class _Guard:
    """Makes records of a log without the secrets that they would tell."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self.make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record, and rewrite it if need be."""
        record = self.make(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # whoever prints it says so; to log must never be what fails
            return record
        if holds_secret(message):
            record.msg, record.args = hide(message), None
        if record.exc_info and record.exc_info[0]:
            # Formatters take the text that a record has.
            record.exc_text = hide(_formatter.formatException(record.exc_info))
        return record


_formatter = logging.Formatter()
