"""The Flask application class: without the work that none of our views needs."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, current_app
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

# The status of a request that the server refused before it reached the app.
REFUSED = "psg.refused"


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions; a request without a cookie costs no signature check."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of a request."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class Site(Flask):
    """Flask for views that are plain functions: no check for coroutines on each call."""

    session_interface = Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function unchanged."""
        return func


def current_site() -> Flask:
    """Return the application itself, which threads and other contexts can use, not its proxy."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    return app
