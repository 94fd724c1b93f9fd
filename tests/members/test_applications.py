import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import Account
from psgflask.mail import outbox
from psgflask.mail.models import Message
from psgflask.members import applications, audit, consents, people
from psgflask.members.applications import AlreadyApplied, FormUsed
from psgflask.members.consents import ConsentRefused
from psgflask.members.models import ONLINE, PAPER, Person
from psgflask.members.person_fields import FieldRefused
from tests.members.people import NOW, answers, applied, link_of, tier


def test_an_application_is_a_person_with_a_number_and_its_amount(session: Session) -> None:
    application = applied(session, form_hash="s")
    person = application.person
    assert person.number.startswith("PSG 1001-")
    assert (person.name, person.name_folded) == ("María Castañeda", "maria castaneda")
    assert (person.postcode, person.postcode_folded) == ("LS1 4DY", "ls14dy")
    assert application.amount == Decimal("24.00")
    assert (application.verified_at, application.paid_at) == (None, None)


def test_the_amount_is_that_of_the_day_in_london(session: Session) -> None:
    summer = tier()
    last_hour = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert applied(session, tier=summer, now=last_hour).amount == Decimal("24.00")
    assert applied(session, tier=summer, now=last_hour + timedelta(hours=1)).amount == Decimal(30)


def test_only_households_have_other_members_and_only_organisations_a_name(
    session: Session,
) -> None:
    names = ("Ana Quispe", "Tom O’Brien")
    home = applied(
        session, tier=tier("household", "household"), household=names, organisation="dropped"
    )
    assert [member.name for member in home.person.household] == list(names)
    assert [member.name_folded for member in home.person.household] == ["ana quispe", "tom obrien"]
    assert home.person.organisation == ""
    group = applied(
        session, tier=tier("organisation", "organisation"), household=names, organisation="Ñandú"
    )
    assert (group.person.organisation, group.person.organisation_folded) == ("Ñandú", "nandu")
    assert group.person.household == []


@pytest.mark.parametrize(
    ("kind", "organisation", "household"),
    [("individual", "", ()), ("household", "", ("Ana", "Tom")), ("organisation", "Café", ())],
)
def test_answers_are_parsed_by_the_kind_of_membership(
    kind: str, organisation: str, household: tuple[str, ...]
) -> None:
    typed = {
        **{"name": " María ", "email": "maria@Example.org", "phone": "", "postcode": "ls14dy"},
        **{"address": "1 Road\n\nLeeds", "country": "GB"},
        **{"organisation": "Café", "household": "Ana; Tom"},
    }
    parsed = applications.parse_answers(
        tier(kind=kind), typed, language="en", payment="cheque", channels=["post"]
    )
    assert (parsed.name, parsed.email) == ("María", "maria@example.org")
    assert (parsed.address, parsed.postcode) == ("1 Road\nLeeds", "LS1 4DY")
    assert (parsed.organisation, parsed.household) == (organisation, household)
    assert parsed.consents == {"post"}


def test_only_the_fields_of_a_membership_are_validated() -> None:
    typed = dict.fromkeys(("email", "phone", "postcode", "address", "organisation"), "")
    typed |= {"name": "María", "country": "PE", "household": "!!"}
    applications.parse_answers(tier(), typed, language="en", payment="cheque", channels=())
    for kind in ("household", "organisation"):
        with pytest.raises(FieldRefused) as refused:
            applications.parse_answers(
                tier(kind=kind), typed, language="en", payment="cheque", channels=()
            )
        assert refused.value.field == kind


def test_without_a_tick_there_is_no_consent(session: Session) -> None:
    assert applied(session).person.consents == []


def test_a_consent_is_stored_with_its_wording_version_time_and_basis(session: Session) -> None:
    person = applied(session, consents=frozenset({"email"}), language="es").person
    (consent,) = person.consents
    wording = consents.WORDINGS["email", "es"]
    assert (consent.what, consent.wording) == ("email", wording.text)
    assert (consent.wording_version, consent.given_at) == (wording.version, NOW)
    assert "article 6(1)(a)" in consent.basis


def test_an_unknown_consent_is_refused(session: Session) -> None:
    with pytest.raises(ConsentRefused):
        applied(session, consents=frozenset({"telephone"}))


def test_the_same_form_sent_twice_is_one_application(session: Session) -> None:
    first = applied(session, form_hash="one")
    with pytest.raises(AlreadyApplied) as refused:
        applied(session, form_hash="one")
    assert refused.value.application is first
    assert session.scalar(select(func.count(Person.id))) == 1
    assert applied(session, form_hash="two").person.number != first.person.number


def test_a_form_that_was_sent_with_other_answers_is_refused(session: Session) -> None:
    form = applications.SubmittedForm("one", "these answers")
    applications.apply(session, answers(), source=ONLINE, form=form, by="applicant", now=NOW)
    other = applications.SubmittedForm("one", "other answers")
    with pytest.raises(FormUsed):
        applications.apply(session, answers(), source=ONLINE, form=other, by="applicant", now=NOW)
    assert session.scalar(select(func.count(Person.id))) == 1


def test_the_mail_to_the_secretary_contains_the_reference_alone(session: Session) -> None:
    person = applied(session).person
    (message,) = session.scalars(select(Message))
    assert (message.kind, message.recipient) == ("application_received", outbox.SECRETARY)
    assert message.values == {"reference": person.number}


def test_the_secretary_is_not_mailed_about_applications_on_paper(session: Session) -> None:
    applied(session, source=PAPER, by="ann", email="")
    assert session.scalar(select(func.count(Message.id))) == 0


def test_an_application_has_an_audit_entry_in_json(session: Session) -> None:
    person = applied(session, consents=frozenset({"post"})).person
    (entry,) = audit.entries(session, person.number)
    assert (entry.what, entry.who, entry.before) == ("applied", "applicant", {})
    assert entry.after["name"] == "María Castañeda"
    assert entry.after["consents"] == ["post"]
    assert json.loads(json.dumps(entry.after)) == entry.after


def test_a_confirmed_address_is_recorded_and_linked_to_its_account(session: Session) -> None:
    application = applied(session)
    account = email_confirmation.confirm(session, link_of(session, application), now=NOW)
    assert application.verified_at == NOW
    assert application.person.account_id == account.id
    assert [entry.what for entry in audit.entries(session, application.person.number)] == [
        "applied",
        "verified",
    ]


def test_two_people_with_one_address_share_its_account_and_are_confirmed_separately(
    session: Session,
) -> None:
    first, second = applied(session), applied(session, name="Luis")
    one = email_confirmation.confirm(session, link_of(session, first), now=NOW)
    assert second.verified_at is None
    two = email_confirmation.confirm(session, link_of(session, second), now=NOW)
    assert one is two
    assert second.verified_at == NOW
    assert session.scalar(select(func.count(Account.id))) == 1


def test_a_link_to_an_address_that_was_corrected_meanwhile_is_rejected(session: Session) -> None:
    application = applied(session)
    token = link_of(session, application)
    people.set_field(application.person, "email", "other@example.org")
    session.flush()
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)


def test_a_link_of_a_deleted_application_is_rejected_when_its_row_id_is_reused(
    session: Session,
) -> None:
    gone = applied(session)
    token, row = link_of(session, gone), gone.id
    session.delete(gone.person)
    session.flush()
    next_one = applied(session)
    assert next_one.id == row  # SQLite gives the number of the last row again
    with pytest.raises(TokenRejected):
        email_confirmation.confirm(session, token, now=NOW)
    assert next_one.verified_at is None


def test_an_invalid_address_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        applications.apply(
            session, answers(email="nobody"), source=PAPER, form=None, by="ann", now=NOW
        )
