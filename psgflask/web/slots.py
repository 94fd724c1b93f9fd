"""Slots: how many requests are worked on at once and how many may wait; the next is refused.

Whatever asks the database keeps a processor busy. So that a flood of one kind of request starves
no other, each kind has slots of its own: a few requests at once, a few more in line, and whoever
comes beyond them hears at once that the site is busy, which costs next to nothing. The server has
more threads than all slots together, so what needs none is always served: finished pages that are
kept, static files, a word for monitors.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound, ServiceUnavailable

from psgflask.core.database import fail_fast
from psgflask.web import caching

SEARCH, PAGES, RENEWALS = "search", "pages", "renewals"
FILES, FORMS, HEALTH = "files", "forms", "health"
# Of each kind: how many at once, and how many in line, which costs a thread that sleeps. A line
# is worked off in a second or so: whoever would wait for longer had better come again.
ROOM = {
    SEARCH: (1, 15),
    PAGES: (2, 30),
    # Pages that were kept until the content changed: no flood of addresses never asked for
    # before keeps the front page from being drawn again.
    RENEWALS: (1, 7),
    FILES: (2, 4),
    FORMS: (2, 30),  # what is sent, by a hall of people too; to show a form is a page
    HEALTH: (1, 1),
}
# For what takes no slot, and to refuse what finds none.
FREE_THREADS = 8
THREADS = sum(map(sum, ROOM.values())) + FREE_THREADS
LONGEST_WAIT = 10.0  # seconds
# Who sends a form may have to wait for another writer after that, and hears within six seconds.
LONGEST_WAIT_OF_FORMS = 3.0
COME_AGAIN_AFTER = 5  # seconds
_CHANGES_NOTHING = frozenset({"GET", "HEAD"})
_HELD = "psg.slots"

View = TypeVar("View", bound=Callable[..., object])


class Full(Exception):  # a state, not an error
    """As many wait as may, or this one waited too long."""


class Slots:
    """Slots for requests of one kind: some at once, some in line, first come, first served."""

    def __init__(self, at_once: int, waiting: int, longest: float | None = None) -> None:
        self.most_waiting = waiting
        self.longest = longest
        self._lock = threading.Lock()
        self._free = at_once
        self._line: deque[threading.Event] = deque()

    def take(self) -> bool:
        """Take a slot, and say whether that took waiting. Raises Full."""
        with self._lock:
            if self._free:
                self._free -= 1
                return False
            if len(self._line) >= self.most_waiting:
                raise Full
            turn = threading.Event()
            self._line.append(turn)
        if not turn.wait(LONGEST_WAIT if self.longest is None else self.longest):
            with self._lock:
                if not turn.is_set():  # else a slot was handed over just now
                    self._line.remove(turn)
                    raise Full
        return True

    def give_back(self) -> None:
        """Hand the slot to who waits longest; to nobody else, so that nobody is overtaken."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot for the length of the block. Raises Full."""
        self.take()
        try:
            yield
        finally:
            self.give_back()


def init_app(app: Flask) -> None:
    """Let every request that needs a slot take one, once no kept page was found for it."""
    app.extensions["psg_slots"] = {kind: Slots(*room) for kind, room in ROOM.items()}
    app.extensions["psg_slots"][FORMS].longest = LONGEST_WAIT_OF_FORMS
    app.before_request(_take)
    app.teardown_request(_give_back)


def of_kind(kind: str) -> Callable[[View], View]:
    """Mark a view whose requests take slots of another kind than `PAGES`."""

    def mark(view: View) -> View:
        view.slots = kind  # type: ignore[attr-defined]  # a mark on a plain function
        return view

    return mark


def free(view: View) -> View:
    """Mark a view that asks the database nothing, and takes no slot."""
    return of_kind("")(view)


def is_held() -> bool:
    """Say whether this request has taken a slot."""
    return _HELD in request.environ


def _take() -> ResponseReturnValue | None:
    kinds = _kinds()
    if not kinds:
        return None
    everyone: dict[str, Slots] = current_app.extensions["psg_slots"]
    for kind in kinds:
        try:
            waited = everyone[kind].take()
        except Full:
            continue
        request.environ[_HELD] = everyone[kind]
        # Whoever stood in front may have asked for the same page.
        return caching.serve() if waited else None
    if kinds == (FORMS,):
        fail_fast()  # and let the view say so, on a page that keeps what was typed
        return None
    words = {
        SEARCH: _("Many people are searching just now. Wait a few seconds, then try again."),
    }
    raise ServiceUnavailable(words.get(kinds[0]), retry_after=COME_AGAIN_AFTER)


def _give_back(error: BaseException | None) -> None:
    held: Slots | None = request.environ.pop(_HELD, None)
    if held is not None:
        held.give_back()


def _kinds() -> tuple[str, ...]:
    """Return the kinds of which this request may take a slot, in order; none where it needs none.

    An address without a page may be an old one: to find out asks the database.
    """
    problem = request.routing_exception
    if problem is not None:
        return (PAGES,) if isinstance(problem, NotFound) else ()
    if request.method == "OPTIONS":
        return ()
    if request.method not in _CHANGES_NOTHING:
        return (FORMS,)
    kind: str = getattr(current_app.view_functions.get(request.endpoint or ""), "slots", PAGES)
    if kind == PAGES and caching.was_kept():
        return (RENEWALS, PAGES)
    return (kind,) if kind else ()
