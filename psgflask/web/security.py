"""Headers, the content security policy, hosts and sizes, and where a request comes from."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Response, abort, current_app, request
from flask_babel import gettext as _
from werkzeug.middleware.proxy_fix import ProxyFix

from psgflask.web import secrecy
from psgflask.web.site import REFUSED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
}
TWO_YEARS = "max-age=63072000; includeSubDomains"
# An address that is a secret: whoever it is told to has what it opens.
OF_SECRETS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# What a 304 may carry: the rest is with the copy that the reader has.
WITH_304 = frozenset({"etag", "cache-control", "vary", "date"})
# Enough for 10,000 characters typed into the search, six bytes each as an address writes them.
LONGEST_QUERY = 64_000
# Of any other page, what others may have added counted in; our own are far shorter.
LONGEST_PATH, LONGEST_OTHER_QUERY, MOST_PARAMETERS = 2_000, 4_000, 200

_FOREIGN = "psg.foreign_host"


class OurName:
    """Put the site's own name in place of any other that a request claims, and note that it did.

    So not even the page that refuses the request is built with a name that is none.
    """

    def __init__(self, app: "WSGIApplication", base: SplitResult) -> None:
        self.app = app
        self.name = base.netloc
        self.allowed = _hosts(base)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        host = environ.get("HTTP_HOST", "")
        if not self.allowed.fullmatch(host.lower()):
            environ["HTTP_HOST"] = self.name
            if host:  # HTTP/1.0 may leave it out
                environ[_FOREIGN] = host
        return self.app(environ, start)


def init_app(app: Flask) -> None:
    """Check every request first and put the headers on every answer last."""
    secrecy.guard_logs()
    hops = int(app.config["TRUSTED_PROXIES"])
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0
        )
    base = urlsplit(str(app.config["BASE_URL"]))
    app.wsgi_app = OurName(app.wsgi_app, base)  # type: ignore[assignment, method-assign]  # Flask's own way
    app.before_request(_check_request)
    wanted = [*HEADERS.items(), ("Cache-Control", "no-store")]
    if base.scheme == "https":
        wanted.append(("Strict-Transport-Security", TWO_YEARS))

    # Registered first, so it runs last: nothing may add a header after it.
    @app.after_request
    def add_headers(response: Response) -> Response:
        _stay_here(response)
        if response.status_code == 304:
            for name, _value in list(response.headers):
                if name.lower() not in WITH_304:
                    del response.headers[name]
            return response
        if secrecy.holds_secret(request.path):
            response.headers.update(OF_SECRETS)
        # To ask for each by itself would read through all of them each time.
        there = {name.lower() for name, _value in response.headers}
        response.headers.extend([pair for pair in wanted if pair[0].lower() not in there])
        return response


def _stay_here(response: Response) -> None:
    """Name a place of ours by its path: scheme and host are as the client claims them."""
    place = response.headers.get("Location", "")
    if place.startswith(request.host_url):
        response.headers["Location"] = "/" + place.removeprefix(request.host_url).lstrip("/\\")


def _hosts(base: SplitResult) -> re.Pattern[str]:
    """Return what a Host header may say: the public name, with the public port alone."""
    if base.hostname in {"127.0.0.1", "localhost", "::1"}:
        # At home any port and any name of the machine itself will do.
        return re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.ASCII)
    name = f"[{base.hostname}]" if ":" in str(base.hostname) else str(base.hostname)
    usual = {"https": 443, "http": 80}[base.scheme]
    port = f"(?::{usual})?" if base.port in {None, usual} else f":{base.port}"
    return re.compile(re.escape(name) + port)


def _check_request() -> None:
    if REFUSED in request.environ:
        abort(request.environ[REFUSED])
    if _FOREIGN in request.environ:
        abort(400, _("This server does not answer under that name."))
    raw = request.environ.get("PATH_INFO", "") + request.environ.get("SCRIPT_NAME", "")
    view = current_app.view_functions.get(request.endpoint or "")
    longest = LONGEST_QUERY if "q" in getattr(view, "parameters", ()) else LONGEST_OTHER_QUERY
    if (
        len(raw) > LONGEST_PATH
        or len(request.query_string) > longest
        or request.query_string.count(b"&") > MOST_PARAMETERS
    ):
        abort(414)
    try:
        raw.encode("latin-1").decode("utf-8")
        request.query_string.decode("utf-8")  # bytes that nobody escaped; %ff is another matter
    except UnicodeError:
        abort(400, _("The address is not readable text."))
    # No server passes on a line break that nobody escaped; sent elsewhere it would be a header's.
    if b"\n" in request.query_string or b"\r" in request.query_string:
        abort(400, _("The address is not readable text."))
    # U+FFFD stands where a server could not decode a path.
    if "\0" in request.path or "\ufffd" in request.path:
        abort(400, _("The address holds a character that no address may hold."))
    if request.method not in SAFE and not _comes_from_here():
        abort(403, _("That was sent from another site. Open the page here and send it again."))


def _comes_from_here() -> bool:
    """Say whether a request that changes something was sent by a page of ours, or by no page.

    Browsers say so in Sec-Fetch-Site, older ones in Origin. Programs say neither: a form's token
    stands guard there. A page that gives no referrer sends "null" as its origin.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.host
