"""Health checks of the installation, and the list of all that `flask doctor` runs."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Config, Flask
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from psgflask.core import (
    clock_watch,
    config,
    database,
    database_faults,
    failures,
    integrity,
    journal,
    paths,
    requirements,
)
from psgflask.core.clock import format_time, utc_now
from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, FAULT, OK, Finding, HealthCheck
from psgflask.core.networks import is_loopback
from psgflask.core.owner import of_site, user_name
from psgflask.core.paths import CONFIG
from psgflask.core.site_address import site_address
from psgflask.mail import health as mail
from psgflask.members import health as members
from psgflask.news import health as news
from psgflask.ops import hourly_backups, installation, migrations, worker, worker_lock
from psgflask.ops.backup_archive import BackupRefused
from psgflask.sample import health as sample
from psgflask.search import health as search

MIN_FREE, LOW_FREE = 200_000_000, 2_000_000_000  # bytes
MIN_SECRET_LENGTH = 32
MAX_BACKUP_AGE = timedelta(hours=2)
BACKUPS_ADVICE = (
    "If 'worker' says that its task 'backups' fails, do as it says there; the folder is made by:"
    " install -d -o psgflask -m 700 {0}, and must be in ReadWritePaths= of the unit"
)
# A task that has failed for less time may succeed at the next try.
TOLERATED_FAILURE = timedelta(minutes=1)
# Flask's own settings that may be in config.py.
FLASK_SETTINGS = frozenset({"DEBUG", "TESTING", "SECRET_KEY_FALLBACKS"})


def check_sqlite(app: Flask) -> Iterator[Finding]:
    """Check the journal mode, and that the database file is intact."""
    with db.engine.connect() as connection:
        if not database.is_sqlite(connection):
            yield Finding("database", OK, f"{connection.dialect.name} answers")
            return
        expected, reason = journal.mode_and_reason()
        mode = str(connection.scalar(sql("PRAGMA journal_mode"))).upper()
    if mode == expected:
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
        violations = connection.execute(sql("PRAGMA foreign_key_check")).fetchall()
    if violations:
        text = f"{len(violations)} rows refer to rows that are gone, first in {violations[0][0]}"
        yield Finding("database", FAULT, text, "Restore the last backup, or ask for help")
    else:
        yield Finding("database", OK, "The file is whole")


def check_schema(app: Flask) -> Iterator[Finding]:
    """Check that the migrations are at head."""
    if wrong := migrations.mismatch():
        yield Finding("migrations", FAULT, *wrong)
    else:
        newest = migrations.current_revision()
        yield Finding("migrations", OK, f"At the newest revision, {newest}")


def check_requirements(app: Flask) -> Iterator[Finding]:
    """Check that the packages that this code needs are installed."""
    if fault := requirements.fault():
        yield Finding("packages", FAULT, *fault)
    else:
        yield Finding("packages", OK, "All that this code needs are installed")


def check_writable(app: Flask) -> Iterator[Finding]:
    """Check that the database is there, and that something can be saved in it at present."""
    try:
        database.check_writable(database.BUSY_TIMEOUT_MS)
    except (SQLAlchemyError, sqlite3.Error) as error:
        if (fault := database_faults.diagnose(error)) is None:
            raise
        yield Finding("database", FAULT, fault.text, fault.advice)


def check_owners(app: Flask) -> Iterator[Finding]:
    """Check that everything in the instance folder belongs to the user whose site it is."""
    instance = Path(app.instance_path)
    owner = of_site(instance)
    known = {owner, instance.stat().st_uid, None}
    foreign = [
        path
        for folder, folders, files in os.walk(instance)
        for path in (Path(folder, name) for name in (*folders, *files))
        if _owner(path) not in known
    ]
    if foreign:
        name = user_name(owner)
        text = f"{len(foreign)} files and folders are not {name}'s, first {foreign[0]}"
        yield Finding("instance", FAULT, text, f"As root: chown -R {name}: {instance}")


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except FileNotFoundError:  # it was removed meanwhile
        return None


def check_backups(app: Flask) -> Iterator[Finding]:
    """Check that the last hourly backup is not old, and that those in the folder are whole."""
    folder = hourly_backups.folder_of(app)
    if folder is None:
        if app.config["DATABASE_URL"]:
            return  # its own tool backs it up
        advice = "Remove BACKUP_FOLDER from config.py, or name a folder, such as of a mounted disk"
        yield Finding("backups", ATTENTION, "Off: the site makes none by itself", advice)
        return
    try:
        hourly_backups.check_site(app, folder)
    except BackupRefused as refused:
        advice = "Do what it says: until then this site makes no backup"
        yield Finding("backups", FAULT, refused.message, advice)
        return
    made, now = hourly_backups.in_folder(folder), utc_now()
    last = hourly_backups.newest(made, now)
    if last is None:
        text = f"None in {folder} yet: the worker makes one soon after its start"
        yield Finding("backups", ATTENTION, text, BACKUPS_ADVICE.format(folder))
    elif now - last > MAX_BACKUP_AGE:
        text = f"None made since {format_time(last)}, in {folder}"
        yield Finding("backups", FAULT, text, BACKUPS_ADVICE.format(folder))
    else:
        text = f"{len(made)} in {folder}, the last of {format_time(last)}"
        yield Finding("backups", OK, text)
    if made and folder.stat().st_mode & made[0].file.stat().st_mode & 0o077:
        text = f"Others on this machine can read the members' addresses in {folder}"
        advice = (
            f"chmod 700 {folder}; where its disk ignores that (vfat, NTFS, CIFS) mount it with"
            " umask=077, or file_mode=0600,dir_mode=0700"
        )
        yield Finding("backups", FAULT, text, advice)
    checked = hourly_backups.last_check(folder)
    there = {one.file.name for one in made}
    for name, fault in checked.damaged.items() if checked else ():
        if name in there:
            text = f"{folder / name} is damaged: {fault}"
            advice = "Look after the disk, and delete that backup; the others are whole"
            yield Finding("backups", FAULT, text, advice)


def check_disk(app: Flask) -> Iterator[Finding]:
    """Check that the disk has free space, and that of the database where it has its own."""
    file = database.database_file()
    folders = {Path(app.instance_path), *([file.parent] if file and file.parent.is_dir() else [])}
    free = min(shutil.disk_usage(folder).free for folder in folders)
    text = f"{free / 1e9:.1f} GB free"
    if free < MIN_FREE:
        yield Finding("disk", FAULT, text, "Make room now: nothing can be saved when it is full")
    elif free < LOW_FREE:
        yield Finding("disk", ATTENTION, text, "Make room soon")
    else:
        yield Finding("disk", OK, text)


def check_translations(app: Flask) -> Iterator[Finding]:
    """Check that the translations are compiled."""
    if any(paths.translations().glob("es/LC_MESSAGES/*.mo")):
        yield Finding("translations", OK, "Compiled")
    else:
        advice = "make run compiles them; so does python psgflask/translations/compile.py"
        yield Finding("translations", FAULT, "Not compiled: /es/ pages are in English", advice)


def check_unconfirmed_settings(app: Flask) -> Iterator[Finding]:
    """List the settings that the PSG still has to confirm."""
    for setting in config.unconfirmed(app.config):
        yield Finding(
            setting.name,
            ATTENTION,
            f"To be confirmed by PSG: {setting.meaning}",
            f"Set {setting.name} in config.py",
        )


def check_base_address(app: Flask) -> Iterator[Finding]:
    """Check that the public address uses HTTPS, and a proxy is in front of it."""
    base = urlsplit(site_address(app))
    if base.scheme == "https":
        yield Finding("BASE_URL", OK, base.geturl())
        if not app.config["TRUSTED_PROXIES"]:
            advice = "nginx as docs/operating.md sets it up (Deploy), and TRUSTED_PROXIES = 1"
            text = (
                "None is believed. The open internet needs one in front: who holds many connections"
                " open, silent or slow, is not stopped without it"
            )
            yield Finding("TRUSTED_PROXIES", ATTENTION, text, advice)
    elif is_loopback(base.hostname or ""):
        advice = "In production: BASE_URL = 'https://your.site'"
        yield Finding("BASE_URL", ATTENTION, f"{base.geturl()} is for this machine alone", advice)
    else:
        advice = f"BASE_URL = 'https://{base.netloc}', behind a proxy that has the certificate"
        yield Finding("BASE_URL", FAULT, f"{base.geturl()} sends everything in the open", advice)


def check_secret(app: Flask) -> Iterator[Finding]:
    """Check that the secret key is set and hard to guess."""
    key = str(app.config["SECRET_KEY"])
    advice = "python3 -c 'import secrets; print(secrets.token_hex(32))' makes a good one"
    if not key:
        yield Finding("SECRET_KEY", FAULT, "Missing: the server will not start", "psgflask init")
    elif len(key) < MIN_SECRET_LENGTH or len(set(key)) < MIN_SECRET_LENGTH // 4:
        yield Finding("SECRET_KEY", FAULT, "Short enough to be guessed", advice)
    else:
        yield Finding("SECRET_KEY", OK, "Long and mixed")


def check_rights(app: Flask) -> Iterator[Finding]:
    """Check that other users of this machine cannot read the secret and members' addresses."""
    instance = Path(app.instance_path)
    for path in installation.private_paths(instance):
        subject = "instance" if path == instance else path.name
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            text = f"Others on this machine may open it (mode {mode:04o})"
            advice = f"chmod {'700' if path.is_dir() else '600'} {path}"
            yield Finding(subject, FAULT, text, advice)
        else:
            yield Finding(subject, OK, "Open to its owner alone")


def check_config_file(app: Flask) -> Iterator[Finding]:
    """Check that there is a config.py, and that its settings exist."""
    if not Path(app.instance_path, CONFIG).is_file():
        there = (file := database.database_file()) is None or file.exists()
        advice = "psgflask init" if there else paths.BRING_BACK
        yield Finding("config.py", ATTENTION, "There is none", advice)
        return
    for name in set(_config_file_values(app)) - config.NAMES - FLASK_SETTINGS:
        matches = get_close_matches(name, config.NAMES, n=1)
        advice = f"Did you mean {matches[0]}?" if matches else "Remove it"
        yield Finding(name, ATTENTION, "There is no such setting: it does nothing", advice)


def check_modes(app: Flask) -> Iterator[Finding]:
    """Check that config.py turns no development mode on (Flask sets DEBUG for each command)."""
    for name in ("DEBUG", "TESTING"):
        if _config_file_values(app).get(name):
            text = "On: faults would not become pages, and visitors would see the inside"
            yield Finding(name, FAULT, text, f"Remove {name} from config.py")


def check_environment(app: Flask) -> Iterator[Finding]:
    """Check that the settings in the environment exist."""
    known = {f"PSG_{name}" for name in config.NAMES} | {"PSG_INSTANCE", "PSG_CORPORA"}
    for name in sorted(name for name in os.environ if name.startswith("PSG_")):
        if name not in known:
            yield Finding(name, ATTENTION, "No setting has this name: it does nothing", "Unset it")


def _config_file_values(app: Flask) -> Mapping[str, Any]:
    """Return the values that config.py itself sets."""
    values = Config(app.root_path)
    values.from_pyfile(str(Path(app.instance_path, CONFIG)), silent=True)
    return values


def check_worker(app: Flask) -> Iterator[Finding]:
    """Check that a worker runs, and that its tasks succeed."""
    if not worker.is_running(app):
        text = "None runs: scheduled articles are not indexed when their time comes"
        yield Finding("worker", ATTENTION, text, "Start the server, or psgflask worker")
        return
    tasks = worker_lock.read_failures(Path(app.instance_path))
    if tasks is None:
        text = "Runs, but cannot write down how its tasks fare"
        yield Finding("worker", ATTENTION, text, failures.FREE_SPACE)
    elif not tasks:
        yield Finding("worker", OK, "Runs")
    for task in tasks or ():
        since = datetime.fromisoformat(task.since)
        state = FAULT if utc_now() - since > TOLERATED_FAILURE else ATTENTION
        count = f", {task.times} times" if task.times > 1 else ""
        text = f"Its task {task.task!r} fails since {format_time(since)}{count}"
        yield Finding("worker", state, f"{text}: {task.error}", task.advice)


HEALTH_CHECKS: tuple[HealthCheck, ...] = (
    *(
        check_writable,
        check_sqlite,
        check_schema,
        search.check_readable_index,
        search.check_agreement,
        search.check_ledger,
        check_worker,
        check_backups,
        check_disk,
        check_translations,
        check_requirements,
    ),
    clock_watch.check_clock,
    *(mail.check_transport, mail.check_waiting, mail.check_dead_mails),
    *(
        check_base_address,
        check_secret,
        check_rights,
        check_owners,
        check_config_file,
        check_modes,
        check_environment,
        check_unconfirmed_settings,
    ),
    *(members.check_memberships, members.check_bounces, members.check_erased_list),
    members.check_rights_requests,
    news.check_media,
    *(news.check_attached_texts, news.check_redactions),
    sample.check_sample_content,
)
# What /readyz depends on; cheap enough to run every few seconds.
READINESS_CHECKS: tuple[HealthCheck, ...] = (
    search.check_readable_index,
    search.check_ledger,
    check_disk,
    mail.check_waiting,
)
