"""What logs may tell: no secret of an address, and no line but their own."""

import logging
import re
from collections.abc import Callable
from typing import Any

from psgflask.core import escaping

# What is mailed as a link ends in a secret: whoever has the address has what it opens; and the
# page after an application is one person's. No word of an address in these rooms is this long, and
# what a damaged link has left over below this length leaves more to guess than anybody can.
_ROOMS = re.compile(r"(/(?:accounts|members)/)([^\s?#\"'<>]*)", re.IGNORECASE)
_SECRET = re.compile(r"[^/]{20,}")
HIDDEN = "..."
# Before each line of a traceback: what an exception quotes begins no line like those of the log.
MARK = "  | "


def hide(text: str) -> str:
    """Return a text with the secrets of the addresses in it taken out."""
    return _ROOMS.sub(lambda found: found[1] + _SECRET.sub(HIDDEN, found[2]), text)


def holds_secret(path: str) -> bool:
    """Say whether a path must not be handed on: to logs, to search engines, to other sites."""
    return hide(path) != path


def for_log(text: str) -> str:
    """Return a text as a log may tell it: one line, without secrets and control characters."""
    return escaping.one_line(hide(text))


def guard_logs() -> None:
    """Let nothing that this process logs tell a secret or forge a line; may be called again.

    At the making of records, since a filter of a logger sees neither its children nor tracebacks.
    """
    if not isinstance(logging.getLogRecordFactory(), _Guard):
        logging.setLogRecordFactory(_Guard(logging.getLogRecordFactory()))


class _Guard:
    """Makes records of a log, each of one line but for marked ones, without secrets."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self.make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record, and rewrite it if need be."""
        record = self.make(*args, **kwargs)
        if record.exc_info and record.exc_info[0]:
            # Formatters take the text that a record has.
            record.exc_text = _marked(_formatter.formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _marked(record.stack_info)
        try:
            message = record.getMessage()
        except Exception:  # whoever prints it says so; to log must never be what fails
            return record
        told = for_log(message)
        if told != message:
            record.msg, record.args = told, None
        return record


def _marked(text: str) -> str:
    """Return lines as a log may tell them below their record, each with a mark before it."""
    return "\n".join(MARK + escaping.one_line(line) for line in hide(text).split("\n"))


_formatter = logging.Formatter()
