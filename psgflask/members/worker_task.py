"""The worker task for members: erases expired applicants, and deletes what is needed no longer."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.accounts import confirmation_tokens, rate_limits
from psgflask.core import clock_watch, database
from psgflask.core.clock import london_day, london_hour, utc_now
from psgflask.core.database import db, read_only
from psgflask.members import erasure, rights

log = logging.getLogger(__name__)

INTERVAL = timedelta(hours=1)
# When the database is vacuumed after erasures: visitors wait meanwhile, and fewest come then.
QUIET_HOURS = range(2, 5)
SINCE_YESTERDAY = timedelta(hours=27)


@dataclass
class LastRuns:
    """When this process last did each part of the task."""

    housekeeping: datetime | None = None
    vacuum: date | None = None


def init_app(app: Flask) -> None:
    """Make the first run of the task in a process do everything."""
    app.extensions["psg_members_last_runs"] = LastRuns()


def run(app: Flask) -> None:
    """Do the housekeeping once an hour; vacuum the database in the night after an erasure."""
    last: LastRuns = app.extensions["psg_members_last_runs"]
    now = utc_now()
    bounds = clock_watch.time_bounds(app)
    if last.housekeeping is None or abs(now - last.housekeeping) >= INTERVAL:
        correct_future_dates(app, now, bounds.latest)
        erase_expired(app, bounds.earliest, first=last.housekeeping is None)
        last.housekeeping = now
    quiet = london_hour(now) in QUIET_HOURS
    # Expired applicants are erased at the earliest time that it can be.
    if quiet and last.vacuum != london_day(now) and vacuum(app, min(now, bounds.earliest)):
        last.vacuum = london_day(now)


def correct_future_dates(app: Flask, now: datetime, latest: datetime) -> None:
    """Date as of now what was dated while the clock was ahead, or it would be kept for longer."""
    with app.app_context(), Session(db.engine) as session:
        erasure.correct_future_dates(session, now=now, latest=latest)
        rights.correct_future_dates(session, now=now, latest=latest)
        rate_limits.delete_future(session, latest=latest)
        confirmation_tokens.correct_future_dates(session, now=now, latest=latest)
        session.commit()


def erase_expired(app: Flask, now: datetime, *, first: bool = False) -> None:
    """Erase expired applicants from tables and files.

    `now` is the earliest time that it can be. The `first` run of a process searches the files of
    mails in any case: a process may have been killed between tables and files.
    """
    with app.app_context(), Session(db.engine) as session:
        erased = erasure.erase_expired(session, now=now)
        rights.delete_expired(session, now=now)
        rate_limits.delete_expired(session, now=now)
        confirmation_tokens.delete_expired(session, now=now)
        entries = erasure.erased_entries(session)
        session.commit()
    erasure.erase_files(Path(app.instance_path), entries, erased, mails=first or bool(erased))
    if erased:
        log.info("%d applications that nobody confirmed in 90 days were erased", len(erased))


def vacuum(app: Flask, now: datetime) -> bool:
    """Vacuum the database if somebody was erased since yesterday.

    False when that was due and is not possible now.
    """
    with app.app_context():
        with read_only(), Session(db.engine) as session:
            due = bool(erasure.erased_entries(session, since=now - SINCE_YESTERDAY))
        return database.vacuum(db.engine) if due else True
