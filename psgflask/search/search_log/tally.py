"""Counts searches in this process, whichever way they were answered, and writes them by itself.

Only words and numbers are kept: neither who asked, nor from where, nor by what program.
"""

import atexit
import heapq
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from multiprocessing import util

from flask import Flask, Response, current_app, request
from sqlalchemy.orm import Session

from psgflask.core import config
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.search.search_log import searches
from psgflask.search.search_log.searches import DailyCount
from psgflask.web import caching

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
# A flood of words that nobody asks for twice pushes out itself, not what many ask for.
MOST_KEPT = 1000


@dataclass(frozen=True)
class SearchNote:
    """What a page of results, kept or fresh, knows of the search that it answers."""

    text: str
    hits: int | None


class SearchCounter:
    """What was searched for since it was last written; safe among threads, bounded in size."""

    def __init__(self, app: Flask, *, most: int = MOST_KEPT, every: float = EVERY_SECONDS) -> None:
        self.app = app
        self.most = most
        self.every = every
        self.counts: dict[tuple[date, str], DailyCount] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._stop = threading.Event()

    def add(self, searched: Iterable[DailyCount]) -> None:
        """Count searches; where there are too many different ones, the rarest are let go."""
        with self._lock:
            for one in searched:
                key = (one.day, one.text)
                before = self.counts.pop(key, None)
                # Put back last: of equally rare ones the oldest go first.
                self.counts[key] = one if before is None else before.plus(one)
            if len(self.counts) > self.most:
                latest = reversed(self.counts.items())
                # Half of them, so that this work is not done anew at each search of a flood.
                kept = heapq.nlargest(self.most // 2, latest, key=lambda item: item[1].times)
                self.counts = dict(reversed(kept))

    def write(self) -> None:
        """Store what was counted, on a connection of its own; what fails is kept for later."""
        with self._writing:
            with self._lock:
                counted, self.counts = self.counts, {}
            if not counted:
                return
            try:
                secret = str(self.app.config["SECRET_KEY"])
                with self.app.app_context(), Session(db.engine) as session:
                    searches.store(session, counted.values(), secret=secret)
                    session.commit()
            except Exception as error:
                # Its name alone: the words of the searches may stand in its message.
                log.warning("Searches were not written down (%s); later", type(error).__name__)
                self.add(counted.values())

    def start(self) -> None:
        """Write once a minute in a thread, and once more when the process ends."""
        threading.Thread(target=self._run, name="tally", daemon=True).start()
        # A server's process that was forked ends without the first, another without the second.
        atexit.register(self.stop)
        util.Finalize(self, self.stop, exitpriority=10)

    def stop(self) -> None:
        """Write what there is, and no more by itself."""
        self._stop.set()
        self.write()

    def _run(self) -> None:
        while not self._stop.wait(self.every):
            self.write()


def init_app(app: Flask) -> None:
    """Count the searches that this app answers. Nothing is written until a server calls `start`."""
    app.extensions["psg_tally"] = SearchCounter(app)
    app.after_request(_count)


def of(app: Flask) -> SearchCounter:
    """Return what an app has counted."""
    counted: SearchCounter = app.extensions["psg_tally"]
    return counted


def start(app: Flask) -> None:
    """Let a server's process write what it counts; a command counts nothing."""
    if not config.in_command():
        of(app).start()


def note(q: str, hits: int | None) -> None:
    """Note on the page being drawn which search it answers, and how many articles were found."""
    text = searches.normalised(q)
    if text:
        caching.set_note(SearchNote(text, hits))


def _count(response: Response) -> Response:
    """Count an answer by the note of its page, which a kept page has from its drawing."""
    try:
        found = caching.get_note()
        counts = request.method == "GET" and response.status_code in {200, 304}
        if counts and isinstance(found, SearchNote):
            tally: SearchCounter = current_app.extensions["psg_tally"]
            tally.add([DailyCount(utc_now().date(), found.text, 1, found.hits)])
    except Exception as error:  # whoever searches gets the answer in any case
        log.warning("A search was not counted (%s)", type(error).__name__)
    return response
