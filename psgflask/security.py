"""Headers, the content security policy, hosts and sizes, and which pages may set a cookie."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

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
# What a 304 may carry: the rest is with the copy that the reader has.
WITH_304 = frozenset({"etag", "cache-control", "vary", "date"})
LONGEST_QUERY = 16_000


def init_app(app: Flask) -> None:
    """Check every request first and put the headers on every answer last."""
    hops = int(app.config["TRUSTED_PROXIES"])
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0
        )
    base = urlsplit(str(app.config["BASE_URL"]))
    app.extensions["psg_hosts"] = _hosts(base.netloc)
    app.before_request(_check_request)
    secure = base.scheme == "https"

    # Registered first, so it runs last: nothing may add a header after it.
    @app.after_request
    def add_headers(response: Response) -> Response:
        if response.status_code == 304:
            for name, _value in list(response.headers):
                if name.lower() not in WITH_304:
                    del response.headers[name]
            return response
        for header, value in HEADERS.items():
            response.headers.setdefault(header, value)
        if secure:
            response.headers.setdefault("Strict-Transport-Security", TWO_YEARS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _hosts(netloc: str) -> frozenset[str]:
    name = netloc.rpartition("@")[2].casefold()
    bare = name.rsplit(":", 1)[0] if not name.endswith("]") else name
    if bare in {"127.0.0.1", "localhost", "[::1]"}:
        # At home any port and any name of the machine itself will do.
        return frozenset({"127.0.0.1", "localhost", "[::1]"})
    return frozenset({name, bare})


def _check_request() -> None:
    allowed: frozenset[str] = current_app.extensions["psg_hosts"]
    host = request.environ.get("HTTP_HOST", "").casefold()
    if host and host not in allowed and host.rsplit(":", 1)[0] not in allowed:
        abort(400, "This server does not answer under that name.")
    if len(request.query_string) > LONGEST_QUERY:
        abort(414)
    try:
        raw = request.environ.get("PATH_INFO", "") + request.environ.get("SCRIPT_NAME", "")
        raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        abort(400, "The address is not readable text.")
    if "\0" in request.path:
        abort(400, "The address holds a character that no address may hold.")
