"""Health checks of members: memberships on offer and amounts, bounces, the list of the erased."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from flask import Flask

from psgflask.core.clock import format_time, london_day, utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.members import bounces, erasure, rights, tiers
from psgflask.members.models import COMPLAINT

# Of many open requests, so many are named: those that are due first.
MAX_NAMED = 10


def check_memberships(app: Flask) -> Iterator[Finding]:
    """Check that memberships are on offer, each with an amount today."""
    try:
        offered = tiers.offered(Path(app.instance_path))
    except tiers.MembershipsUnreadable as error:
        advice = "Nobody can join until it is put right"
        yield Finding("memberships", FAULT, str(error), advice)
        return
    if not offered:
        yield Finding("memberships", FAULT, "None is offered", f"Look into {tiers.FILE}")
        return
    today = london_day(utc_now())
    missing = [key for key, tier in offered.items() if tiers.amount_on(tier, today) is None]
    if missing:
        text = f"To be confirmed by PSG: what a membership costs ({', '.join(missing)})"
        advice = f"Write the amounts into {tiers.FILE} in the instance folder"
        yield Finding("memberships", ATTENTION, text, advice)
    else:
        yield Finding("memberships", OK, f"{len(offered)} are offered, each at its amount")


def check_rights_requests(app: Flask) -> Iterator[Finding]:
    """Check that complaints and requests about personal data are answered in time."""
    today = london_day(utc_now())
    waiting = rights.open_requests(db.session())
    for request in waiting[:MAX_NAMED]:
        subject, advice = request.reference, f"psgflask members requests show {request.reference}"
        text = f"A request for {request.right}" if request.right != COMPLAINT else "A complaint"
        if request.due_on < today:
            text = f"{text} should have been answered by {request.due_on}"
            yield Finding(subject, FAULT, text, advice)
        elif request.acknowledged_at is None:
            text = f"{text}, due on {request.due_on}, has no receipt yet: none was mailed"
            advice = f"psgflask members requests acknowledge {request.reference}"
            yield Finding(subject, ATTENTION, text, advice)
        else:
            yield Finding(subject, ATTENTION, f"{text} is due on {request.due_on}", advice)
    if len(waiting) > MAX_NAMED:
        text = f"{len(waiting) - MAX_NAMED} more requests wait for an answer"
        yield Finding("requests", ATTENTION, text, "psgflask members requests list")
    elif not waiting:
        yield Finding("requests", OK, "No complaint or request about personal data waits")


def check_bounces(app: Flask) -> Iterator[Finding]:
    """Name how many people's mail comes back: they miss what they agreed to."""
    count = bounces.count(db.session())
    if count:
        advice = "psgflask members list --bounced names them: ask them for another address"
        yield Finding("bounces", ATTENTION, f"People whose mail comes back: {count}", advice)


def check_erased_list(app: Flask) -> Iterator[Finding]:
    """Check that the list of the erased is readable, for after a restore."""
    file = Path(app.instance_path, erasure.LIST_FILE)
    try:
        _entries, damaged = erasure.read_list(file)
    except erasure.ErasedListUnreadable as error:
        message = str(error)
    else:
        message = erasure.damage(file, damaged) if damaged else ""
    if message:
        yield Finding(erasure.LIST_FILE, FAULT, message, "Look into the file")
    if (since := erasure.unconfirmed_since(file.parent)) is not None:
        yield Finding(erasure.LIST_FILE, FAULT, *unconfirmed_texts(since))


def unconfirmed_texts(since: datetime) -> tuple[str, str]:
    """Return what is wrong with a site that was restored and not confirmed, and what to do."""
    text = (
        f"Restored without a newer list of the erased than of {format_time(since)}:"
        " people who were erased after that may be back"
    )
    advice = (
        "psgflask members erase-again --erased FILE --confirm, with the newest erased.txt that can"
        " be found; if nobody was erased after that, psgflask members erase-again --confirm"
    )
    return text, advice
