"""The health checks of search: is the index readable, does it agree, is the ledger drained?"""

from collections.abc import Iterator

from flask import Flask
from sqlalchemy import func, select

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.findings import FAULT, OK, Finding
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer

# Seconds. The worker looks every five; an older entry means that none runs.
MAX_ENTRY_AGE = 60


def check_ledger(app: Flask) -> Iterator[Finding]:
    """Check that changes are indexed soon."""
    oldest = db.session.scalar(select(func.min(LedgerEntry.queued_at)))
    age = max(0, int((utc_now() - oldest).total_seconds())) if oldest else 0
    if age > MAX_ENTRY_AGE:
        text = f"A change has waited {age} seconds to be indexed"
        yield Finding("ledger", FAULT, text, "Start the server, or psgflask worker")
    else:
        yield Finding("ledger", OK, f"Waiting for {age} seconds" if oldest else "Nothing waits")


def check_readable_index(app: Flask) -> Iterator[Finding]:
    """Check that the index can be read."""
    try:
        indexer.store(app).verify()
    except IndexBroken as broken:
        text = f"Missing or broken: {broken}"
        yield Finding("index", FAULT, text, "The worker mends it; so does psgflask search rebuild")
    else:
        yield Finding("index", OK, "Readable")


def check_agreement(app: Flask) -> Iterator[Finding]:
    """Check that the index agrees with the database."""
    drift = indexer.check(app, changing=False)
    if drift:
        text = (
            f"{len(drift.missing)} articles missing, {len(drift.stale)} out of date,"
            f" {len(drift.superfluous)} too many"
        )
        yield Finding("index", FAULT, text, "psgflask search check --repair")
    else:
        yield Finding("index", OK, "Agrees with the database")
