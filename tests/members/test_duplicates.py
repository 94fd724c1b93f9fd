"""Duplicates: two records of one person are joined and separated again; others are told apart."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.core.database import Model
from psgflask.mail.models import Message
from psgflask.mail.outbox import SECRETARY
from psgflask.members import (
    audit,
    consents,
    duplicates,
    erasure,
    export,
    leaving,
    payments,
    people,
    subject_access,
)
from psgflask.members.duplicates import JoinRefused
from psgflask.members.erasure import ErasedEntry
from psgflask.members.models import DIED, Payment, Person, PersonJoined
from tests.members.people import NOW, applied, link_of, verified

BOTH = frozenset(consents.CHANNELS)
LATER = NOW + timedelta(days=2)


def two(session: Session, **other: str) -> tuple[Person, Person]:
    """Return two records of somebody, of which the later has a payment and a note."""
    earlier = applied(session).person
    later = applied(session, now=LATER, consents=frozenset({"post"}), **other).person
    paid(session, later)
    audit.add_note(session, later, "Rang", by="ann", now=LATER)
    session.commit()
    return earlier, later


def paid(session: Session, person: Person) -> Payment:
    return payments.confirm(
        session,
        person,
        amount=Decimal(24),
        method="cash",
        received_on=LATER.date(),
        by="ann",
        now=LATER,
        anyway=True,
    )


def joined(session: Session, person: Person, into: Person) -> None:
    duplicates.join(session, person, into, by="ann", now=LATER)


def contents(session: Session) -> dict[str, list[dict[str, object]]]:
    """Return all rows of people and of what belongs to them, but versions."""
    session.expire_all()
    tables = ("people", *duplicates.MOVED)
    return {
        name: [
            {column: value for column, value in row.items() if column != "version"}
            for row in session.execute(select(Model.metadata.tables[name])).mappings()
        ]
        for name in tables
    }


def marked(session: Session) -> list[tuple[str, str | None]]:
    found, _count = people.newest(session, year=NOW.year, duplicates=True)
    return [(one.person.number, one.duplicate) for one in found]


def test_what_belongs_to_a_person_who_is_joined_is_the_other_ones(session: Session) -> None:
    earlier, later = two(session)
    joined(session, later, earlier)
    assert [len(earlier.applications), len(earlier.payments), len(earlier.notes)] == [2, 1, 1]
    assert consents.given(earlier) == {"post"}
    listed, count = people.newest(session, year=NOW.year)
    assert [(one.person.number, one.state) for one in listed] == [(earlier.number, "paid")]
    assert count == 1
    assert [row["number"] for row in export.rows(session, {}, year=NOW.year)] == [earlier.number]
    (found,) = people.find(session, later.number, year=NOW.year)
    assert (found.state, found.joined_to) == ("joined", earlier.number)
    assert marked(session) == []


def test_a_join_can_be_undone(session: Session) -> None:
    earlier, later = two(session)
    before = contents(session)
    joined(session, later, earlier)
    assert contents(session) != before
    assert duplicates.separate(session, later, by="ben", now=LATER) is earlier
    assert contents(session) == before
    assert marked(session) == [(later.number, earlier.number)]
    entries = [entry.what for entry in audit.entries(session, later.number)]
    assert entries[-2:] == ["joined", "separated"]


def test_after_a_separation_what_came_later_stays_and_a_reversal_goes_along(
    session: Session,
) -> None:
    earlier, later = two(session)
    joined(session, later, earlier)
    payments.reverse(session, earlier, earlier.payments[0], by="ann", now=LATER)
    paid(session, earlier)
    duplicates.separate(session, later, by="ann", now=LATER)
    assert [one.amount for one in earlier.payments] == [24]
    assert [one.amount for one in later.payments] == [24, -24]
    assert payments.counting(later.payments) == []


def states(session: Session, year: int) -> dict[str, str | None]:
    listed, _count = people.newest(session, year=year)
    return {one.person.number: one.state for one in listed}


def test_after_a_separation_the_application_is_paid_of_whoever_has_the_payment(
    session: Session,
) -> None:
    earlier, later = (applied(session, now=now).person for now in (NOW, LATER))
    joined(session, later, earlier)
    payment = paid(session, earlier)
    assert payment.application_id is not None
    duplicates.separate(session, later, by="ann", now=LATER)
    assert states(session, NOW.year) == {
        earlier.number: "paid",
        later.number: "address not confirmed",
    }
    assert states(session, NOW.year + 1)[earlier.number] == "renewal due"
    payments.reverse(session, earlier, payment, by="ann", now=LATER)
    assert set(states(session, NOW.year).values()) == {"address not confirmed"}


def is_confirmed(person: Person) -> bool:
    return person.account_id is not None


def test_after_a_separation_an_address_is_confirmed_for_whoever_confirmed_it(
    session: Session,
) -> None:
    earlier = applied(session).person
    later = verified(session, applied(session, now=LATER)).person
    joined(session, later, earlier)
    assert is_confirmed(earlier)
    duplicates.separate(session, later, by="ann", now=LATER)
    assert [is_confirmed(one) for one in (earlier, later)] == [False, True]
    joined(session, later, earlier)
    verified(session, earlier.applications[0])
    duplicates.separate(session, later, by="ann", now=LATER)
    assert is_confirmed(earlier)


def test_nothing_is_recorded_about_a_person_who_was_joined(session: Session) -> None:
    earlier, later = two(session)
    joined(session, later, earlier)
    refused = f"{later.number} was joined to {earlier.number}: use that number"
    for record in (
        lambda: paid(session, later),
        lambda: audit.add_note(session, later, "Rang", by="ann", now=LATER),
        lambda: consents.change(session, later, "email", True, by="ann", now=LATER),
        lambda: people.correct(session, later, {"name": "Ana"}, by="ann", now=LATER),
        lambda: leaving.leave(session, later, DIED, on=NOW.date(), by="ann", now=LATER),
        lambda: leaving.reinstate(session, later, by="ann", now=LATER),
        lambda: leaving.check_needs_link(later),
        lambda: joined(session, later, earlier),
        lambda: joined(session, earlier, later),
        lambda: erasure.erase(session, [later], by="ann", now=LATER),
    ):
        with pytest.raises(PersonJoined, match=refused):
            record()


def test_who_cannot_be_joined_or_separated_is_refused(session: Session) -> None:
    earlier, later = two(session)
    with pytest.raises(JoinRefused, match="to itself"):
        joined(session, later, later)
    with pytest.raises(JoinRefused, match="not joined to anybody"):
        duplicates.separate(session, later, by="ann", now=LATER)
    leaving.leave(session, earlier, DIED, on=NOW.date(), by="ann", now=NOW)
    with pytest.raises(JoinRefused, match="resigned or died"):
        joined(session, later, earlier)


def three(session: Session) -> tuple[Person, Person, Person]:
    """Return three records of somebody, of which the third was joined to the second."""
    first, second = two(session)
    third = applied(session, now=LATER).person
    paid(session, third)
    joined(session, third, second)
    session.commit()
    return first, second, third


def test_who_was_joined_to_somebody_is_joined_to_whom_they_are_joined_to(session: Session) -> None:
    first, second, third = three(session)
    joined(session, second, first)
    assert [one.joined_to for one in (first, second, third)] == [None, first, first]
    assert [len(first.applications), len(first.payments)] == [3, 2]


def test_a_join_of_somebody_to_whom_others_were_joined_can_be_undone(session: Session) -> None:
    first, second, third = three(session)
    before = contents(session)
    joined(session, second, first)
    duplicates.separate(session, second, by="ann", now=LATER)
    assert contents(session) == before
    duplicates.separate(session, third, by="ann", now=LATER)
    assert [len(one.applications) for one in (first, second, third)] == [1, 1, 1]


def test_joins_are_undone_in_any_order(session: Session) -> None:
    first, second, third = three(session)
    joined(session, second, first)
    duplicates.separate(session, third, by="ann", now=LATER)
    assert [len(one.payments) for one in (first, second, third)] == [1, 0, 1]
    joined(session, third, first)
    duplicates.separate(session, second, by="ann", now=LATER)
    assert [one.joined_to for one in (second, third)] == [None, first], "joined anew"
    assert [len(one.payments) for one in (first, second, third)] == [1, 1, 0]


def test_a_link_confirms_the_address_after_two_joins(session: Session) -> None:
    first, second = two(session)
    third = applied(session, now=LATER).person
    token = link_of(session, third.applications[0], now=LATER)
    joined(session, third, second)
    joined(session, second, first)
    email_confirmation.confirm(session, token, now=LATER)
    assert first.account_id is not None


def test_an_applicant_is_perhaps_the_person_at_the_end_of_two_joins(session: Session) -> None:
    first, second = two(session)
    third = applied(session, now=LATER, name="M. C.", email="other@example.org").person
    joined(session, third, second)
    joined(session, second, first)
    again = applied(session, now=LATER, name="Somebody", email="other@example.org")
    assert again.duplicate is first


def test_the_newest_word_on_a_consent_counts(session: Session) -> None:
    earlier = verified(session, applied(session, consents=BOTH)).person
    later = applied(session, now=LATER, consents=frozenset({"post"})).person
    consents.change(session, later, "post", False, by="ann", now=LATER)
    joined(session, later, earlier)
    assert consents.given(earlier) == {"email"}
    assert consents.effective(session, earlier) == {"email"}
    consents.change(session, earlier, "post", True, by="ann", now=LATER)
    assert consents.effective(session, earlier) == BOTH


def test_a_link_confirms_the_address_that_both_have(session: Session) -> None:
    earlier, later = two(session)
    token = link_of(session, later.applications[0], now=LATER)
    joined(session, later, earlier)
    email_confirmation.confirm(session, token, now=LATER)
    assert earlier.account_id is not None
    assert consents.effective(session, earlier) == {"post"}


def test_a_link_to_another_address_is_of_no_use_any_more(session: Session) -> None:
    earlier, later = two(session, email="other@example.org")
    token = link_of(session, later.applications[0], now=LATER)
    joined(session, later, earlier)
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=LATER)
    to_people = select(Message).where(Message.recipient != SECRETARY)
    assert session.scalars(to_people).all() == []


def test_to_the_dead_no_mail_goes_under_another_number(session: Session) -> None:
    earlier, later = two(session)
    token = link_of(session, later.applications[0], now=LATER)
    joined(session, later, earlier)
    leaving.leave(session, earlier, DIED, on=NOW.date(), by="ann", now=LATER)
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=LATER)
    to_people = select(func.count(Message.id)).where(Message.recipient != SECRETARY)
    assert session.scalar(to_people) == 0


@pytest.mark.parametrize("email", ["maria@example.org", "quetzal@example.org"])
def test_s27_an_erasure_takes_along_who_was_joined(session: Session, email: str) -> None:
    earlier, later = two(session, email=email)
    numbers = {earlier.number, later.number}
    people.correct(session, later, {"name": "Quetzal Zyxwv"}, by="ann", now=LATER)
    joined(session, later, earlier)
    erased = erasure.erase(session, [earlier], by="ann", now=LATER)
    session.commit()
    assert {one.number for one in erased} == numbers
    tables = Model.metadata.sorted_tables
    left = [str(row) for table in tables for row in session.execute(select(table))]
    assert [row for row in left if "etzal" in row or "Casta" in row or "llama" in row.lower()] == []
    assert [one.number for one in session.scalars(select(Person))] == [min(numbers)]
    assert session.scalar(select(func.count(Payment.id))) == 1


def test_s30_who_was_separated_and_erased_is_erased_again_alone(session: Session) -> None:
    earlier, later = two(session)
    number = later.number
    joined(session, later, earlier)
    entry = ErasedEntry(LATER, number)
    erased = erasure.erase_again(session, [entry], by="ann", now=LATER)
    assert [(one.number, one.payments) for one in erased] == [(number, 1)]
    assert earlier.name == "María Castañeda"
    assert len(earlier.applications) == 1


def test_s30_who_was_erased_while_joined_is_erased_again_together(session: Session) -> None:
    earlier, later = two(session)
    entries = [ErasedEntry(LATER, one.number) for one in (earlier, later)]
    joined(session, later, earlier)
    assert len(erasure.erase_again(session, entries, by="ann", now=LATER)) == 2


def test_s30_who_was_separated_before_the_other_was_erased_is_no_erased_person(
    session: Session,
) -> None:
    erased, member = two(session)
    joined(session, member, erased)
    number = erased.number
    again = erasure.erase_again(session, [ErasedEntry(LATER, number)], by="ann", now=LATER)
    assert [one.number for one in again] == [number]
    assert (member.name, member.joined_to) == ("María Castañeda", None)
    assert [len(member.applications), len(member.payments), len(member.notes)] == [1, 1, 1]


def test_s27_joined_people_are_erased_in_different_batches(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH", 1)
    persons = [applied(session, now=LATER).person for _ in range(3)]
    for other in persons[1:]:
        joined(session, other, persons[0])
    assert len(erasure.erase(session, persons[:1], by="ann", now=LATER)) == 3
    session.commit()
    assert session.scalar(select(func.count(Person.id))) == 0


def test_access_has_what_is_held_under_both_numbers(session: Session) -> None:
    earlier, later = two(session, name="M. Castañeda", address="2 Alpaca Lane")
    joined(session, later, earlier)
    held = json.dumps(subject_access.everything(session, earlier, secret="s"), default=str)
    for text in ("Llama Street", "Alpaca Lane", "Rang"):
        assert text in held
    assert subject_access.record(session, earlier)["joined"] == [later.number]
    assert subject_access.record(session, later)["joined to"] == earlier.number
    asked = subject_access.everything(session, later, secret="s")
    assert json.dumps(asked, default=str) == held, "the same under either number"


def test_an_applicant_is_perhaps_whom_a_likely_one_was_joined_to(session: Session) -> None:
    earlier, later = two(session, email="other@example.org", name="M. C.")
    joined(session, later, earlier)
    again = applied(session, now=LATER, name="Somebody", email="other@example.org")
    assert again.duplicate is earlier


def test_who_is_somebody_else_is_marked_no_more_until_that_is_undone(session: Session) -> None:
    earlier, later = two(session)
    assert marked(session) == [(later.number, earlier.number)]
    duplicates.tell_apart(session, later, by="ben", now=LATER)
    assert marked(session) == []
    with pytest.raises(JoinRefused, match="not marked"):
        duplicates.tell_apart(session, later, by="ben", now=LATER)
    duplicates.tell_apart(session, later, by="ben", now=LATER, undo=True)
    assert marked(session) == [(later.number, earlier.number)]
    entry = audit.entries(session, later.number)[-2]
    assert (entry.what, entry.who, entry.after) == (
        "not the same",
        "ben",
        {"perhaps": earlier.number},
    )
