"""The worker's tasks for search: what no commit does for the index, and old counts of searches."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core import clock_watch
from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.search import search_log
from psgflask.search.index.protocol import IndexBroken, NewerSchema
from psgflask.search.sync import indexer
from psgflask.search.sync.indexer import INDEXED_UNTIL

log = logging.getLogger(__name__)

# The file in the index's folder with the time of the last purge.
PURGED = "purged"
# Files that look unchanged are verified again so often, in case the disk changed them.
VERIFY_EVERY = timedelta(hours=1)
LOOK_AHEAD_EVERY = 30.0  # seconds
# Text of articles that were removed cannot be found at once, and leaves the files so soon.
PURGE_AFTER = timedelta(days=1)
TIDY_COUNTS_EVERY = timedelta(hours=1)


def init_app(app: Flask) -> None:
    """Let the tasks begin anew with the process."""
    app.extensions["psg_index_verified"] = utc_now()
    app.extensions["psg_index_looked_ahead"] = None


def update_index(app: Flask, *, now: datetime | None = None) -> None:
    """Drain the ledger, index articles that have become due, and repair a broken index."""
    now = now or utc_now()
    store = indexer.store(app)
    if abs(now - app.extensions["psg_index_verified"]) > VERIFY_EVERY:
        store.distrust()
        app.extensions["psg_index_verified"] = now
    try:
        store.verify()
        indexer.drain(app, now=now)
        _index_due(app, now)
        _tidy(app, now)
    except NewerSchema as newer:
        log.warning("%s: changes wait in the ledger until this process is restarted", newer)
    except IndexBroken as broken:
        log.warning("The index is missing or broken (%s); building it anew", broken)
        indexer.rebuild(app, now=now, wait=False)


def _index_due(app: Flask, now: datetime) -> None:
    """Index the articles that were published by their time since the last look."""
    until = indexer.recorded_time(app, INDEXED_UNTIL)
    if until is None:
        indexer.repair(app, indexer.check(app, now=now), now=now)
        indexer.record_time(app, INDEXED_UNTIL, now)
        return
    # A clock that was set back makes articles unpublished again.
    with indexer.reading(app) as session:
        due = catalogue.due(session, min(until, now), max(until, now))
    if due:
        indexer.reindex(app, due, now)
    if due or until > now:
        indexer.record_time(app, INDEXED_UNTIL, now)


def _remove_early(app: Flask, now: datetime) -> None:
    """Remove what is due later, twice a minute and when the clock was set back.

    A commit while the clock was ahead may have indexed it. The caller holds the lock.
    """
    looked: tuple[datetime, float] | None = app.extensions["psg_index_looked_ahead"]
    if looked and now >= looked[0] and time.monotonic() - looked[1] < LOOK_AHEAD_EVERY:
        return
    with indexer.reading(app) as session:
        later: Iterable[int] = catalogue.due(session, now)
    if later:
        indexer.store(app).apply([], later)
    app.extensions["psg_index_looked_ahead"] = (now, time.monotonic())


def _tidy(app: Flask, now: datetime) -> None:
    """Remove what is early, merge segments, and once a day purge the text of removed articles."""
    lock = indexer.store(app).writing(wait=False)
    if lock is None:
        return
    purged = indexer.recorded_time(app, PURGED)
    purge = purged is None or abs(now - purged) >= PURGE_AFTER
    with lock:
        _remove_early(app, now)
        tidied = indexer.store(app).tidy(purge=purge)
    if purge and tidied:  # else the next run tries again
        indexer.record_time(app, PURGED, now)


def tidy_search_log(app: Flask) -> None:
    """Once an hour fold the counts of days into months, and delete what is due."""
    now = utc_now()
    tidied: datetime | None = app.extensions.get("psg_search_log_tidied")
    if tidied is not None and abs(now - tidied) < TIDY_COUNTS_EVERY:
        return
    with app.app_context(), Session(db.engine) as session:
        bounds = clock_watch.time_bounds(app)
        search_log.move_from_future(session, london_day(now), london_day(bounds.latest))
        search_log.tidy(session, london_day(bounds.earliest))
        session.commit()
    app.extensions["psg_search_log_tidied"] = now
