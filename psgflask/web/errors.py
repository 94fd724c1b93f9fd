"""Every HTTP error -> one error page that needs no database."""

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

from psgflask.core import failures, integrity
from psgflask.core.database import fail_fast, read_only
from psgflask.web import caching, languages, slots
from psgflask.web.site import REFUSED

log = logging.getLogger(__name__)

# Seconds until one should ask again: a lock passes by itself, damage is mended by somebody.
SOON, LATER = 5, 300
# Pages of errors that are kept once drawn, and letters that each may have: half a megabyte.
MOST_KEPT, LONGEST_KEPT = 60, 8_000

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
# A 503 for which nobody is at work, but whoever runs the site will be.
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
        "The disk of the site is full, or may not be written to. You can read on. What you sent was"
        " not taken: go back, where it still stands, and send it again in an hour."
    ),
)
CLIENT_FALLBACK = TEXTS[400]


class CannotSave(ServiceUnavailable):
    """Reading goes on, and nothing can be written."""


def init_app(app: Flask) -> None:
    """Answer every HTTP error, and every fault, with a page that helps."""
    app.extensions["psg_before_404"] = []
    app.extensions["psg_bare_pages"] = {}
    app.extensions["psg_fault_pages"] = {}
    for code in default_exceptions:
        app.register_error_handler(code, show)
    app.register_error_handler(DatabaseError, database_fault)
    app.register_error_handler(OSError, disk_fault)


def ask_before_404(app: Flask, question: Callable[[], str | None]) -> None:
    """Register who may still know where a missing address leads."""
    app.extensions["psg_before_404"].append(question)


def show(error: HTTPException) -> ResponseReturnValue:
    """Render one HTTP error; a 404 may turn out to be an old address.

    Where a page failed that was kept once, that is better than any error, but for a request that
    the server refused: what it is told is not about a page.
    """
    # A request without a slot asks the database nothing, nor draws what takes long.
    if isinstance(error, NotFound) and slots.is_held():
        try:
            return _missing(error)
        except Exception as fault:  # the last page must not fail because a room does
            if isinstance(fault, OperationalError) and failures.is_busy(fault):
                return database_fault(fault)  # whether there is such a page cannot be said yet
            log.exception("The 404 page failed; showing the bare one")
    is_ours = (error.code or 500) >= 500 and REFUSED not in request.environ
    if is_ours and (kept := caching.last_known()) is not None:
        return kept
    return _drawn(error)


def database_fault(error: DatabaseError) -> ResponseReturnValue:
    """Say that the site is busy, that nothing can be saved, or that it cannot be read.

    Asks the database nothing. Raises what is no fault of the database, but of a statement.
    """
    if not unavailable(error):
        raise error
    if (kept := caching.last_known()) is not None:
        return kept
    if failures.is_busy(error):
        return _later(ServiceUnavailable(), seconds=SOON)
    if _cannot_save(error):
        return _later(CannotSave(), seconds=60)
    if failures.is_damaged(error):
        return _later(ServiceUnavailable(), seconds=LATER, words=UNREADABLE)
    if failures.is_unreachable(error):  # too many open files, say: that passes
        return _later(ServiceUnavailable(), seconds=SOON)
    return show(InternalServerError())


def disk_fault(error: OSError) -> ResponseReturnValue:
    """Say that nothing can be saved where the disk is full; any other fault is one."""
    if not failures.is_disk_full(error):
        raise error
    log.error("Disk fault: %s", failures.describe(error))
    return _later(CannotSave(), seconds=60)


def _cannot_save(error: DatabaseError) -> bool:
    # Who only reads wants nothing saved: what he hears of then is a database that is gone.
    closed = failures.cannot_write(error) and request.method == "POST"
    return closed or failures.is_disk_full(error)


def _later(error: HTTPException, *, seconds: int, words: tuple[LazyString, ...] = ()) -> Response:
    answer = _drawn(error, words)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def unavailable(fault: DatabaseError) -> bool:
    """Say, and log, that a fault is the database's and not of a statement that we made.

    This request then asks it for nothing more: what is drawn to say so is drawn without it.
    """
    damaged = failures.is_damaged(fault)
    if not (damaged or failures.is_busy(fault) or isinstance(fault, OperationalError)):
        return False
    log.error("Database fault: %s", fault.orig)
    if damaged and not _cannot_save(fault):
        integrity.report_damage(failures.describe(fault))
    fail_fast()
    return True


def _missing(error: NotFound) -> ResponseReturnValue:
    heading, message = _texts(error)
    with read_only():  # whatever was sent, to find out what is there changes nothing
        for question in current_app.extensions["psg_before_404"]:
            if destination := question():
                return redirect(destination, 301)
        page = render_template("error.html", code=404, heading=heading, message=message)
    return _answer(error, page)


def _drawn(error: HTTPException, words: tuple[LazyString, ...] = ()) -> Response:
    """Answer with the page of an error; where it cannot be drawn, with that of a fault.

    A server draws that one when it starts: a process that has too many files open can read
    neither a template nor a translation.
    """
    try:
        return _answer(error, _bare(error, words))
    except Exception:
        page = current_app.extensions["psg_fault_pages"].get(languages.here())
        if page is None:
            raise
        log.exception("The page of an error could not be drawn")
        return _answer(InternalServerError(), page)


def _bare(error: HTTPException, words: tuple[LazyString, ...] = ()) -> str:
    heading, message = map(str, words) if words else _texts(error)
    code, drawn = error.code or 500, current_app.extensions["psg_bare_pages"]
    # Drawn once: to refuse a request in a flood must cost next to nothing.
    key = languages.here(), code, heading, message
    page: str | None = drawn.get(key)
    if page is None:
        # Not by render_template, which asks what rooms have registered for every page.
        template = current_app.jinja_env.get_template("bare.html")
        page = template.render(code=code, heading=heading, message=message)
        if code == InternalServerError.code:
            current_app.extensions["psg_fault_pages"].setdefault(languages.here(), page)
        if len(page) < LONGEST_KEPT:
            if len(drawn) >= MOST_KEPT:
                drawn.clear()
            drawn[key] = page
    return page


def _texts(error: HTTPException) -> tuple[str, str]:
    code = error.code or 500
    fallback = FALLBACK if code >= 500 else CLIENT_FALLBACK
    heading, message = TEXTS.get(code, fallback)
    if isinstance(error, CannotSave):
        heading, message = CANNOT_SAVE
    # A view that aborts with words of its own knows better what to do.
    own = error.description if error.description != type(error).description else None
    return str(heading), _(own) if own else str(message)


def _answer(error: HTTPException, page: str) -> Response:
    answer = Response(page, error.code or 500, content_type="text/html; charset=utf-8")
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    return answer
