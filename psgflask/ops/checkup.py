"""The questions that `flask doctor` asks, one function each; those of mail are in its room."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Config, Flask
from sqlalchemy import text

from psgflask.core import (
    clock_watch,
    config,
    database,
    failures,
    integrity,
    journal,
    paths,
)
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding, HealthCheck
from psgflask.mail import health as mail
from psgflask.members import health as members
from psgflask.news import health as news
from psgflask.ops import installing, migrating, worker, worker_lock
from psgflask.search import health as search

LEAST_FREE = 200_000_000
COMFORTABLY_FREE = 2_000_000_000
SHORTEST_SECRET = 32
# What fails for no longer than this may have passed at the next try.
PASSING = timedelta(minutes=1)
# Flask's own settings that somebody may well put into config.py.
FLASKS_OWN = frozenset({"DEBUG", "TESTING", "SECRET_KEY_FALLBACKS"})


def sqlite(app: Flask) -> Iterator[Finding]:
    """Which journal rule is in force, and is the file whole?"""
    with db.engine.connect() as connection:
        if not database.is_sqlite(connection):
            yield Finding("database", OK, f"{connection.dialect.name} answers")
            return
        rule, reason = journal.mode_and_reason()
        mode = str(connection.scalar(text("PRAGMA journal_mode"))).upper()
    if mode == rule:
        yield Finding("journal", OK, f"{mode}: {reason}")
    else:
        advice = "The worker changes it to WAL as soon as nobody else has the database open"
        yield Finding("journal", ATTENTION, f"{mode}: readers wait for who writes", advice)
    if damage := integrity.check_database():
        yield Finding(
            "database", FAULT, f"The file is damaged: {damage}", integrity.recovery_advice()
        )
        return
    with db.engine.connect() as connection:
        lost = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if lost:
        text_ = f"{len(lost)} rows refer to rows that are gone, first in {lost[0][0]}"
        yield Finding("database", FAULT, text_, "Restore the last backup, or ask for help")
    else:
        yield Finding("database", OK, "The file is whole")


def schema(app: Flask) -> Iterator[Finding]:
    """Are the migrations at head?"""
    at, newest = migrating.current(), migrating.newest()
    if at == newest:
        yield Finding("migrations", OK, f"At the newest revision, {newest}")
    elif at is None:
        yield Finding("migrations", FAULT, "The database has no tables", "psgflask init")
    elif not migrating.known(at):
        text_ = f"Revision {at} was made by newer code than this"
        yield Finding("migrations", FAULT, text_, "Install the newer version of the site")
    else:
        text_ = f"At revision {at}; this code needs {newest}"
        yield Finding("migrations", FAULT, text_, "psgflask init")


def disk(app: Flask) -> Iterator[Finding]:
    """Is there room to write?"""
    free = shutil.disk_usage(app.instance_path).free
    text_ = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        yield Finding("disk", FAULT, text_, "Make room now: nothing can be saved when it is full")
    elif free < COMFORTABLY_FREE:
        yield Finding("disk", ATTENTION, text_, "Make room soon")
    else:
        yield Finding("disk", OK, text_)


def translations(app: Flask) -> Iterator[Finding]:
    """Can the site speak Spanish?"""
    if any(paths.translations().glob("es/LC_MESSAGES/*.mo")):
        yield Finding("translations", OK, "Compiled")
    else:
        advice = "make run compiles them; so does python psgflask/translations/compile.py"
        yield Finding("translations", FAULT, "Not compiled: /es/ pages are in English", advice)


def facts(app: Flask) -> Iterator[Finding]:
    """Which facts does the PSG still have to supply?"""
    for setting in config.unconfirmed(app.config):
        yield Finding(
            setting.name,
            ATTENTION,
            f"To be confirmed by PSG: {setting.meaning}",
            f"Set {setting.name} in config.py",
        )


def base_address(app: Flask) -> Iterator[Finding]:
    """Is the public address one that a public site may have?"""
    base = urlsplit(str(app.config["BASE_URL"]))
    if base.scheme == "https":
        yield Finding("BASE_URL", OK, base.geturl())
        if not app.config["TRUSTED_PROXIES"]:
            advice = "nginx as docs/operating.md sets it up (Deploy), and TRUSTED_PROXIES = 1"
            text_ = (
                "None is believed. The open internet needs one in front: who holds many connections"
                " open, silent or slow, is not stopped without it"
            )
            yield Finding("TRUSTED_PROXIES", ATTENTION, text_, advice)
    elif _is_loopback(base.hostname or ""):
        advice = "In production: BASE_URL = 'https://your.site'"
        yield Finding("BASE_URL", ATTENTION, f"{base.geturl()} is for this machine alone", advice)
    else:
        advice = f"BASE_URL = 'https://{base.netloc}', behind a proxy that has the certificate"
        yield Finding("BASE_URL", FAULT, f"{base.geturl()} sends everything in the open", advice)


def secret(app: Flask) -> Iterator[Finding]:
    """Is the secret hard to guess and known to nobody else?"""
    key = str(app.config["SECRET_KEY"])
    make = "python3 -c 'import secrets; print(secrets.token_hex(32))' makes a good one"
    if not key:
        yield Finding("SECRET_KEY", FAULT, "Missing: the server will not start", "psgflask init")
    elif len(key) < SHORTEST_SECRET or len(set(key)) < SHORTEST_SECRET // 4:
        yield Finding("SECRET_KEY", FAULT, "Short enough to be guessed", make)
    else:
        yield Finding("SECRET_KEY", OK, "Long and mixed")


def rights(app: Flask) -> Iterator[Finding]:
    """Are the secret and the members' addresses closed to others on this machine?"""
    instance = Path(app.instance_path)
    for path in installing.private(instance):
        subject = "instance" if path == instance else path.name
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            text_ = f"Others on this machine may open it (mode {mode:04o})"
            advice = f"chmod {'700' if path.is_dir() else '600'} {path}"
            yield Finding(subject, FAULT, text_, advice)
        else:
            yield Finding(subject, OK, "Open to its owner alone")


def config_file(app: Flask) -> Iterator[Finding]:
    """Is there a config.py, and does it name settings that exist?"""
    if not Path(app.instance_path, "config.py").is_file():
        yield Finding("config.py", ATTENTION, "There is none", "psgflask init")
        return
    for name in set(_written(app)) - config.NAMES - FLASKS_OWN:
        near = get_close_matches(name, config.NAMES, n=1)
        advice = f"Did you mean {near[0]}?" if near else "Remove it"
        yield Finding(name, ATTENTION, "There is no such setting: it does nothing", advice)


def modes(app: Flask) -> Iterator[Finding]:
    """Is a mode on that belongs to development? (Flask sets DEBUG anew for each command.)"""
    for name in ("DEBUG", "TESTING"):
        if _written(app).get(name):
            text_ = "On: faults would not become pages, and visitors would see the inside"
            yield Finding(name, FAULT, text_, f"Remove {name} from config.py")


def strangers(app: Flask) -> Iterator[Finding]:
    """Does the environment name settings that do not exist?"""
    known = {f"PSG_{name}" for name in config.NAMES} | {"PSG_INSTANCE", "PSG_CORPORA"}
    for name in sorted(name for name in os.environ if name.startswith("PSG_")):
        if name not in known:
            yield Finding(name, ATTENTION, "No setting has this name: it does nothing", "Unset it")


def _written(app: Flask) -> Mapping[str, Any]:
    """Return what config.py itself sets."""
    written = Config(app.root_path)
    written.from_pyfile(str(Path(app.instance_path, "config.py")), silent=True)
    return written


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def background(app: Flask) -> Iterator[Finding]:
    """Does a worker run, and does each of its tasks succeed?"""
    if not worker.runs(app):
        text_ = "None runs: scheduled articles are not indexed when their time comes"
        yield Finding("worker", ATTENTION, text_, "Start the server, or psgflask worker")
        return
    troubles = worker_lock.read_troubles(Path(app.instance_path))
    if troubles is None:
        text_ = "Runs, but cannot write down how its tasks fare"
        yield Finding("worker", ATTENTION, text_, failures.FREE_SPACE)
    elif not troubles:
        yield Finding("worker", OK, "Runs")
    for each in troubles or ():
        since = datetime.fromisoformat(each.since)
        state = FAULT if utc_now() - since > PASSING else ATTENTION
        often = f", {each.times} times" if each.times > 1 else ""
        text_ = f"Its task {each.task!r} fails since {since:%Y-%m-%d %H:%M} UTC{often}"
        yield Finding("worker", state, f"{text_}: {each.error}", each.advice)


QUESTIONS: tuple[HealthCheck, ...] = (
    *(
        sqlite,
        schema,
        search.readable_index,
        search.agreement,
        search.ledger,
        background,
        disk,
        translations,
    ),
    clock_watch.check_clock,
    *(mail.transport, mail.overdue, mail.dead_mails),
    *(base_address, secret, rights, config_file, modes, strangers, facts),
    *(members.check_memberships, members.check_erased_list),
    news.attached_texts,
)
# What decides whether visitors can be served; cheap enough to be asked every few seconds.
FOR_MONITORS: tuple[HealthCheck, ...] = (search.readable_index, search.ledger, disk, mail.overdue)
