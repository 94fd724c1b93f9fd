"""Old addresses: the table, the rules that rooms register, the 404 page's last question."""

from flask import Flask, request

from psgflask.core.database import db
from psgflask.redirects import remembering, rules
from psgflask.web import errors


def init_app(app: Flask) -> None:
    """Let old addresses be asked for before a 404 is shown."""
    errors.ask_before_404(app, destination)


def destination() -> str | None:
    """Return where the address of this request leads now, None when nobody knows."""
    path = request.script_root + request.path
    query = request.query_string.decode("utf-8", "replace")
    return remembering.find(db.session(), path, query) or rules.apply(path, request.args)
