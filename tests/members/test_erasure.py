"""S27: of the erased only the accounting rows stay, under a number; nothing in any file."""

import json
from datetime import datetime, timedelta
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
from psgflask.core import database
from psgflask.core.database import Model, db
from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import Message
from psgflask.members import audit, consents, correcting, erasure, notes, payments
from psgflask.members.erased_list import Entry
from psgflask.members.models import Application, Payment, Person
from psgflask.members.refusals import PersonErased
from tests.members.people import NOW, applied, link_of, tier, verified

# Words of one person that stand nowhere else.
SECRETS: dict[str, Any] = {
    "name": "Quetzal Zyxwv",
    "household": ("Wombat Zyxwv",),
    "email": "zyxwv.one@example.org",
    "phone": "+44 7700 900461",
    "address": "77 Xylophone Crescent\nZyxwvtown",
    "postcode": "ZE3 9JX",
}
TOLD = ("zyxwv", "wombat", "quetzal", "900461", "xylophone", "ze3 9jx", "ze39jx", "marmoset")


def known(session: Session, *, paid: bool = False, now: datetime = NOW) -> Person:
    """Return somebody with something in every table."""
    home = tier("household", "household")
    said: dict[str, Any] = {**SECRETS, "tier": home, "consents": frozenset({"post", "email"})}
    application = applied(session, now=now, **said)
    person = application.person
    notes.add(session, person, "Keeps a marmoset", by="ann", now=NOW)
    correcting.correct(session, person, {"address": "78 Xylophone Crescent"}, by="ann", now=NOW)
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


def told_by(session: Session) -> str:
    """Return everything that the tables hold, as one text."""
    rows = [
        [str(value) for value in row]
        for table in Model.metadata.sorted_tables
        for row in session.execute(select(table))
    ]
    return json.dumps(rows, ensure_ascii=False).lower()


@pytest.mark.parametrize("paid", [False, True])
def test_s27_no_table_holds_a_word_of_the_erased(session: Session, paid: bool) -> None:
    person = known(session, paid=paid)
    before = told_by(session)
    assert [word for word in TOLD if word not in before] == []
    erasure.erase(session, person, by="ann", now=NOW)
    session.commit()
    session.expire_all()
    after = told_by(session)
    assert [word for word in TOLD if word in after] == []


def test_s27_who_paid_leaves_a_number_and_the_payments(session: Session) -> None:
    person = known(session, paid=True)
    number = person.number
    gone = erasure.erase(session, person, by="ann", now=NOW)
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


def test_s27_who_did_not_pay_leaves_no_row(session: Session) -> None:
    erasure.erase(session, known(session), by="ann", now=NOW)
    session.commit()
    for table in ("people", "applications", "household_members", "consents", "notes", "accounts"):
        assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    assert session.scalar(text("SELECT count(*) FROM proofs")) == 0
    assert session.scalar(select(func.count(Message.id))) == 0


@pytest.mark.parametrize("paid", [False, True])
def test_s27_no_place_in_the_database_file_holds_a_word_of_the_erased(
    app: Flask, session: Session, paid: bool
) -> None:
    others = [applied(session, name=f"Neighbour {n}", email=f"n{n}@example.net") for n in range(40)]
    person = known(session, paid=paid)
    for other in others[:20]:
        erasure.erase(session, other.person, by="ann", now=NOW)
    session.commit()
    database.checkpoint(app)
    file = Path(app.instance_path, "psg.sqlite")
    assert "zyxwv" in file.read_bytes().decode("latin-1").lower()
    erasure.erase(session, person, by="ann", now=NOW)
    session.commit()
    assert database.vacuum(db.engine)
    left = file.read_bytes().decode("latin-1").lower()
    assert not file.with_name("psg.sqlite-wal").stat().st_size
    assert [word for word in TOLD if word in left] == []
    assert "neighbour 39" in left


def test_s27_what_a_correction_replaced_is_overwritten_in_the_next_round_of_the_worker(
    app: Flask, session: Session
) -> None:
    person = applied(session, address="5 Wistful Walk", email="").person
    session.commit()
    correcting.correct(session, person, {"address": "6 Other Walk"}, by="ann", now=NOW)
    audit.blank(session, person.number)
    session.commit()
    database.checkpoint(app)
    file = Path(app.instance_path, "psg.sqlite")
    held = file.read_bytes() + file.with_name("psg.sqlite-wal").read_bytes()
    assert b"Other Walk" in held
    assert b"Wistful" not in held


def test_the_trail_of_the_erased_says_that_and_not_what(session: Session) -> None:
    person = known(session, paid=True)
    number = person.number
    erasure.erase(session, person, by="ann", now=NOW)
    trail = audit.of(session, number)
    assert [entry.what for entry in trail][-3:] == ["verified", "paid", "erased"]
    assert {(str(one.before), str(one.after)) for one in trail[:-1]} == {("{}", "{}")}
    assert (trail[-1].who, trail[-1].after) == ("ann", {"payments kept": 1})


def test_no_mail_to_the_erased_waits_and_none_can_be_asked_for(
    app: Flask, session: Session
) -> None:
    person = known(session)
    token = link_of(session, person.applications[0])
    erasure.erase(session, person, by="ann", now=NOW)
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)
    email_confirmation.resend(
        session,
        email=SECRETS["email"],
        language="en",
        network="192.0.2.2",
        link=str,
        now=NOW,
    )
    session.commit()
    assert mail_task.run(app) == 0


def test_an_account_that_others_share_stays_theirs(session: Session) -> None:
    gone, stays = known(session), known(session, now=NOW + timedelta(days=2))
    account = stays.account_id
    assert gone.account_id == account
    erasure.erase(session, gone, by="ann", now=NOW)
    session.commit()
    assert stays.account_id == account
    assert session.scalar(select(func.count(Account.id))) == 1
    remaining = session.scalars(select(ConfirmationToken)).all()
    assert {token.data["member"] for token in remaining} == {stays.number}
    erasure.erase(session, stays, by="ann", now=NOW)
    assert session.scalar(select(func.count(Account.id))) == 0


def test_whose_address_others_read_too_does_not_take_it_along(session: Session) -> None:
    one, two = known(session), known(session, now=NOW + timedelta(days=2))
    assert erasure.erase(session, one, by="ann", now=NOW).email == ""
    assert erasure.erase(session, two, by="ann", now=NOW).email == SECRETS["email"]


def test_a_number_is_never_given_again(session: Session) -> None:
    first = applied(session).person
    number = first.number
    erasure.erase(session, first, by="ann", now=NOW)
    session.commit()
    assert number[:8] == "PSG 1001"
    assert applied(session).person.number[:8] == "PSG 1002"


def test_nobody_is_erased_twice(session: Session) -> None:
    person = known(session, paid=True)
    erasure.erase(session, person, by="ann", now=NOW)
    with pytest.raises(PersonErased):
        erasure.erase(session, person, by="ann", now=NOW)


def test_who_came_back_with_a_backup_is_erased_once_more(session: Session) -> None:
    back, later = applied(session).person, NOW + timedelta(days=1)
    entries = [Entry(later, back.number), Entry(later, "PSG 1042-9")]
    number = back.number
    assert [one.number for one in erasure.once_more(session, entries, by="ann", now=later)] == [
        number
    ]
    assert session.scalar(select(func.count(Application.id))) == 0


def test_who_was_given_an_erased_number_after_a_backup_came_back_is_somebody_else(
    session: Session,
) -> None:
    somebody = applied(session).person
    entry = Entry(NOW - timedelta(seconds=1), somebody.number)
    assert erasure.once_more(session, [entry], by="ann", now=NOW) == []
    assert somebody.name == "María Castañeda"
