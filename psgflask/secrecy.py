"""The part of an address that is a secret, and how logs and links are kept from telling it."""

import logging
import re

# What is mailed as a link ends in a secret: whoever has the address has what it opens. No word
# of an address under /accounts/ is this long, and what a damaged link has left over below this
# length leaves more to guess than anybody can.
_ACCOUNTS = re.compile(r"(/accounts/)([^\s?#\"'<>]*)", re.IGNORECASE)
_SECRET = re.compile(r"[^/]{20,}")
HIDDEN = "..."
# Every logger that is told the address of a request, whichever server runs the site.
TOLD = ("psgflask", "granian.access", "gunicorn.access", "gunicorn.error", "werkzeug")


def hide(text: str) -> str:
    """Return a text with the secrets of the addresses in it taken out."""
    return _ACCOUNTS.sub(lambda found: found[1] + _SECRET.sub(HIDDEN, found[2]), text)


def holds_secret(path: str) -> bool:
    """Say whether a path must not be handed on: to logs, to search engines, to other sites."""
    return hide(path) != path


class _Hiding(logging.Filter):
    """Takes secrets out of what is logged, wherever in the record they stand."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record if need be; always let it pass."""
        message = record.getMessage()
        if holds_secret(message):
            record.msg, record.args = hide(message), None
        return True


_hiding = _Hiding()


def guard_logs() -> None:
    """Let no logger of this process tell the secret part of an address; may be called again."""
    for name in TOLD:
        logging.getLogger(name).addFilter(_hiding)
