"""What `flask doctor` asks of the members: memberships, their amounts, the list of the erased."""

from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from psgflask.core.clock import london_day, utc_now
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding
from psgflask.members import erased_list, tiers


def amounts(app: Flask) -> Iterator[Finding]:
    """Is it known what each membership costs today?"""
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


def erased(app: Flask) -> Iterator[Finding]:
    """Can the list of the erased be read, so that a restored backup can be made good?"""
    file = Path(app.instance_path, erased_list.FILE)
    try:
        erased_list.read(file)
    except erased_list.ListUnreadable as error:
        yield Finding(erased_list.FILE, FAULT, str(error), "Look into the file")
