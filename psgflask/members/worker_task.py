"""The worker's task for members: forgets, in time, what nobody has a reason to keep."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core import clock_watch, database
from psgflask.core.clock import london_day, london_hour, utc_now
from psgflask.core.database import db, read_only
from psgflask.members import erased_list, erasure, forgetting, retention

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
# When the file is written anew after erasures: visitors wait for it, and fewest come then.
QUIET_HOURS = range(2, 5)
SINCE_YESTERDAY = timedelta(hours=27)


@dataclass
class Rounds:
    """What the task of a process remembers from round to round."""

    tidied: datetime | None = None
    compacted: date | None = None


def init_app(app: Flask) -> None:
    """Let the task begin anew with the process."""
    app.extensions["psg_members_rounds"] = Rounds()


def sweep(app: Flask) -> None:
    """Once an hour tidy up; in the night after an erasure, write the database's file anew."""
    rounds: Rounds = app.extensions["psg_members_rounds"]
    now = utc_now()
    agreed = clock_watch.time_bounds(app)
    if rounds.tidied is None or abs(now - rounds.tidied) >= EVERY:
        put_right(app, now, agreed.latest)
        tidy(app, agreed.earliest, anew=rounds.tidied is None)
        rounds.tidied = now
    quiet = london_hour(now) in QUIET_HOURS
    # Who was erased by age is dated by the earliest that it can have been.
    if quiet and rounds.compacted != london_day(now) and compact(app, min(now, agreed.earliest)):
        rounds.compacted = london_day(now)


def put_right(app: Flask, now: datetime, latest: datetime) -> None:
    """Date what was written while the clock was ahead as of now; it would be kept for too long."""
    with app.app_context(), Session(db.engine) as session:
        retention.put_right(session, now=now, latest=latest)
        session.commit()


def tidy(app: Flask, now: datetime, *, anew: bool = False) -> int:
    """Erase whom nothing speaks for, in tables and files; return how many there were.

    `now` is the earliest moment that it can be.
    `anew` looks through the files of mails in any case: whoever erased may have been stopped.
    """
    instance = Path(app.instance_path)
    with app.app_context(), Session(db.engine) as session:
        gone = retention.tidy(session, now=now)
        entries = erasure.erased(session)
        session.commit()
    erased_list.add(instance / erased_list.FILE, entries)
    if gone or anew:
        numbers, emails = {entry.number for entry in entries}, {one.email for one in gone} - {""}
        forgetting.remove_mails(instance / "outbox", numbers, emails)
    if gone:
        log.info("%d applications that nobody confirmed in 90 days were erased", len(gone))
    return len(gone)


def compact(app: Flask, now: datetime) -> bool:
    """Write the database's file anew if somebody was erased since yesterday.

    False when that was wanted and could not be done now.
    """
    since = now - SINCE_YESTERDAY
    with app.app_context():
        with read_only(), Session(db.engine) as session:
            wanted = any(entry.at >= since for entry in erasure.erased(session))
        return database.vacuum(db.engine) if wanted else True
