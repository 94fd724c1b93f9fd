import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.accounts import email_confirmation
from psgflask.core import database, escaping, personal_data
from psgflask.core.clock import london_day, utc_now
from psgflask.core.database import db
from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import Message
from psgflask.members import audit, consents, erasure, rights, worker_task
from psgflask.members.applications import SubmittedForm
from psgflask.members.erasure import ErasedEntry
from psgflask.members.models import AuditEntry, Person
from tests import full_disk
from tests.members.people import SECRET, applied, populate, verified
from tests.statements import statements

Run = Callable[..., Result]
PAPER = (
    *("members", "add", "--membership", "waged", "--name", "Tomás Ñahui", "--payment", "cheque"),
    *("--address", "3 Vicuña Close", "--address", "Hull", "--postcode", "hu11aa", "--by", "ann"),
)


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `flask` with some words, and what is typed when it asks."""

    def run(*words: str, typed: str | None = None, fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=words, input=typed)
        assert (result.exit_code != 0) == fails, result.output
        return result

    return run


def listed_as_erased(app: Flask) -> list[str]:
    entries, damaged = erasure.read_list(Path(app.instance_path, "erased.txt"))
    assert damaged == []
    return [entry.number for entry in entries]


def only(session: Session) -> Person:
    session.rollback()
    return session.scalars(select(Person)).one()


def test_an_applicant_on_paper_is_added_without_an_email_address(
    run: Run, session: Session
) -> None:
    output = run(*PAPER).output
    person = only(session)
    assert output == f"Added Tomás Ñahui as {person.number}\n"
    assert (person.address, person.postcode) == ("3 Vicuña Close\nHull", "HU1 1AA")
    assert (person.email, person.consents) == ("", [])
    assert person.applications[0].source == "paper"
    assert audit.entries(session, person.number)[0].who == "ann"
    assert session.scalar(select(func.count(Message.id))) == 0


def test_under_sudo_the_volunteer_is_named_not_the_site_s_user(
    run: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "rosa")
    run(*PAPER[:-2], "--note", "By post")
    person = only(session)
    run("members", "confirm-payment", person.number, "24")
    person = only(session)
    assert {entry.who for entry in audit.entries(session, person.number)} == {"rosa"}
    assert (person.notes[0].by, person.payments[0].noted_by) == ("rosa", "rosa")


def test_a_household_of_three_and_an_organisation_are_added(run: Run, session: Session) -> None:
    run(
        *("members", "add", "--membership", "household", "--name", "Ana Díaz"),
        *("--household", "Tom Díaz; Zoe Díaz", "--payment", "standing order", "--agrees", "post"),
    )
    person = only(session)
    assert [one.name for one in person.household] == ["Tom Díaz", "Zoe Díaz"]
    assert consents.given(person) == {"post"}
    run(
        *("members", "add", "--membership", "organisation", "--organisation", "Café Perú"),
        *("--name", "Luis", "--payment", "cheque", "--country", "Perú", "--postcode", "15001"),
    )
    found = json.loads(run("members", "find", "cafe peru", "--json").output)
    assert [one["organisation"] for one in found] == ["Café Perú"]


def test_without_options_each_field_is_prompted_for(run: Run, session: Session) -> None:
    typed = (
        "household\nMaría Ruiz\nAna Ruiz\n\n1 Llama Street\nLeeds\n\nLS1 4DY\n\n\n\ncheque\nen\n"
        "n\nn\ny\n"
    )
    output = run("members", "add", typed=typed).output
    person = only(session)
    assert f"as {person.number}" in output
    assert (person.name, person.address) == ("María Ruiz", "1 Llama Street\nLeeds")
    assert [one.name for one in person.household] == ["Ana Ruiz"]
    assert person.consents == []


def test_pressing_return_gives_no_consent(run: Run, session: Session) -> None:
    run("members", "add", typed="waged\nAna\n\nLS1 4DY\n\n\n\ncheque\nes\n\n\ny\n")
    assert only(session).consents == []
    assert only(session).language == "es"


def test_declining_the_last_prompt_adds_nobody(run: Run, session: Session) -> None:
    run("members", "add", typed="waged\nAna\n\nLS1 4DY\n\n\n\ncheque\nen\n\n\nn\n", fails=True)
    assert session.scalar(select(func.count(Person.id))) == 0


def test_a_possible_duplicate_is_named_when_an_application_is_added(run: Run) -> None:
    run(*PAPER)
    output = run(*PAPER).output
    assert "Perhaps known already as PSG 1001-9: same name and postcode" in output
    rows = json.loads(run("members", "list", "--doubles", "--json").output)
    assert [(row["number"], row["perhaps"]) for row in rows] == [("PSG 1002-4", "PSG 1001-9")]


def test_an_applicant_who_agreed_to_email_is_mailed_a_working_link(
    app: Flask, run: Run, session: Session
) -> None:
    result = run(*PAPER, "--email", "tomas@example.org", "--agrees", "email", "--language", "es")
    assert "A link is mailed to tomas@example.org" in result.output
    (message,) = session.scalars(select(Message))
    link = message.values["link"]
    assert link.startswith("/es/accounts/join/")
    session.rollback()
    assert mail_task.run(app) == 1
    assert "in effect: no" in run("members", "show", "10019").output
    email_confirmation.confirm(session, link.rpartition("/")[2], now=utc_now())
    session.commit()
    assert "in effect: yes" in run("members", "show", "10019").output


def test_an_applicant_who_refused_email_is_mailed_nothing(run: Run, session: Session) -> None:
    run(*PAPER, "--email", "tomas@example.org", "--agrees", "post")
    assert session.scalar(select(func.count(Message.id))) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--membership", "king"), "There is no membership 'king': there are waged"),
        (("--postcode", "nowhere"), "no postcode of the United Kingdom"),
        (("--email", "nobody"), "not an e-mail address"),
        (("--phone", "x"), "no telephone number"),
        (("--country", "Atlantis"), "There is no country 'Atlantis'"),
        (("--name", "!!"), "is no name"),
        (("--name", "x" * 201), "200 characters or fewer"),
        (("--household", "Ana"), "is for one person"),
        (("--membership", "organisation"), "'' is no name"),
    ],
)
def test_an_invalid_value_is_reported_and_adds_nobody(
    run: Run, session: Session, words: tuple[str, ...], message: str
) -> None:
    output = run(*PAPER, *words, fails=True).output
    assert message in output
    assert "Nothing was changed" in output
    assert session.scalar(select(func.count(Person.id))) == 0


def test_a_missing_option_is_named(run: Run) -> None:
    assert (
        "Give --payment too"
        in run("members", "add", "--name", "Ana", "--membership", "waged", fails=True).output
    )


def test_the_list_shows_the_state_of_each_application(run: Run, session: Session) -> None:
    applied(session)
    verified(session, applied(session, name="Luis", email="luis@example.org", postcode=""))
    session.commit()
    run(*PAPER)
    run(*PAPER)
    run("members", "confirm-payment", "10035", "24")
    rows = json.loads(run("members", "list", "--json").output)
    assert [(row["number"][4:8], row["state"]) for row in rows] == [
        ("1004", "unpaid, paper"),
        ("1003", "paid"),
        ("1002", "unpaid"),
        ("1001", "address not confirmed"),
    ]
    only_paid = json.loads(run("members", "list", "--state", "paid", "--json").output)
    assert [row["number"][4:8] for row in only_paid] == ["1003"]
    assert "1 of 4 people; --limit 0" in run("members", "list", "--limit", "1").output


def test_an_empty_list_says_so(run: Run) -> None:
    assert run("members", "list").output == "Nobody\n"
    assert run("members", "find", "ana").output == "Nobody\n"
    assert json.loads(run("members", "list", "--json").output) == []


def test_show_prints_everything_about_a_member(run: Run) -> None:
    run(*PAPER, "--agrees", "post", "--note", "Prefers large print")
    shown = run("members", "show", "psg1001-9").output
    for words in ("Tomás Ñahui", "HU1 1AA", "by post", "in effect: yes", "large print", "applied"):
        assert words in shown
    assert json.loads(run("members", "show", "10019", "--json").output)["name"] == "Tomás Ñahui"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("note", "10019", "Rang"), "noted"),
        (("correct", "10019", "--name", "Tomás Díaz"), "corrected"),
        (("consent", "10019", "post", "--give"), "agreed"),
        (("confirm-payment", "10019", "£24.50"), "paid"),
        (("erase", "10019", "--yes"), "erased"),
    ],
)
def test_every_command_that_writes_records_who_did_what(
    run: Run, session: Session, words: tuple[str, ...], what: str
) -> None:
    run(*PAPER)
    run("members", *words, "--by", "ben")
    session.rollback()
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.what, entry.who, entry.subject) == (what, "ben", "PSG 1001-9")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("note", "10018", "Rang"), "no member number"),
        (("note", "10429", "Rang"), "nobody with the number PSG 1042-9"),
        (("note", "10019", " "), "cannot be empty"),
        (("correct", "10019"), "Say what to correct"),
        (("correct", "10019", "--name", "Tomás Ñahui"), "nothing to change"),
        (("correct", "10019", "--name", ""), "Everybody has a name"),
        (("correct", "10019", "--name", "Ana", "--version", "9"), "changed meanwhile"),
        (("correct", "10019", "--postcode", "x"), "no postcode"),
        (("consent", "10019", "email", "--withdraw"), "has not agreed"),
        (("confirm-payment", "10019", "free"), "write pounds such as"),
        (("confirm-payment", "10019", "24", "--on", "2199-01-01"), "still to come"),
        (("confirm-payment", "10019", "24", "--on", "soon"), "write it as 2026-07-01"),
    ],
)
def test_a_refusal_gives_its_reason_and_changes_nothing(
    run: Run, session: Session, words: tuple[str, ...], message: str
) -> None:
    run(*PAPER)
    assert message in run("members", *words, fails=True).output
    session.rollback()
    assert [entry.what for entry in audit.entries(session, "PSG 1001-9")] == ["applied"]


def test_a_correction_is_parsed_as_leniently_as_the_form(run: Run, session: Session) -> None:
    run(*PAPER)
    run(
        *("members", "correct", "10019", "--postcode", "sw1a1aa", "--phone", "020 7946 0000"),
        *("--address", "10 Downing Street", "--email", "tomas@Example.org"),
    )
    person = only(session)
    assert (person.postcode, person.phone) == ("SW1A 1AA", "+44 20 7946 0000")
    assert (person.address, person.email) == ("10 Downing Street", "tomas@example.org")
    run("members", "correct", "10019", "--email", "", "--phone", "")
    assert (only(session).email, only(session).phone) == ("", "")


def test_access_prints_for_people_and_in_json(run: Run) -> None:
    run(*PAPER, "--note", "Rang")
    assert "Vicuña Close" in run("members", "access", "10019").output
    record = json.loads(run("members", "access", "10019", "--json").output)
    assert record["notes"][0]["text"] == "Rang"
    assert record["proofs"] == []


def test_an_export_is_guarded_and_is_its_owners_alone(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    run(*PAPER[:5], "Ana =1+1 Díaz", *PAPER[6:], "--phone", "0113 496 0000")
    run(*PAPER, "--agrees", "post")
    assert "Wrote 2 people" in run("members", "export", str(file)).output
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert '"\'+44 113 496 0000"' in file.read_text("utf-8-sig")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["phone"] for row in rows] == ["'+44 113 496 0000", ""]
    assert [row["address"] for row in rows] == ["3 Vicuña Close\nHull"] * 2
    assert [row["may be sent post"] for row in rows] == ["no", "yes"]
    assert file.stat().st_mode & 0o077 == 0
    assert "File exists" in run("members", "export", str(file), fails=True).output


def test_an_export_can_be_limited_to_those_who_agreed_or_paid(run: Run, tmp_path: Path) -> None:
    run(*PAPER, "--agrees", "post")
    run(*PAPER)
    year = london_day(utc_now()).year
    run("members", "confirm-payment", "10024", "24")
    next_year = ("--paid", "--year", str(year + 1))
    options = (("post", ("--agreed", "post")), ("paid", ("--paid",)), ("next", next_year))
    for name, option in options:
        run("members", "export", str(tmp_path / name), *option)
    assert "PSG" not in (tmp_path / "next").read_text()
    assert "PSG 1001-9" in (tmp_path / "post").read_text()
    assert "PSG 1002-4" not in (tmp_path / "post").read_text()
    assert "PSG 1001-9" not in (tmp_path / "paid").read_text()


def test_s27_erasing_covers_tables_files_and_mails_and_reports_what_stays(
    app: Flask, run: Run, session: Session
) -> None:
    instance = Path(app.instance_path)
    run(*PAPER, "--email", "tomas@example.org", "--agrees", "email")
    assert mail_task.run(app) == 1
    run("members", "confirm-payment", "10019", "24")
    output = run("members", "erase", "10019", typed="y\n").output
    assert "Erase Tomás Ñahui (PSG 1001-9)? It cannot be undone" in output
    assert "Erased PSG 1001-9; payments that stay: 1" in output
    assert "--erased NEWER" in output
    assert list((instance / "outbox").glob("*.eml")) == []
    for file in instance.rglob("*"):
        if file.is_file():
            held = file.read_bytes().decode("utf-8", "replace").lower()
            assert [word for word in ("ahui", "vicu", "tomas@", "hu1 1aa") if word in held] == []
    assert listed_as_erased(app) == ["PSG 1001-9"]
    assert run("members", "list").output == "Nobody\n"


def test_without_confirmation_nobody_is_erased(run: Run, session: Session) -> None:
    run(*PAPER)
    run("members", "erase", "10019", typed="n\n", fails=True)
    assert only(session).name == "Tomás Ñahui"


def test_a_damaged_line_of_the_list_is_reported_and_the_others_are_erased_again(
    app: Flask, run: Run, session: Session
) -> None:
    run(*PAPER)
    file = Path(app.instance_path, "erased.txt")
    file.write_text("2026-07-\n2100-07-01T12:00:00+00:00 PSG 1001-9\n")
    output = run("members", "erase-again", fails=True).output
    assert "Erased PSG 1001-9 again" in output
    assert "line 1" in output
    assert run("members", "list").output == "Nobody\n"


def test_r4_an_erasure_succeeds_though_the_list_cannot_be_written(
    app: Flask, run: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*PAPER)
    with monkeypatch.context() as patched:
        full_disk.no_room_after(patched, 0)
        output = run("members", "erase", "10019", "--yes").output
    assert "Erased PSG 1001-9" in output
    assert "no room left" in output
    worker_task.erase_expired(app, utc_now())
    assert listed_as_erased(app) == ["PSG 1001-9"]


def test_r4_an_export_to_a_full_disk_leaves_no_partial_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*PAPER)
    (tmp_path / "exports").mkdir()
    with monkeypatch.context() as patched:
        full_disk.no_room_after(patched, 50)
        output = run("members", "export", str(tmp_path / "exports/all.csv"), fails=True).output
    assert "no room left" in output
    assert list((tmp_path / "exports").iterdir()) == []


def test_after_a_restore_the_people_of_the_list_are_erased_again(
    app: Flask, run: Run, session: Session, tmp_path: Path
) -> None:
    run(*PAPER)
    backup, instance = tmp_path / "backup", Path(app.instance_path)
    database.checkpoint(app)
    backup.write_bytes((instance / "psg.sqlite").read_bytes())
    run("members", "erase", "10019", "--yes")
    session.rollback()
    db.engine.dispose()  # the last to close the database takes its journal away
    (instance / "psg.sqlite").write_bytes(backup.read_bytes())
    assert "Tomás Ñahui" in run("members", "list").output
    assert run("members", "erase-again").output == "Erased PSG 1001-9 again\n"
    assert run("members", "list").output == "Nobody\n"
    assert run("members", "erase-again").output == "Nobody of the list is there\n"


def test_an_unreadable_file_of_memberships_is_reported(
    app: Flask, run: Run, doctor: Callable[[], dict[str, Any]]
) -> None:
    Path(app.instance_path, "memberships.toml").write_text("[waged")
    assert "Cannot read" in run(*PAPER, fails=True).output
    assert doctor()["state"] == "fault"


def test_doctor_reports_missing_amounts(app: Flask, doctor: Callable[[], dict[str, Any]]) -> None:
    assert doctor()["state"] == "attention"
    assert "waged, unwaged, household, organisation, life" in doctor()["text"]
    amounts = 'amounts = [{ from = 2020-01-01, pounds = "24" }]'
    kinds = ("waged", "unwaged", "household", "organisation", "life")
    text = "\n".join(f"[{kind}]\n{amounts}" for kind in kinds)
    Path(app.instance_path, "memberships.toml").write_text(text)
    assert doctor()["state"] == "ok"


@pytest.fixture
def doctor(app: Flask) -> Callable[[], dict[str, Any]]:
    """What the doctor finds of the memberships."""

    def ask() -> dict[str, Any]:
        found = json.loads(app.test_cli_runner().invoke(args=["doctor", "--json"]).output)
        (one,) = (finding for finding in found if finding["subject"] == "memberships")
        return dict(one)

    return ask


@pytest.mark.parametrize(
    "command",
    [
        *("list", "list --json", "find Ana", "show NUMBER", "show NUMBER --json"),
        *(
            "access NUMBER",
            "access NUMBER --json",
            "note NUMBER ok",
            "correct NUMBER --phone 12345",
        ),
        *("confirm-payment NUMBER 24", "payments list NUMBER", "consent NUMBER post --give"),
    ],
)
def test_control_characters_of_applicants_are_escaped_in_the_terminal(
    run: Run, session: Session, command: str
) -> None:
    acts = "\x1b[2J\x9b31m\r\x07\x7f\x85\u2028\u202e\u2066\U000e0041"
    person = applied(session, name="Ana").person
    for field in ("name", "organisation", "phone", "address", "postcode"):
        setattr(person, field, f"Ana{acts}")
    session.commit()
    result = run("members", *command.replace("NUMBER", person.number.replace(" ", "")).split())
    assert result.exit_code == 0, result.output
    assert not escaping.CONTROLS.search(result.output.replace("\n", ""))
    if command != "access NUMBER":  # a letter
        assert "\n\n" not in result.output, "no line is empty"
    if command.endswith("--json"):
        assert f"Ana{acts}" in _texts(json.loads(result.output))


@pytest.mark.parametrize(
    "command",
    [
        *("list", "list --json --limit 0", "list --state paid --limit 2", "list --doubles"),
        *("find @", "find ana --json", "show NUMBER", "show NUMBER --json", "access NUMBER --json"),
        *(
            "note NUMBER Rang",
            "payments reverse NUMBER",
            "confirm-payment NUMBER 25 --anyway",
            "export FILE",
        ),
        "export FILE --agreed email --paid",
        *(
            "consent NUMBER post --withdraw",
            "correct NUMBER --name Zoe --household 'Luz; Tom; Eva'",
        ),
        *("correct NUMBER --email new@example.org --phone 012345", "erase NUMBER --yes"),
        "add --membership household --name 'Ana 1' --payment cheque --email ana1@example.org"
        " --household Luz --postcode LS14DY --agrees post --agrees email",
    ],
)
def test_a_command_sends_as_many_statements_for_120_people_as_for_3(
    run: Run, session: Session, tmp_path: Path, command: str
) -> None:
    counts = []
    for count in (3, 120):
        number = populate(session, count)[1].number.replace(" ", "")
        words = command.replace("NUMBER", number).replace("FILE", str(tmp_path / f"{count}.csv"))
        with statements() as sent:
            run("members", *shlex.split(words))
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert counts[0] > 0


def test_erasing_again_sends_as_many_statements_for_120_people_as_for_3(
    app: Flask, run: Run, session: Session
) -> None:
    counts = []
    for count in (3, 120):
        numbers = [person.number for person in populate(session, count)]
        entries = [ErasedEntry(utc_now(), number) for number in numbers]
        erasure.append_to_list(Path(app.instance_path, erasure.LIST_FILE), entries)
        with statements() as sent:
            output = run("members", "erase-again").output
        assert output.count(" again") == count
        counts.append(len(sent))
    assert counts[0] == counts[1]


def _texts(value: Any) -> list[str]:
    """Return every text of a JSON value."""
    if isinstance(value, dict):
        return _texts(list(value.values()))
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            (
                "What the Peru Support Group holds about you",
                "Name: Rosa Quispe",
                "Country: United Kingdom",
                "Way to pay: cheque",
                "What was done: You applied",
                "Lawful basis: Your consent, which you can take back at any time",
                "How long: 1 day, since no limit looks further back.",
                "Amount: £24.00",
                "https://ico.org.uk/make-a-complaint/",
            ),
        ),
        (
            "es",
            (
                "Lo que el Peru Support Group tiene sobre usted",
                "Nombre: Rosa Quispe",
                "País: Reino Unido",
                "Forma de pago: cheque",
                "Qué se hizo: Usted presentó su solicitud",
                "Base jurídica: Su consentimiento, que puede retirar en cualquier momento",
                "Durante cuánto tiempo: 1 día, pues ningún límite mira más atrás.",
                "Importe: £24.00",
                "/es/members/rights",
            ),
        ),
    ],
)
def test_s29_access_is_a_letter_in_the_words_and_the_language_of_the_person(
    run: Run, session: Session, language: str, lines: tuple[str, ...]
) -> None:
    run(
        *("members", "add", "--membership", "waged", "--name", "Rosa Quispe", "--payment"),
        *("cheque", "--address", "1 High Street", "--postcode", "LS1 1AA", "--agrees", "email"),
        *("--email", "rosa@example.org", "--language", language, "--note", "Rang", "--by", "ann"),
    )
    number = only(session).number
    run("members", "confirm-payment", number, "24")
    letter = run("members", "access", number).output
    for line in lines:
        assert line in letter
    # Neither names of columns and of the program's states, nor times as a machine writes them.
    assert not re.search(r"\b[a-z]+_[a-z_]+\b|\d{4}-\d{2}-\d{2} |(?m:: None$)|\+00:00|Lazy", letter)
    for data in personal_data.PERSONAL_DATA:
        if not data.columns:
            with force_locale(language):
                assert str(data.what) in letter


def test_s29_access_for_machines_names_the_columns(run: Run, session: Session) -> None:
    run(*PAPER)
    record = json.loads(run("members", "access", only(session).number, "--json").output)
    assert record["people"][0]["name"] == "Tomás Ñahui"
    assert record["applications"][0]["payment"] == "cheque"


def ask_for(session: Session, right: str, email: str = "rosa@example.org", number: int = 1) -> None:
    rights.submit(
        session,
        rights.RightsAnswers(right, "Rosa Quispe", email, "Please", "en"),
        form=SubmittedForm(f"form {number}"),
        network=f"192.0.2.{number}",
        secret=SECRET,
        now=utc_now(),
    )
    session.commit()


def test_s29_requests_are_listed_shown_and_answered(run: Run, session: Session) -> None:
    assert "None waits" in run("members", "requests", "list").output
    ask_for(session, "complaint")
    listed = run("members", "requests", "list").output
    assert "R-1" in listed
    assert "complaint" in listed
    shown = json.loads(run("members", "requests", "show", "r1", "--json").output)
    assert (shown["text"], shown["state"]) == ("Please", "acknowledged")
    asked = run("members", "requests", "answer", "R-1", "Sorry", typed="n\n", fails=True).output
    assert "cannot be taken back" in asked
    assert "R-1" in run("members", "requests", "list").output, "nothing was done"
    done = run("members", "requests", "answer", "R-1", "Sorry", "--by", "ann", typed="y\n").output
    assert "a mail goes to rosa@example.org" in done
    assert "None waits" in run("members", "requests", "list").output
    assert "answered: done" in run("members", "requests", "list", "--all").output
    again = run("members", "requests", "answer", "R-1", "x", "--yes", fails=True).output
    assert "--again" in again
    assert "R-17" in run("members", "requests", "show", "9", fails=True).output


def test_s29_an_answer_by_letter_is_recorded_without_a_mail(run: Run, session: Session) -> None:
    ask_for(session, "access")
    run("members", "requests", "answer", "R-1", "Posted", "--no-mail", "--by", "ann")
    session.rollback()
    assert session.scalar(select(func.count()).where(Message.kind == "rights_answered")) == 0
    shown = json.loads(run("members", "requests", "show", "R-1", "--json").output)
    assert (shown["answer"], shown["answered by"]) == ("Posted", "ann")


def test_s29_a_receipt_that_was_held_is_mailed_by_command(run: Run, session: Session) -> None:
    for number in range(1, 5):
        ask_for(session, "access", number=number)
    listed = json.loads(run("members", "requests", "list", "--json").output)
    assert [row["state"] for row in listed] == ["acknowledged"] * 3 + ["no receipt mailed"]
    assert "rosa@example.org" in run("members", "requests", "acknowledge", "R-4").output
    assert "was acknowledged" in run("members", "requests", "acknowledge", "R-4", fails=True).output


def test_where_nobody_can_answer_the_option_is_named(run: Run, session: Session) -> None:
    person = applied(session).person
    session.commit()
    assert "--yes does it without asking" in run("members", "erase", person.number, fails=1).output
    asked = run("members", "confirm-payment", person.number, "9999", fails=1).output
    assert "--anyway does it without asking" in asked
