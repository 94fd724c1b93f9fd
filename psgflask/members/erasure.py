"""Erasure of people, on request or after their retention period, and the list of the erased.

What is left of somebody is a member number and the payments. The list is a file beside the
database, of numbers and times, so that a restore can repeat the erasures. A restore that was given
no newer list leaves a second file, until somebody confirms that nobody is missing from the list.
"""

import logging
import re
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, delete, exists, func, inspect, select, update
from sqlalchemy.orm import Mapper, Session

from psgflask.accounts import confirmation_tokens
from psgflask.core import clock_watch, personal_data
from psgflask.core.database import Model
from psgflask.core.durable import append_lines, fsync, write_synced
from psgflask.mail import outbox
from psgflask.members import audit, duplicates, mail_files, people, rights
from psgflask.members.models import (
    ONLINE,
    REFERENCE_PREFIX,
    Application,
    AuditEntry,
    MembershipRefused,
    Note,
    Payment,
    Person,
    PersonErased,
    PersonJoined,
)
from psgflask.members.numbers import FORMATTED, reserve

log = logging.getLogger(__name__)

BY_RETENTION = "retention"
# Requirement S3: applicants have three months to confirm their address.
UNCONFIRMED_RETENTION = personal_data.PEOPLE.periods["unconfirmed"]
BATCH = 500  # people erased at once: databases limit the number of parameters
LIST_FILE = "erased.txt"
MAX_LIST_SIZE = 50_000_000  # bytes; a million people
# In a restored site: since when erasures may be missing from the list.
UNCONFIRMED_FILE = "erased-unconfirmed.txt"
REFERENCE = re.compile(rf"{REFERENCE_PREFIX}[0-9]{{1,9}}")  # of a request
ERASURES = "SELECT at, subject FROM audit WHERE what = ?"
# What a column of an erased person holds that may not be empty.
BLANK = {"language": "en"}


@dataclass(frozen=True)
class Erased:
    """Somebody who was erased: how many payments stay, and the e-mail address unless shared.

    Or a request, by its reference.
    """

    number: str
    payments: int
    email: str


@dataclass(frozen=True, order=True)
class ErasedEntry:
    """An entry of the list of the erased: a member number, or the reference of a request."""

    at: datetime
    number: str

    def __str__(self) -> str:
        """Return its line of the list."""
        return f"{self.at.isoformat()} {self.number}"


class ErasedListUnreadable(MembershipRefused):
    """The list of the erased cannot be read, or a line of it is damaged."""


class ErasedListUnwritable(OSError):
    """The list of the erased cannot be written."""


def erase(session: Session, persons: Sequence[Person], *, by: str, now: datetime) -> list[Erased]:
    """Erase people: what `core.personal_data` names in tables, but for what it lets outlive them.

    Those who paid leave a row with the number alone, and the payments. Their audit entries are
    redacted. Accounts and addresses that others share stay. Who was joined to them is the same
    person, and is erased with them. Raises PersonErased, and PersonJoined for one of those alone.
    """
    known = {one.id for one in persons}
    for person in persons:
        if person.joined_to is not None and person.joined_to.id not in known:
            raise PersonJoined(person.number, person.joined_to.number)
    joined = (one for one in people.joined_people(session, persons) if one.id not in known)
    persons = [*persons, *joined]
    erased: list[Erased] = []
    for start in range(0, len(persons), BATCH):
        erased += _erase(session, persons[start : start + BATCH], by=by, now=now)
    return erased


def erase_again(
    session: Session, entries: Iterable[ErasedEntry], *, by: str, now: datetime
) -> list[Erased]:
    """Erase the people of a list whom a restored backup has brought back.

    Somebody created after the erasure is somebody else, who was issued the number after the
    backup was restored, and is left alone. No number of the list is issued any more. The same
    holds for requests about personal data that were emptied.
    """
    all_times = {entry.number: entry.at for entry in sorted(entries)}
    requests = {one: at for one, at in all_times.items() if REFERENCE.fullmatch(one)}
    times = {one: at for one, at in all_times.items() if one not in requests}
    emptied = rights.erase_again(session, requests, by=by, now=now)
    reserve(session, times)
    listed = list(times)
    back: list[Person] = []
    for start in range(0, len(listed), BATCH):
        batch = listed[start : start + BATCH]
        query = select(Person).where(Person.number.in_(batch), Person.erased_at.is_(None))
        back += (one for one in session.scalars(query) if one.created_at <= times[one.number])
    ids = {one.id for one in back}
    # Who of two joined people is listed alone had been separated, and takes along what is theirs.
    for person in [one for one in back if one.joined_id not in (None, *ids)]:
        duplicates.separate(session, person, by=by, now=now)
    for person in [one for one in people.joined_people(session, back) if one.id not in ids]:
        duplicates.separate(session, person, by=by, now=now)
    back.sort(key=lambda one: (times[one.number], one.number))
    erased = erase(session, back, by=by, now=now)
    return [*erased, *(Erased(reference, payments=0, email="") for reference in emptied)]


def erase_expired(session: Session, *, now: datetime) -> list[Erased]:
    """Erase applicants who have not confirmed their address within the retention period.

    Except those who applied on paper too, paid, or have a note. `now` is the earliest time that
    it can be (`clock_watch.time_bounds`): an erasure cannot be undone.
    """
    own = Application.person_id == Person.id
    retained = (
        exists().where(own, Application.source != ONLINE)
        | exists().where(own, Application.verified_at.is_not(None))
        | exists().where(own, Application.sent_at > now - UNCONFIRMED_RETENTION)
        | exists().where(Payment.person_id == Person.id)
        | exists().where(Note.person_id == Person.id)
    )
    query = select(Person).where(exists().where(own), ~retained, Person.erased_at.is_(None))
    expired = session.scalars(query.order_by(Person.id)).all()
    return erase(session, expired, by=BY_RETENTION, now=now)


def correct_future_dates(session: Session, *, now: datetime, latest: datetime) -> None:
    """Date applications as of now that are dated after `latest`, or they would be kept for longer.

    `latest` is the latest time that it can be (`clock_watch.time_bounds`).
    """
    session.execute(
        update(Application)
        .where(Application.source == ONLINE, Application.sent_at > latest)
        .values(sent_at=now)
        .execution_options(synchronize_session=False)
    )


def erased_entries(session: Session, since: datetime | None = None) -> list[ErasedEntry]:
    """Return the erasures in the audit trail, all or from a time on."""
    query = select(AuditEntry.at, AuditEntry.subject).where(AuditEntry.what == audit.ERASED)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    return [ErasedEntry(at, number) for at, number in session.execute(query)]


def entries_of_file(database: Path) -> list[ErasedEntry]:
    """Return the erasures in the audit trail of a database file of any revision.

    Raises ErasedListUnreadable.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as file:
            file.execute("PRAGMA trusted_schema=OFF")
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone():
                return []
            rows = file.execute(ERASURES, (audit.ERASED,)).fetchall()
    except sqlite3.Error as error:
        raise ErasedListUnreadable(f"{database} does not say who was erased: {error}") from error
    # Stored in UTC without a zone.
    parsed = [_parse_entry(f"{str(at).replace(' ', 'T')}+00:00 {number}") for at, number in rows]
    return [entry for entry in parsed if entry is not None]


def erase_files(
    instance: Path,
    entries: Collection[ErasedEntry],
    erased: Iterable[Erased],
    *,
    mails: bool = True,
) -> None:
    """Complete erasures in the files: append them to the list, and delete the files of `mails`.

    `entries` are all erasures in the audit trail, `erased` those of now. Mails are deleted also
    where the list fails. Raises ErasedListUnreadable, ErasedListUnwritable and OSError.
    """
    numbers, emails = {entry.number for entry in entries}, {one.email for one in erased} - {""}
    try:
        append_to_list(instance / LIST_FILE, entries)
    finally:
        if mails:
            mail_files.delete_files(instance, numbers=numbers, emails=emails)


def read_list(file: Path) -> tuple[list[ErasedEntry], list[int]]:
    """Return the entries, the earliest first, and the numbers of damaged lines.

    A crash may have cut a line off. Raises ErasedListUnreadable when the file cannot be read.
    """
    try:
        lines = file.read_bytes().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ErasedListUnreadable(f"Cannot read {file}: {error}") from error
    parsed = {number: _parse_entry(line) for number, line in enumerate(lines, 1) if line.strip()}
    damaged = [number for number, entry in parsed.items() if entry is None]
    return sorted({entry for entry in parsed.values() if entry is not None}), damaged


def damage(file: Path, lines: Collection[int]) -> str:
    """Return a message about damaged lines of the list, with what to do."""
    places = f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines))}"
    return (
        f"{file}, {places}: not a moment and a number, as a crash may leave it. The worker adds"
        " whom the database knows to be erased; then delete the line"
    )


def append_to_list(file: Path, entries: Iterable[ErasedEntry]) -> int:
    """Append the entries that are not in the list yet; return how many. Only its owner reads it.

    Damaged lines are logged. Raises ErasedListUnreadable and ErasedListUnwritable.
    """
    present, damaged = read_list(file)
    new = sorted(set(entries) - set(present))
    if new:
        try:
            append_lines(file, map(str, new))
        except OSError as error:
            raise ErasedListUnwritable(error.errno, error.strerror, error.filename) from error
    if damaged:
        log.warning("%s", damage(file, damaged))
    return len(new)


def unconfirmed_since(instance: Path) -> datetime | None:
    """Return since when erasures may be missing from the list of a restored site; None if none.

    A file that cannot be read does not say since when: long ago.
    """
    try:
        since = datetime.fromisoformat((instance / UNCONFIRMED_FILE).read_text("utf-8").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return clock_watch.LONG_AGO
    if since.tzinfo is None:
        return clock_watch.LONG_AGO
    return min(max(since, clock_watch.LONG_AGO), clock_watch.NEVER)


def write_unconfirmed(instance: Path, since: datetime) -> None:
    """Note that people erased after `since` may have been brought back. Raises OSError."""
    write_synced(instance / UNCONFIRMED_FILE, f"{since.isoformat()}\n".encode())


def confirm(instance: Path) -> None:
    """Forget that erasures may be missing: somebody has confirmed that none are. Raises OSError."""
    (instance / UNCONFIRMED_FILE).unlink(missing_ok=True)
    fsync(instance)


def _erase(session: Session, persons: Sequence[Person], *, by: str, now: datetime) -> list[Erased]:
    """Erase a batch in a number of statements that does not depend on its size."""
    for person in persons:
        if person.erased_at is not None:
            raise PersonErased(person.number)
    ids, numbers = [one.id for one in persons], [one.number for one in persons]
    payments = select(Payment.person_id, func.count()).where(Payment.person_id.in_(ids))
    counts = session.execute(payments.group_by(Payment.person_id))
    paid: dict[int, int] = dict(row for row in counts)
    emails = {one.email_folded for one in persons}
    shared = set(
        session.scalars(
            select(Person.email_folded).where(
                Person.email_folded.in_(emails), Person.id.not_in(ids)
            )
        )
    )
    erased = [
        Erased(
            number=one.number,
            payments=paid.get(one.id, 0),
            email="" if one.email_folded in shared else one.email_folded,
        )
        for one in persons
    ]
    account_ids = {one.account_id for one in persons if one.account_id is not None}
    outbox.delete_about(session, numbers)
    confirmation_tokens.revoke(session, data={"member": numbers})
    audit.redact(session, numbers)
    audit.record_erasures(session, {one.number: one.payments for one in erased}, by=by, now=now)
    rights.forget(session, {one.email for one in erased}, by=by, now=now)
    _delete_rows(session, ids, paid, now)
    people.delete_unused_accounts(session, account_ids)
    session.expire_all()
    return erased


def _delete_rows(session: Session, ids: list[int], paid: Collection[int], now: datetime) -> None:
    """Delete people and all that belongs to them; those who paid are left as a number."""
    unmark = update(Application).where(Application.duplicate_id.in_(ids))
    # Who was joined to them is erased too, perhaps in a later batch.
    unjoin = update(Person).where(Person.joined_id.in_(ids))
    statements: list[Executable] = [
        unmark.values(duplicate_id=None, duplicate_reason=""),
        unjoin.values(joined_id=None),
    ]
    for mapper in _mappers_of_people():
        of_people = mapper.local_table.c.person_id.in_(ids)
        if not _outlives(mapper):
            statements.append(delete(mapper).where(of_people))
        elif blank := _blank(mapper):
            statements.append(update(mapper).where(of_people).values(blank))
    gone = {
        **_blank(inspect(Person)),
        "account_id": None,
        "erased_at": now,
        "version": Person.version + 1,
    }
    statements += (
        delete(Person).where(Person.id.in_(set(ids) - set(paid))),
        update(Person).where(Person.id.in_(paid)).values(gone),
    )
    for statement in statements:
        # The session drops what was deleted: SQLite reuses the ids of the last rows.
        session.execute(statement, execution_options={"synchronize_session": "fetch"})


def _mappers_of_people() -> list[Mapper[Any]]:
    """Return the models of personal data that name a person, those that refer to others first."""
    mappers = {mapper.local_table: mapper for mapper in Model.registry.mappers}
    named = {table for _data, table, _columns in personal_data.tables()}
    return [
        mappers[table]
        for table in reversed(Model.metadata.sorted_tables)
        if table.name in named and "person_id" in table.columns
    ]


def _outlives(mapper: Mapper[Any]) -> bool:
    """Say whether some of what a row holds stays after an erasure."""
    columns = {attribute.columns[0].name for attribute in mapper.column_attrs}
    return any(f"{mapper.local_table}.{name}" in personal_data.OUTLIVE for name in columns)


def _blank(mapper: Mapper[Any]) -> dict[str, Any]:
    """Return the values of a row that stays after an erasure: empty for what is deleted of it."""
    values: dict[str, Any] = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if personal_data.is_erased(str(mapper.local_table), column.name):
            empty = None if column.nullable else BLANK.get(column.name, "")
            values[attribute.key] = empty
    return values


def _parse_entry(line: str) -> ErasedEntry | None:
    time, _, number = line.strip().partition(" ")
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    number = number.strip()
    if at.tzinfo is None or not (FORMATTED.fullmatch(number) or REFERENCE.fullmatch(number)):
        return None
    return ErasedEntry(at.astimezone(UTC), number)
