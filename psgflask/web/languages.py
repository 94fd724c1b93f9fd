"""English and Spanish: the language of a request, and addresses in either."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, has_request_context, request
from flask_babel import Babel
from werkzeug.routing import MapAdapter

from psgflask.core import paths
from psgflask.core.language_names import NATIVE_NAMES, PREFIXES, split_prefix
from psgflask.core.site_address import site_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KEY = "psg.language"


class LanguagePrefix:
    """Move the prefix of a language from the path into SCRIPT_NAME: one URL map serves both.

    `url_for` puts SCRIPT_NAME in front of every address and so stays in the language by itself.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        language, environ["PATH_INFO"] = split_prefix(environ.get("PATH_INFO", ""))
        environ[_KEY] = language
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIXES[language]
        return self.app(environ, start)


def init_app(app: Flask) -> None:
    """Serve the site in both languages."""
    app.wsgi_app = LanguagePrefix(app.wsgi_app)  # type: ignore[assignment, method-assign]  # Flask's own way
    Babel(
        app,
        default_locale="en",
        default_translation_directories=str(paths.translations()),
        locale_selector=current_language,
    )
    app.jinja_env.globals.update(
        absolute=absolute_url,
        address=address,
        current_language=current_language,
        language_names=NATIVE_NAMES,
        other_language=other_language,
    )


def current_language() -> str:
    """Return the interface language of this request, "en" or "es"."""
    return str(request.environ.get(_KEY, "en")) if has_request_context() else "en"


def other_language(language: str | None = None) -> str:
    """Return the other of the two languages."""
    return "en" if (language or current_language()) == "es" else "es"


def address(
    endpoint: str, *, language: str | None = None, external: bool = False, **values: Any
) -> str:
    """Return the address of a page in a language (default: this request's).

    Works outside a request too. `external` puts the configured BASE_URL in front, never the
    Host that a request claims. Raises werkzeug's BuildError for an unknown endpoint.
    """
    language = language or current_language()
    path: str = _adapter(language).build(endpoint, values)
    return absolute_url(path) if external else path


def absolute_url(path: str) -> str:
    """Put the site's public address in front of a local path."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy
    return site_address(app) + path


def _adapter(language: str) -> MapAdapter:
    adapters: dict[str, MapAdapter] = current_app.extensions.setdefault("psg_addresses", {})
    if language not in adapters:
        adapters[language] = current_app.url_map.bind("", script_name=PREFIXES[language] or "/")
    return adapters[language]
