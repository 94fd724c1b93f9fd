"""Security headers, and checks of every request: host, size, encoding, origin."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Response, abort, current_app, request
from flask_babel import gettext as _
from werkzeug.middleware.proxy_fix import ProxyFix

from psgflask.core.http_methods import SAFE_METHODS
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
# Of pages whose address is a secret, by which alone they are opened.
SECRET_PAGE_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
# What a 304 may carry: the client has the other headers already.
HEADERS_OF_304 = frozenset({"etag", "cache-control", "vary", "date"})
# Enough for 10,000 characters typed into the search, percent-encoded in six bytes each.
MAX_SEARCH_QUERY = 64_000
# Of any other page, parameters added by other sites included; our own are far shorter.
MAX_PATH, MAX_QUERY, MAX_PARAMETERS = 2_000, 4_000, 200

_FOREIGN = "psg.foreign_host"


class CanonicalHost:
    """Replace any Host header that is not the site's by the site's own, and record that.

    So not even the page that refuses the request contains the forged host.
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
    """Check every request first and add the headers to every response last."""
    secrecy.redact_logs()
    hops = int(app.config["TRUSTED_PROXIES"])
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0
        )
    base = urlsplit(str(app.config["BASE_URL"]))
    app.wsgi_app = CanonicalHost(app.wsgi_app, base)  # type: ignore[assignment, method-assign]  # Flask's own way
    app.before_request(_check_request)
    wanted = [*HEADERS.items(), ("Cache-Control", "no-store")]
    if base.scheme == "https":
        wanted.append(("Strict-Transport-Security", TWO_YEARS))

    # Registered first, so it runs last: nothing may add a header after it.
    @app.after_request
    def add_headers(response: Response) -> Response:
        _make_local(response)
        if response.status_code == 304:
            for name, _value in list(response.headers):
                if name.lower() not in HEADERS_OF_304:
                    del response.headers[name]
            return response
        if secrecy.holds_secret(request.path):
            response.headers.update(SECRET_PAGE_HEADERS)
        # Looking up each by itself would scan all of them each time.
        present = {name.lower() for name, _value in response.headers}
        response.headers.extend([pair for pair in wanted if pair[0].lower() not in present])
        return response


def _make_local(response: Response) -> None:
    """Reduce a Location of ours to its path: scheme and host are as the client claims them."""
    location = response.headers.get("Location", "")
    if location.startswith(request.host_url):
        response.headers["Location"] = "/" + location.removeprefix(request.host_url).lstrip("/\\")


def _hosts(base: SplitResult) -> re.Pattern[str]:
    """Return a pattern of valid Host headers: the public name with the public port."""
    if base.hostname in {"127.0.0.1", "localhost", "::1"}:
        # In development any port and any name of the machine itself will do.
        return re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.ASCII)
    name = f"[{base.hostname}]" if ":" in str(base.hostname) else str(base.hostname)
    default = {"https": 443, "http": 80}[base.scheme]
    port = f"(?::{default})?" if base.port in {None, default} else f":{base.port}"
    return re.compile(re.escape(name) + port)


def _check_request() -> None:
    if REFUSED in request.environ:
        abort(request.environ[REFUSED])
    if _FOREIGN in request.environ:
        abort(400, _("This server does not answer under that name."))
    raw = request.environ.get("PATH_INFO", "") + request.environ.get("SCRIPT_NAME", "")
    view = current_app.view_functions.get(request.endpoint or "")
    max_query = MAX_SEARCH_QUERY if "q" in getattr(view, "parameters", ()) else MAX_QUERY
    if (
        len(raw) > MAX_PATH
        or len(request.query_string) > max_query
        or request.query_string.count(b"&") > MAX_PARAMETERS
    ):
        abort(414)
    try:
        raw.encode("latin-1").decode("utf-8")
        request.query_string.decode("utf-8")  # raw bytes; %ff is another matter
    except UnicodeError:
        abort(400, _("The address is not readable text."))
    # Our servers pass on no raw line break; forwarded, it would end a header.
    if b"\n" in request.query_string or b"\r" in request.query_string:
        abort(400, _("The address is not readable text."))
    # A server writes U+FFFD where it could not decode a path.
    if "\0" in request.path or "\ufffd" in request.path:
        abort(400, _("The address holds a character that no address may hold."))
    if request.method not in SAFE_METHODS and not _is_same_origin():
        abort(403, _("That was sent from another site. Open the page here and send it again."))


def _is_same_origin() -> bool:
    """Say whether an unsafe request was sent by a page of ours, or by no page.

    Browsers send Sec-Fetch-Site, older ones Origin. Other programs send neither: there the CSRF
    token guards. A page without a referrer sends "null" as its origin.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.host
