"""Every HTTP error, and every failure, is a page; most need no database."""

import logging
from collections.abc import Callable

from flask import Flask, Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import DatabaseError, OperationalError
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    default_exceptions,
)

from psgflask.core import database_faults, failures, integrity
from psgflask.core.database import fail_fast, read_only
from psgflask.core.language_names import PREFIXES
from psgflask.web import caching, languages, slots
from psgflask.web.site import REFUSED

log = logging.getLogger(__name__)

# Seconds until a retry makes sense: a lock passes by itself, a full disk or damage is repaired.
SOON, WRITABLE_AGAIN, REPAIRED = 5, 60, 300
# Error pages that are cached once rendered, and characters that each may have: half a megabyte.
MAX_CACHED, MAX_LENGTH = 60, 8_000

TEXTS = {
    400: (_l("We could not read that request"), _l("Check the address, or start from a search.")),
    403: (_l("This page is not open to you"), _l("It may be for members or for editors.")),
    404: (
        _l("There is no page at this address"),
        _l("It may have moved when the site was rebuilt. Search, or follow a year."),
    ),
    405: (
        _l("This page cannot be used that way"),
        _l("Go back and try again, or start from a search."),
    ),
    408: (
        _l("What you sent did not arrive in time"),
        _l("Your line may be slow. Nothing was taken of it: go back and send it again."),
    ),
    410: (
        _l("This article has been withdrawn"),
        _l("The PSG has taken it from the site. You can search for others on the subject."),
    ),
    413: (_l("That was too large to take"), _l("Send less, or send it in parts.")),
    429: (_l("That was too often"), _l("Wait a little, then try again.")),
    503: (_l("The site is busy for a moment"), _l("Wait a few seconds, then try again.")),
}
# A 503 that lasts until the operators repair something.
UNREADABLE = (
    _l("This page cannot be shown at the moment"),
    _l("Something is wrong with our copy of it. Try again later; other pages may be there."),
)
FALLBACK = (
    _l("Something went wrong on our side"),
    _l("It is not your doing. Try again in a moment, or start from a search."),
)
CANNOT_SAVE = (
    _l("Nothing can be saved at the moment"),
    _l(
        "The site cannot save anything, because %(reason)s. You can read on. What you sent was not"
        " taken: go back, where it still stands, and send it again in an hour."
    ),
)
# Why nothing can be saved, by the name of the fault.
CANNOT_SAVE_REASONS = {
    database_faults.FULL: _l("its disk is full"),
    database_faults.READ_ONLY: _l("its database may only be read"),
    database_faults.MISSING: _l("its database cannot be reached"),
    database_faults.UNREACHABLE: _l("its database cannot be reached"),
    database_faults.DAMAGED: _l("its database is damaged"),
}
CLIENT_FALLBACK = TEXTS[400]


class CannotSave(ServiceUnavailable):
    """Nothing can be written; `reason` says why, for visitors."""

    def __init__(self, reason: LazyString) -> None:
        super().__init__()
        self.reason = reason


def init_app(app: Flask) -> None:
    """Turn every HTTP error, and every failure, into a page that helps."""
    app.extensions["psg_404_redirects"] = []
    app.extensions["psg_error_pages"] = {}
    app.extensions["psg_last_resort"] = {}
    for code in default_exceptions:
        app.register_error_handler(code, handle_http_error)
    app.register_error_handler(DatabaseError, handle_database_error)
    app.register_error_handler(OSError, handle_os_error)


def register_404_redirect(app: Flask, find: Callable[[], str | None]) -> None:
    """Register a function that may find where the missing address of this request leads."""
    app.extensions["psg_404_redirects"].append(find)


def handle_http_error(error: HTTPException) -> ResponseReturnValue:
    """Render an HTTP error; a 404 may turn out to be an old address.

    Where a page fails, a stale one is better than any error; but a request that the server
    refused is not about a page.
    """
    # A request without a slot runs no query, and renders nothing that takes long.
    if isinstance(error, NotFound) and slots.is_held():
        try:
            return _not_found(error)
        except Exception as failure:  # the last resort must not fail because a package does
            if isinstance(failure, OperationalError) and failures.is_busy(failure):
                return handle_database_error(failure)  # the page may exist after all
            log.exception("The 404 page failed; showing the bare one")
    is_ours = (error.code or 500) >= 500 and REFUSED not in request.environ
    if is_ours and (stale := caching.stale_response()) is not None:
        return stale
    return _bare_response(error)


def handle_database_error(error: DatabaseError) -> ResponseReturnValue:
    """Render that the site is busy, that nothing can be saved, or that it cannot be read.

    Runs no query. Raises an error of a statement again.
    """
    if not database_unavailable(error):
        raise error
    if (stale := caching.stale_response()) is not None:
        return stale
    if failures.is_busy(error):
        return _retry_later(ServiceUnavailable(), SOON)
    if _cannot_save(error) and (reason := cannot_save_reason(error)) is not None:
        return _retry_later(CannotSave(reason), WRITABLE_AGAIN)
    if failures.is_damaged(error):
        return _retry_later(ServiceUnavailable(), REPAIRED, UNREADABLE)
    if failures.is_unreachable(error):
        fault = database_faults.diagnose(error)
        if fault is not None and fault.name == database_faults.UNREACHABLE:
            return _retry_later(ServiceUnavailable(), SOON)  # too many open files, say: it passes
        return _retry_later(ServiceUnavailable(), REPAIRED, UNREADABLE)
    return handle_http_error(InternalServerError())


def handle_os_error(error: OSError) -> ResponseReturnValue:
    """Render that nothing can be saved where the disk is full. Raises any other error again."""
    if not failures.is_disk_full(error):
        raise error
    log.error("Disk error: %s", failures.describe(error))
    reason = CANNOT_SAVE_REASONS[database_faults.FULL]
    return _retry_later(CannotSave(reason), WRITABLE_AGAIN)


def cannot_save_reason(error: DatabaseError) -> LazyString | None:
    """Return why nothing can be saved, None where the database is only busy."""
    fault = database_faults.diagnose(error)
    return CANNOT_SAVE_REASONS.get(fault.name) if fault is not None else None


def _cannot_save(error: DatabaseError) -> bool:
    # A reader has nothing to save: to them the database is unavailable.
    unwritable = failures.cannot_write(error) and request.method == "POST"
    return unwritable or failures.is_disk_full(error)


def _retry_later(
    error: HTTPException, seconds: int, texts: tuple[LazyString, ...] = ()
) -> Response:
    response = _bare_response(error, texts)
    response.headers["Retry-After"] = str(seconds)
    return response


def database_unavailable(error: DatabaseError) -> bool:
    """Return, and log, whether an error is the database's and not one of our statement.

    This request then runs no more queries: the page that says so is rendered without them.
    """
    damaged = failures.is_damaged(error)
    if not (damaged or failures.is_busy(error) or isinstance(error, OperationalError)):
        return False
    fault = database_faults.diagnose(error)
    explanation = f" ({fault.text}. {fault.advice})" if fault is not None else ""
    log.error("Database error: %s%s", error.orig, explanation)
    if damaged and not _cannot_save(error):
        integrity.report_damage(failures.describe(error))
    fail_fast()
    return True


def _not_found(error: NotFound) -> ResponseReturnValue:
    heading, message = _texts(error)
    with read_only():  # whatever the method was, the look-up changes nothing
        for find in current_app.extensions["psg_404_redirects"]:
            if destination := find():
                return redirect(destination, 301)
        # An address may hold a name that was redacted: the page does not repeat it.
        page = render_template(
            "error.html",
            code=404,
            heading=heading,
            message=message,
            counterpart=f"{PREFIXES[languages.other_language()]}/",
            canonical="",
            alternates=(),
        )
    return _response(error, page)


def _bare_response(error: HTTPException, texts: tuple[LazyString, ...] = ()) -> Response:
    """Respond with the page of an error; where that cannot be rendered, with that of a 500.

    A server renders that one when it starts: a process that has too many files open can read
    neither a template nor a translation.
    """
    try:
        return _response(error, _bare_page(error, texts))
    except Exception:
        page = current_app.extensions["psg_last_resort"].get(languages.current_language())
        if page is None:
            raise
        log.exception("The error page could not be rendered")
        return _response(InternalServerError(), page)


def _bare_page(error: HTTPException, texts: tuple[LazyString, ...] = ()) -> str:
    heading, message = map(str, texts) if texts else _texts(error)
    code, cache = error.code or 500, current_app.extensions["psg_error_pages"]
    language = languages.current_language()
    # Rendered once: to refuse a request in a flood must cost next to nothing.
    key = language, code, heading, message
    page: str | None = cache.get(key)
    if page is None:
        # Not by render_template, which runs the context processors of all packages.
        template = current_app.jinja_env.get_template("bare.html")
        page = template.render(code=code, heading=heading, message=message)
        if code == InternalServerError.code:
            current_app.extensions["psg_last_resort"].setdefault(language, page)
        if len(page) < MAX_LENGTH:
            if len(cache) >= MAX_CACHED:
                cache.clear()
            cache[key] = page
    return page


def _texts(error: HTTPException) -> tuple[str, str]:
    code = error.code or 500
    fallback = FALLBACK if code >= 500 else CLIENT_FALLBACK
    heading, message = TEXTS.get(code, fallback)
    if isinstance(error, CannotSave):
        heading, message = CANNOT_SAVE[0], str(CANNOT_SAVE[1]) % {"reason": error.reason}
    # The message of a view that aborts is more to the point.
    own = error.description if error.description != type(error).description else None
    return str(heading), _(own) if own else str(message)


def _response(error: HTTPException, page: str) -> Response:
    response = Response(page, error.code or 500, content_type="text/html; charset=utf-8")
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response
