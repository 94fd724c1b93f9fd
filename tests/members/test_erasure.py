"""Erasure (S27): only payments stay, under a number; retention (S3); the list of the erased."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.core import database, personal_data
from psgflask.core.database import Model, db
from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import Message
from psgflask.members import audit, consents, erasure, payments, people
from psgflask.members.erasure import ErasedEntry
from psgflask.members.models import PAPER, Application, Payment, Person, PersonErased
from tests.full_disk import no_room_after
from tests.members.people import NOW, SECRET, applied, link_of, tier, verified

FIRST = ErasedEntry(datetime(2026, 7, 1, 12, 0, 0, 123, tzinfo=UTC), "PSG 1001-9")
SECOND = ErasedEntry(datetime(2026, 8, 1, 12, 0, tzinfo=UTC), "PSG 1002-4")
DAY = timedelta(days=1)
IN_TIME, OVERDUE = NOW + 90 * DAY - timedelta(seconds=1), NOW + 90 * DAY
# Words of one person that stand nowhere else.
SECRETS: dict[str, Any] = {
    "name": "Quetzal Zyxwv",
    "household": ("Wombat Zyxwv",),
    "email": "zyxwv.one@example.org",
    "phone": "+44 7700 900461",
    "address": "77 Xylophone Crescent\nZyxwvtown",
    "postcode": "ZE3 9JX",
}
TRACES = ("zyxwv", "wombat", "quetzal", "900461", "xylophone", "ze3 9jx", "ze39jx", "marmoset")


def known(session: Session, *, paid: bool = False, now: datetime = NOW) -> Person:
    """Return somebody with something in every table."""
    home = tier("household", "household")
    fields: dict[str, Any] = {**SECRETS, "tier": home, "consents": frozenset({"post", "email"})}
    application = applied(session, now=now, **fields)
    person = application.person
    audit.add_note(session, person, "Keeps a marmoset", by="ann", now=NOW)
    people.correct(session, person, {"address": "78 Xylophone Crescent"}, by="ann", now=NOW)
    consents.change(session, person, "post", False, by="ann", now=NOW)
    verified(session, application, now=now)
    link_of(session, application, now=now)
    if paid:
        payments.confirm(
            session,
            person,
            amount=Decimal(24),
            method="cheque",
            received_on=NOW.date(),
            by="ann",
            now=NOW,
        )
    session.commit()
    return person


def contents_of(session: Session) -> str:
    """Return everything that the tables hold, as one text."""
    rows = [
        [str(value) for value in row]
        for table in Model.metadata.sorted_tables
        for row in session.execute(select(table))
    ]
    return json.dumps(rows, ensure_ascii=False).lower()


@pytest.mark.parametrize("paid", [False, True])
def test_s27_no_table_contains_anything_of_an_erased_person(session: Session, paid: bool) -> None:
    person = known(session, paid=paid)
    before = contents_of(session)
    assert [word for word in TRACES if word not in before] == []
    erasure.erase(session, [person], by="ann", now=NOW)
    session.commit()
    session.expire_all()
    after = contents_of(session)
    assert [word for word in TRACES if word in after] == []


@pytest.mark.parametrize("paid", [False, True])
def test_s27_every_column_that_the_table_of_personal_data_names_is_empty(
    session: Session, paid: bool
) -> None:
    erasure.erase(session, [known(session, paid=paid)], by="ann", now=NOW)
    session.commit()
    for _data, name, columns in personal_data.tables():
        if name != "attempts":  # gone after a day
            rows = session.execute(select(Model.metadata.tables[name])).mappings()
            left = [row for row in rows if row.get("what") != audit.ERASED]
            for column in columns:
                if personal_data.is_erased(name, column):
                    values = {str(row[column]) for row in left}
                    assert values <= {"", "None", "{}", "en"}, f"{name}.{column}"


def test_s27_a_person_who_paid_leaves_a_number_and_the_payments(session: Session) -> None:
    person = known(session, paid=True)
    number = person.number
    [gone] = erasure.erase(session, [person], by="ann", now=NOW)
    session.commit()
    session.expire_all()
    assert (gone.number, gone.payments) == (number, 1)
    left = session.scalars(select(Person)).one()
    assert (left.number, left.erased_at) == (number, NOW)
    payment = session.scalars(select(Payment)).one()
    assert (payment.amount, payment.person_id, payment.application_id) == (
        Decimal(24),
        left.id,
        None,
    )


def test_s27_a_person_who_did_not_pay_leaves_no_row(session: Session) -> None:
    erasure.erase(session, [known(session)], by="ann", now=NOW)
    session.commit()
    for table in ("people", "applications", "household_members", "consents", "notes", "accounts"):
        assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    assert session.scalar(text("SELECT count(*) FROM proofs")) == 0
    assert session.scalar(select(func.count(Message.id))) == 0


@pytest.mark.parametrize("paid", [False, True])
def test_s27_the_database_file_contains_nothing_of_an_erased_person(
    app: Flask, session: Session, paid: bool
) -> None:
    others = [applied(session, name=f"Neighbour {n}", email=f"n{n}@example.net") for n in range(40)]
    person = known(session, paid=paid)
    for other in others[:20]:
        erasure.erase(session, [other.person], by="ann", now=NOW)
    session.commit()
    database.checkpoint(app)
    file = Path(app.instance_path, "psg.sqlite")
    assert "zyxwv" in file.read_bytes().decode("latin-1").lower()
    erasure.erase(session, [person], by="ann", now=NOW)
    session.commit()
    assert database.vacuum(db.engine)
    left = file.read_bytes().decode("latin-1").lower()
    assert not file.with_name("psg.sqlite-wal").stat().st_size
    assert [word for word in TRACES if word in left] == []
    assert "neighbour 39" in left


def test_s27_a_corrected_value_is_overwritten_by_the_next_checkpoint(
    app: Flask, session: Session
) -> None:
    person = applied(session, address="5 Wistful Walk", email="").person
    session.commit()
    people.correct(session, person, {"address": "6 Other Walk"}, by="ann", now=NOW)
    audit.redact(session, [person.number])
    session.commit()
    database.checkpoint(app)
    file = Path(app.instance_path, "psg.sqlite")
    held = file.read_bytes() + file.with_name("psg.sqlite-wal").read_bytes()
    assert b"Other Walk" in held
    assert b"Wistful" not in held


def test_the_audit_trail_of_an_erased_person_is_redacted(session: Session) -> None:
    person = known(session, paid=True)
    number = person.number
    erasure.erase(session, [person], by="ann", now=NOW)
    trail = audit.entries(session, number)
    assert [entry.what for entry in trail][-3:] == ["verified", "paid", "erased"]
    assert {(str(one.before), str(one.after)) for one in trail[:-1]} == {("{}", "{}")}
    assert (trail[-1].who, trail[-1].after) == ("ann", {"payments kept": 1})


def test_an_erased_person_is_sent_no_mail_and_can_request_none(
    app: Flask, session: Session
) -> None:
    person = known(session)
    token = link_of(session, person.applications[0])
    erasure.erase(session, [person], by="ann", now=NOW)
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)
    email_confirmation.resend(
        session,
        email=SECRETS["email"],
        language="en",
        network="192.0.2.2",
        secret=SECRET,
        link=str,
        now=NOW,
    )
    session.commit()
    assert mail_task.run(app) == 0


def test_a_shared_account_is_deleted_with_the_last_person(session: Session) -> None:
    gone, stays = known(session), known(session, now=NOW + timedelta(days=2))
    account = stays.account_id
    assert gone.account_id == account
    erasure.erase(session, [gone], by="ann", now=NOW)
    session.commit()
    assert stays.account_id == account
    assert session.scalar(select(func.count(Account.id))) == 1
    remaining = session.scalars(select(ConfirmationToken)).all()
    assert {proof.data["member"] for proof in remaining} == {stays.number}
    erasure.erase(session, [stays], by="ann", now=NOW)
    assert session.scalar(select(func.count(Account.id))) == 0


def test_a_shared_address_is_erased_with_the_last_person(session: Session) -> None:
    one, two = known(session), known(session, now=NOW + timedelta(days=2))
    [first] = erasure.erase(session, [one], by="ann", now=NOW)
    [second] = erasure.erase(session, [two], by="ann", now=NOW)
    assert (first.email, second.email) == ("", SECRETS["email"])


def test_an_address_is_erased_when_all_who_share_it_are_erased_at_once(session: Session) -> None:
    one, two = known(session), known(session, now=NOW + timedelta(days=2))
    both = erasure.erase(session, [one, two], by="ann", now=NOW)
    assert {erased.email for erased in both} == {SECRETS["email"]}
    assert session.scalar(select(func.count(Account.id))) == 0


def test_a_number_is_never_issued_again(session: Session) -> None:
    first = applied(session).person
    number = first.number
    erasure.erase(session, [first], by="ann", now=NOW)
    session.commit()
    assert number[:8] == "PSG 1001"
    assert applied(session).person.number[:8] == "PSG 1002"


def test_nobody_is_erased_twice(session: Session) -> None:
    person = known(session, paid=True)
    erasure.erase(session, [person], by="ann", now=NOW)
    with pytest.raises(PersonErased):
        erasure.erase(session, [person], by="ann", now=NOW)


def test_a_person_who_came_back_with_a_backup_is_erased_again(session: Session) -> None:
    back, later = applied(session).person, NOW + timedelta(days=1)
    entries = [ErasedEntry(later, back.number), ErasedEntry(later, "PSG 1042-9")]
    number = back.number
    assert [one.number for one in erasure.erase_again(session, entries, by="ann", now=later)] == [
        number
    ]
    assert session.scalar(select(func.count(Application.id))) == 0


def test_a_new_person_with_a_number_erased_before_a_restore_is_not_erased(
    session: Session,
) -> None:
    somebody = applied(session).person
    entry = ErasedEntry(NOW - timedelta(seconds=1), somebody.number)
    assert erasure.erase_again(session, [entry], by="ann", now=NOW) == []
    assert somebody.name == "María Castañeda"


# The retention period of applicants (S3)


def there(session: Session) -> int:
    return session.scalar(select(func.count(Person.id))) or 0


def test_s3_an_unconfirmed_application_is_erased_after_90_days(session: Session) -> None:
    applied(session)
    assert erasure.erase_expired(session, now=IN_TIME) == []
    assert there(session) == 1
    assert len(erasure.erase_expired(session, now=OVERDUE)) == 1
    assert there(session) == 0


@pytest.mark.parametrize("what", ["paper", "verified", "paid", "noted", "young"])
def test_s3_other_applications_are_retained(session: Session, what: str) -> None:
    source = PAPER if what == "paper" else "online"
    application = applied(session, source=source, now=OVERDUE - DAY if what == "young" else NOW)
    person = application.person
    if what == "verified":
        verified(session, application)
    if what == "paid":
        payments.confirm(
            session,
            person,
            amount=Decimal(24),
            method="cheque",
            received_on=NOW.date(),
            by="ann",
            now=NOW,
        )
    if what == "noted":
        audit.add_note(session, person, "Rang: the address was mistyped", by="ann", now=NOW)
    assert erasure.erase_expired(session, now=OVERDUE) == []
    assert there(session) == 1


def test_an_erased_person_is_not_erased_again_by_retention(session: Session) -> None:
    person = applied(session).person
    payments.confirm(
        session,
        person,
        amount=Decimal(24),
        method="cheque",
        received_on=NOW.date(),
        by="ann",
        now=NOW,
    )
    erasure.erase(session, [person], by="ann", now=NOW)
    assert erasure.erase_expired(session, now=OVERDUE) == []
    assert there(session) == 1


def test_an_application_confirmed_in_the_last_second_is_retained(session: Session) -> None:
    application = applied(session)
    token = link_of(session, application, now=IN_TIME)
    email_confirmation.confirm(session, token, now=IN_TIME)
    assert erasure.erase_expired(session, now=OVERDUE) == []


# The list of the erased


def entries_of(file: Path) -> list[ErasedEntry]:
    entries, damaged = erasure.read_list(file)
    assert damaged == []
    return entries


def test_the_list_contains_each_erasure_once_and_is_private_to_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "erased.txt"
    assert entries_of(file) == []
    assert erasure.append_to_list(file, [SECOND, FIRST]) == 2
    assert erasure.append_to_list(file, [FIRST, SECOND]) == 0
    assert entries_of(file) == [FIRST, SECOND]
    assert file.stat().st_mode & 0o077 == 0


def test_without_erasures_there_is_no_list(tmp_path: Path) -> None:
    erasure.append_to_list(tmp_path / "erased.txt", [])
    assert list(tmp_path.iterdir()) == []


def test_two_concatenated_lists_are_read_as_one(tmp_path: Path) -> None:
    file = tmp_path / "erased.txt"
    erasure.append_to_list(file, [FIRST, SECOND])
    file.write_text(file.read_text() + "\n" + file.read_text())
    assert entries_of(file) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "line",
    [
        *("PSG 1001-9", "yesterday PSG 1001-9", "2026-07-01T12:00:00 PSG 1001-9"),
        *("2026-07-01T12:00:00+00:00 PSG 100", "2026-07-01T12:00:00+00:00", "\x00\x00\x00"),
    ],
)
def test_a_damaged_line_is_reported_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "erased.txt"
    file.write_text(f"2026-07-01T12:00:00+00:00 PSG 1001-9\n{line}\n")
    entries, damaged = erasure.read_list(file)
    assert [entry.number for entry in entries] == ["PSG 1001-9"]
    assert "line 2:" in erasure.damage(file, damaged)


@pytest.mark.parametrize("length", range(1, len("2026-07-01T12:00:00+00:00 PSG 1001-9\n")))
def test_entries_can_be_added_after_a_line_that_a_crash_cut_off(
    tmp_path: Path, length: int
) -> None:
    """An older version may have left such a line."""
    file = tmp_path / "erased.txt"
    whole = "2026-07-01T12:00:00+00:00 PSG 1001-9\n"
    file.write_text(whole.replace("1001-9", "1003-1") + whole[:length])
    erasure.append_to_list(file, [FIRST, SECOND])
    entries, _damaged = erasure.read_list(file)
    assert {FIRST, SECOND} <= set(entries)
    assert {entry.number for entry in entries} == {"PSG 1001-9", "PSG 1002-4", "PSG 1003-1"}
    assert file.read_text().endswith("\n")
    erasure.append_to_list(file, [FIRST, SECOND])
    assert erasure.read_list(file)[0] == entries


def test_r4_a_full_disk_leaves_the_list_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "erased.txt"
    erasure.append_to_list(file, [FIRST])
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        no_room_after(patched, 10)
        with pytest.raises(OSError, match="No space"):
            erasure.append_to_list(file, [SECOND])
    assert file.read_bytes() == before
    assert erasure.append_to_list(file, [SECOND]) == 1
    assert entries_of(file) == [FIRST, SECOND]
