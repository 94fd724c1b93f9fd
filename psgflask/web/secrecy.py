"""Redaction of logs: no secret of an address, and no forged lines."""

import logging
import re
from collections.abc import Callable
from typing import Any

from psgflask.core import escaping

# A mailed link ends in a secret: the address alone opens it; and the page after an application is
# one person's. No plain part of these paths is this long, and a shorter rest of a damaged link
# leaves more to guess than anybody can.
_PATHS = re.compile(r"(/(?:accounts|members)/)([^\s?#\"'<>]*)", re.IGNORECASE)
_SECRET = re.compile(r"[^/]{20,}")
REDACTED = "..."
# Before each line of a traceback, so that no text in it looks like a line of the log.
MARK = "  | "


def redact(text: str) -> str:
    """Return a text without the secrets of the addresses in it."""
    return _PATHS.sub(lambda match: match[1] + _SECRET.sub(REDACTED, match[2]), text)


def holds_secret(path: str) -> bool:
    """Say whether a path must not reach logs, search engines or other sites."""
    return redact(path) != path


def for_log(text: str) -> str:
    """Return a text as one line without secrets and control characters."""
    return escaping.one_line(redact(text))


def redact_logs() -> None:
    """Redact all that this process logs; may be called again.

    By the record factory, since a logger's filter sees neither its children nor tracebacks.
    """
    if not isinstance(logging.getLogRecordFactory(), _RedactingFactory):
        logging.setLogRecordFactory(_RedactingFactory(logging.getLogRecordFactory()))


class _RedactingFactory:
    """Makes log records without secrets, each of one line but for marked ones."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self.factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record, and rewrite it if need be."""
        record = self.factory(*args, **kwargs)
        if record.exc_info and record.exc_info[0]:
            # Formatters take the text that a record has.
            record.exc_text = _marked(_formatter.formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = _marked(record.stack_info)
        try:
            message = record.getMessage()
        except Exception:  # the handler reports it; logging itself must not fail
            return record
        redacted = for_log(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return record


def _marked(text: str) -> str:
    """Return redacted lines, each with a mark before it."""
    return "\n".join(MARK + escaping.one_line(line) for line in redact(text).split("\n"))


_formatter = logging.Formatter()
