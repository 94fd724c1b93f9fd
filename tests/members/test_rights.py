"""S29 in rules: each request is recorded, acknowledged, due, answered; and kept no longer."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.core import personal_data
from psgflask.core.findings import ATTENTION, FAULT, OK
from psgflask.mail import outbox
from psgflask.mail.models import DEAD, WAITING, Message
from psgflask.members import erasure, health, rights, subject_access
from psgflask.members.applications import SubmittedForm
from psgflask.members.erasure import ErasedEntry
from psgflask.members.models import (
    ACCESS,
    COMPLAINT,
    DONE,
    ERASURE,
    PARTLY,
    REFUSED,
    RIGHTS,
    Person,
    RightsRequest,
)
from psgflask.members.rights import AnswerRefused, RequestNotFound, RightsAnswers
from tests.members.people import NOW, SECRET, applied

DAY = timedelta(days=1)
MARIA = "maria@example.org"  # tests/members/people.py


def asked(
    session: Session, number: int = 1, *, network: str = "192.0.2.1", now: Any = NOW, **other: Any
) -> RightsRequest:
    """Send the form, each time another one."""
    usual = {
        "right": COMPLAINT,
        "name": "María Castañeda",
        "email": MARIA,
        "text": "You wrote to my old address",
        "language": "en",
    }
    return rights.submit(
        session,
        RightsAnswers(**{**usual, **other}),
        form=SubmittedForm(f"form {number}", f"answers {number}"),
        network=network,
        secret=SECRET,
        now=now,
    )


def mails(session: Session, kind: str) -> list[Message]:
    return list(session.scalars(select(Message).where(Message.kind == kind)))


@pytest.mark.parametrize("right", RIGHTS)
def test_s29_a_request_is_recorded_acknowledged_and_due(session: Session, right: str) -> None:
    request = asked(session, right=right)
    assert (request.reference, request.due_on) == ("R-1", NOW.date() + 30 * DAY)
    assert request.acknowledged_at == NOW
    [receipt] = mails(session, rights.RECEIVED)
    assert (receipt.recipient, receipt.values["due"]) == (MARIA, "31 July 2026")
    assert "old address" not in str(receipt.values), "a stranger's words go into no mail"
    [notice] = mails(session, rights.TO_SECRETARY)
    assert MARIA not in str(notice.values)


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        (date(2026, 7, 1), date(2026, 7, 31)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 30), date(2028, 2, 29)),
        (date(2026, 2, 3), date(2026, 3, 3)),
        (date(2026, 12, 15), date(2027, 1, 14)),
        (date(2026, 12, 1), date(2026, 12, 31)),
    ],
)
def test_s29_an_answer_is_due_in_thirty_days_or_a_month_if_that_is_shorter(
    sent: date, due: date
) -> None:
    assert rights.due_day(sent) == due


def test_s29_a_mailbox_gets_three_receipts_a_day_and_every_request_is_recorded(
    session: Session,
) -> None:
    requests = [asked(session, number, network=f"198.51.100.{number}") for number in range(5)]
    assert [bool(one.acknowledged_at) for one in requests] == [True] * 3 + [False] * 2
    assert len(mails(session, rights.RECEIVED)) == 3
    rights.acknowledge(session, requests[4], now=NOW + DAY)
    assert len(mails(session, rights.RECEIVED)) == 4


def test_s29_forty_from_a_network_in_an_hour_and_no_more(session: Session) -> None:
    for number in range(40):
        asked(session, number, email=f"somebody{number}@example.org")
    with pytest.raises(RateLimitExceeded):
        asked(session, 41, email="another@example.org")
    assert session.scalar(select(func.count(RightsRequest.id))) == 40
    assert len(mails(session, rights.TO_SECRETARY)) == 10, "the list has the others"


def test_a_form_sent_twice_is_one_request(session: Session) -> None:
    first = asked(session)
    with pytest.raises(rights.AlreadySent) as again:
        asked(session)
    assert again.value.request is first
    with pytest.raises(rights.RequestFormUsed):
        rights.submit(
            session,
            RightsAnswers(ACCESS, "Ana", "ana@example.org", "", "en"),
            form=SubmittedForm("form 1", "others"),
            network="192.0.2.1",
            secret=SECRET,
            now=NOW,
        )


def test_s29_an_answer_is_mailed_with_its_outcome(session: Session) -> None:
    request = asked(session, language="es")
    rights.answer(session, request, "Sorry.\nIt is right now.", outcome=PARTLY, by="ann", now=NOW)
    [answer] = mails(session, rights.ANSWERED)
    assert answer.language == "es"
    assert answer.values["paragraphs"] == ["Sorry.", "It is right now."]
    assert (request.outcome, request.answered_by, request.answered_at) == (PARTLY, "ann", NOW)
    with pytest.raises(AnswerRefused, match="--again"):
        rights.answer(session, request, "Once more", outcome=DONE, by="ann", now=NOW)
    rights.answer(session, request, "More", outcome=DONE, by="ann", now=NOW, again=True)
    assert len(mails(session, rights.ANSWERED)) == 2


@pytest.mark.parametrize(
    ("text", "outcome"), [("", DONE), (" \n", DONE), ("x" * 3_001, DONE), ("Done", "perhaps")]
)
def test_an_answer_that_says_nothing_is_refused(session: Session, text: str, outcome: str) -> None:
    request = asked(session)
    with pytest.raises(AnswerRefused):
        rights.answer(session, request, text, outcome=outcome, by="ann", now=NOW)
    assert (request.answered_at, mails(session, rights.ANSWERED)) == (None, [])


@pytest.mark.parametrize("typed", ["R-1", "r1", " R 1 ", "1"])
def test_a_reference_is_found_however_it_is_typed(session: Session, typed: str) -> None:
    request = asked(session)
    assert rights.by_reference(session, typed) is request
    for wrong in ("R-2", "", "PSG 1001-9", "R-x"):
        with pytest.raises(RequestNotFound):
            rights.by_reference(session, wrong)


def test_s27_what_was_asked_of_erased_people_goes_and_what_is_open_once_answered(
    session: Session,
) -> None:
    person = applied(session).person
    answered, still_open = asked(session, 1), asked(session, 2)
    rights.answer(session, answered, "We are sorry", outcome=REFUSED, by="ann", now=NOW)
    other = asked(session, 3, email="other@example.org", name="Somebody Else")
    erasure.erase(session, [person], by="ann", now=NOW)
    assert (answered.name, answered.email, answered.text, answered.answer) == ("", "", "", "")
    assert (answered.right, answered.outcome) == (COMPLAINT, REFUSED)
    assert still_open.email == MARIA, "an answer is owed"
    rights.answer(session, still_open, "All is deleted", outcome=DONE, by="ann", now=NOW)
    assert (still_open.name, still_open.email, still_open.text) == ("", "", "")
    assert mails(session, rights.ANSWERED)[-1].recipient == MARIA
    assert other.name == "Somebody Else"


def test_s27_who_asked_to_be_deleted_is_deleted_with_the_answer(session: Session) -> None:
    request = asked(session, right=ERASURE)
    rights.answer(session, request, "We held nothing", outcome=DONE, by="ann", now=NOW)
    assert (request.name, request.email, request.email_folded, request.text) == ("", "", "", "")
    refused = asked(session, 2, right=ERASURE)
    rights.answer(session, refused, "The law forbids it", outcome=REFUSED, by="ann", now=NOW)
    assert refused.email == MARIA


def test_s27_an_erasure_is_not_done_while_somebody_has_the_address(session: Session) -> None:
    person = applied(session).person
    request = asked(session, right=ERASURE)
    with pytest.raises(AnswerRefused, match=f"{person.number} is still there"):
        rights.answer(session, request, "Deleted", outcome=DONE, by="ann", now=NOW)
    assert (request.answered_at, request.email) == (None, MARIA)
    assert mails(session, rights.ANSWERED) == []
    erasure.erase(session, [person], by="ann", now=NOW)
    rights.answer(session, request, "Deleted", outcome=DONE, by="ann", now=NOW)
    assert (request.outcome, request.email) == (DONE, "")


def test_s27_an_erasure_is_done_although_somebody_else_has_the_address(session: Session) -> None:
    applied(session)
    request = asked(session, right=ERASURE)
    rights.answer(session, request, "Deleted", outcome=DONE, by="ann", now=NOW, anyway=True)
    assert (request.outcome, request.email) == (DONE, "")


@pytest.mark.parametrize("outcome", [PARTLY, REFUSED])
def test_an_erasure_is_done_in_part_or_refused_while_the_person_is_there(
    session: Session, outcome: str
) -> None:
    applied(session)
    request = asked(session, right=ERASURE)
    rights.answer(session, request, "The law forbids it", outcome=outcome, by="ann", now=NOW)
    assert (request.outcome, request.email) == (outcome, MARIA)


def held(session: Session) -> list[tuple[str, str]]:
    """Return the kinds and states of the mails that hold the address or name of María."""
    return [
        (one.kind, one.state)
        for one in session.scalars(select(Message).order_by(Message.id))
        if MARIA in one.recipient or "Casta" in str(one.values)
    ]


@pytest.mark.parametrize("state", [WAITING, DEAD])
def test_s27_the_receipt_of_an_erased_person_is_deleted_and_the_answer_once_sent(
    session: Session, state: str
) -> None:
    person = applied(session).person
    request = asked(session, right=ERASURE)
    receipt = mails(session, rights.RECEIVED)[0]
    if state == DEAD:
        outbox.mark_dead(session, receipt.id, error="550", now=NOW)
    erasure.erase(session, [person], by="ann", now=NOW)
    assert held(session) == []
    rights.answer(session, request, "All is deleted", outcome=DONE, by="ann", now=NOW)
    assert held(session) == [(rights.ANSWERED, WAITING)]
    outbox.mark_sent(session, mails(session, rights.ANSWERED)[0].id, now=NOW)
    session.expire_all()
    assert held(session) == []


def test_s27_no_unsent_receipt_or_dead_answer_outlives_an_erasure_request_that_is_done(
    session: Session,
) -> None:
    request = asked(session, right=ERASURE)
    rights.answer(session, request, "Which Ana are you?", outcome=PARTLY, by="ann", now=NOW)
    outbox.mark_dead(session, mails(session, rights.ANSWERED)[0].id, error="550", now=NOW)
    rights.answer(session, request, "Deleted", outcome=DONE, by="ann", now=NOW, again=True)
    assert held(session) == [(rights.ANSWERED, WAITING)]


def test_s30_an_emptied_request_that_a_backup_brings_back_is_emptied_again(
    session: Session,
) -> None:
    emptied, newer, other = (
        asked(session, number, right=ERASURE, now=NOW + days * DAY, email=f"{number}@example.org")
        for number, days in ((1, 0), (2, 2), (3, 0))
    )
    entries = [ErasedEntry(NOW + DAY, one.reference) for one in (emptied, newer)]
    again = erasure.erase_again(session, entries, by="restore", now=NOW + 3 * DAY)
    assert [one.number for one in again] == [emptied.reference]
    assert (emptied.name, emptied.email, emptied.text) == ("", "", "")
    assert [one.reference for one in rights.open_requests(session)] == ["R-3", "R-2"]
    assert [newer.email, other.email] == ["2@example.org", "3@example.org"]
    assert "1@example.org" not in {one.recipient for one in mails(session, rights.RECEIVED)}


def test_s30_emptied_requests_are_in_the_list_of_the_erased(
    session: Session, tmp_path: Path
) -> None:
    request = asked(session, right=ERASURE)
    rights.answer(session, request, "We held nothing", outcome=DONE, by="ann", now=NOW)
    entries = erasure.erased_entries(session)
    assert entries == [ErasedEntry(NOW, "R-1")]
    erasure.append_to_list(tmp_path / erasure.LIST_FILE, entries)
    assert erasure.read_list(tmp_path / erasure.LIST_FILE) == (entries, [])


def test_answered_requests_are_deleted_after_two_years_and_open_ones_stay(session: Session) -> None:
    answered, _open = asked(session, 1), asked(session, 2)
    rights.answer(session, answered, "Done", outcome=DONE, by="ann", now=NOW)
    kept = personal_data.REQUESTS.periods["answered"]
    rights.delete_expired(session, now=NOW + kept - timedelta(seconds=1))
    assert session.scalar(select(func.count(RightsRequest.id))) == 2
    rights.delete_expired(session, now=NOW + kept)
    assert session.scalars(select(RightsRequest.id)).all() == [2]


def test_r14_a_request_that_a_clock_which_was_ahead_has_dated_is_due_from_now(
    session: Session,
) -> None:
    request = asked(session, now=NOW + 400 * DAY)
    rights.correct_future_dates(session, now=NOW, latest=NOW + DAY)
    session.refresh(request)
    assert (request.sent_at, request.due_on) == (NOW, rights.due_day(NOW.date()))


def test_access_returns_the_requests_from_the_address_of_the_person(session: Session) -> None:
    person = applied(session).person
    asked(session)
    asked(session, 2, email="other@example.org")
    record = subject_access.everything(session, person, secret=SECRET)
    assert [row["text"] for row in record["rights_requests"]] == ["You wrote to my old address"]
    kinds = [row["kind"] for row in record["outbox"]]
    assert kinds.count(rights.RECEIVED) == 1


def test_the_secretary_sees_who_may_have_sent_it(session: Session) -> None:
    request = asked(session)
    assert rights.people_of(session, request) == []
    number = applied(session).person.number
    assert rights.people_of(session, request) == [number]
    assert session.scalars(select(Person.number)).all() == [number]


def test_s29_doctor_names_those_that_wait_and_those_that_are_late(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.state for one in health.check_rights_requests(app)] == [OK]
    asked(session)
    for days, state in ((0, ATTENTION), (30, ATTENTION), (31, FAULT)):
        monkeypatch.setattr(health, "utc_now", lambda days=days: NOW + days * DAY)
        [finding] = health.check_rights_requests(app)
        assert (finding.subject, finding.state) == ("R-1", state)
        assert "2026-07-31" in finding.text
    for number in range(2, 15):
        asked(session, number, email=f"somebody{number}@example.org")
    assert len(list(health.check_rights_requests(app))) == health.MAX_NAMED + 1
    for request in rights.open_requests(session):
        rights.answer(session, request, "Done", outcome=DONE, by="ann", now=NOW)
    assert [one.state for one in health.check_rights_requests(app)] == [OK]
