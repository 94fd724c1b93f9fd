"""Redirects from old addresses, looked up before a 404 page is shown."""

from flask import Flask, current_app, request

from psgflask.core.database import db
from psgflask.redirects import destinations
from psgflask.web import errors


def init_app(app: Flask) -> None:
    """Register the package with the app."""
    errors.register_404_redirect(app, find_destination)


def find_destination() -> str | None:
    """Return where the address of this request has moved to, None where nothing says so."""
    path = request.script_root + request.path
    query = request.query_string.decode("utf-8", "replace")
    return destinations.find(db.session(), path, query) or destinations.find_by_rule(
        path, request.args, extensions=current_app.extensions
    )
