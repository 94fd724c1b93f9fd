"""Slots: how many requests run at once and how many may queue; any more get a 503.

A request that queries the database keeps a processor busy. So that a flood of one kind starves no
other, each kind has slots of its own: a few requests run, a few more queue, and any beyond them
get a "busy" page at once, which costs next to nothing. The server has more threads than all slots
together, so what needs no slot is always served: cached pages, static files, a health check for
monitors.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound, ServiceUnavailable

from psgflask.core.database import fail_fast
from psgflask.core.fair_semaphore import FairSemaphore, QueueFull
from psgflask.core.http_methods import SAFE_METHODS
from psgflask.web import caching

SEARCH, PAGES, RENEWALS = "search", "pages", "renewals"
FILES, FORMS, HEALTH = "files", "forms", "health"
# Of each kind: how many run at once, and how many queue, each of which costs a sleeping thread. A
# queue clears within about a second: a longer wait is worse than a retry.
CAPACITY = {
    SEARCH: (1, 40),  # some ten milliseconds each
    PAGES: (2, 30),
    # Pages that were cached until the content changed: no flood of new addresses keeps the front
    # page from being rendered again.
    RENEWALS: (1, 7),
    FILES: (2, 4),
    FORMS: (2, 30),  # submitted, by a hall of people too; to show a form is a page
    HEALTH: (1, 1),
}
# For requests that take no slot, and to refuse those that find none.
FREE_THREADS = 8
THREADS = sum(map(sum, CAPACITY.values())) + FREE_THREADS
MAX_WAIT = 10.0  # seconds
# A submitted form may have to wait for another writer after that; a response takes six at most.
MAX_WAIT_OF_FORMS = 3.0
RETRY_AFTER = 5  # seconds
_HELD = "psg.slots"

View = TypeVar("View", bound=Callable[..., object])


def init_app(app: Flask) -> None:
    """Let every request that needs a slot take one, once no cached page was found for it."""
    app.extensions["psg_slots"] = {kind: FairSemaphore(*sizes) for kind, sizes in CAPACITY.items()}
    app.before_request(_acquire)
    app.teardown_request(_release)


def use(kind: str) -> Callable[[View], View]:
    """Mark a view whose requests take slots of another kind than `PAGES`."""

    def mark(view: View) -> View:
        view.slots = kind  # type: ignore[attr-defined]  # a mark on a plain function
        return view

    return mark


def exempt(view: View) -> View:
    """Mark a view that does not query the database, and takes no slot."""
    return use("")(view)


def is_held() -> bool:
    """Say whether this request has taken a slot."""
    return _HELD in request.environ


def _acquire() -> ResponseReturnValue | None:
    kinds = _kinds()
    if not kinds:
        return None
    slots: dict[str, FairSemaphore] = current_app.extensions["psg_slots"]
    for kind in kinds:
        try:
            waited = slots[kind].acquire(MAX_WAIT_OF_FORMS if kind == FORMS else MAX_WAIT)
        except QueueFull:
            continue
        request.environ[_HELD] = slots[kind]
        # A request ahead of it in the queue may have been for the same page.
        return caching.cached_response() if waited else None
    if kinds == (FORMS,):
        fail_fast()  # and let the view say so, on a page that keeps what was typed
        return None
    messages = {
        SEARCH: _("Many people are searching just now. Wait a few seconds, then try again."),
    }
    raise ServiceUnavailable(messages.get(kinds[0]), retry_after=RETRY_AFTER)


def _release(error: BaseException | None) -> None:
    held: FairSemaphore | None = request.environ.pop(_HELD, None)
    if held is not None:
        held.release()


def _kinds() -> tuple[str, ...]:
    """Return the kinds of which this request may take a slot, in order; none where it needs none.

    An address without a page may be an old one: to find out takes a query.
    """
    problem = request.routing_exception
    if problem is not None:
        return (PAGES,) if isinstance(problem, NotFound) else ()
    if request.method == "OPTIONS":
        return ()
    if request.method not in SAFE_METHODS:
        return (FORMS,)
    kind: str = getattr(current_app.view_functions.get(request.endpoint or ""), "slots", PAGES)
    if kind == PAGES and caching.was_cached():
        return (RENEWALS, PAGES)
    return (kind,) if kind else ()
