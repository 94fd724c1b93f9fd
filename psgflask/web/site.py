"""The Flask application of this site: spared the work that none of its views asks for."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

# Why a request is refused that the server took no further: the number of an HTTP error.
REFUSED = "psg.refused"


class Sessions(SecureCookieSessionInterface):
    """Sessions as Flask has them; who sends no cookie costs no signature."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie of a request holds."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class Site(Flask):
    """Flask for views that are plain functions: nobody looks again whether one is a coroutine."""

    session_interface = Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is."""
        return func
