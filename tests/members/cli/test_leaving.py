import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.mail import worker_task as mail_task
from psgflask.mail.models import Message
from psgflask.members.models import Application

Run = Callable[..., Result]
ANA = ("add", "--membership", "waged", "--name", "Ana", "--payment", "cheque")


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `flask members` with some words."""

    def run(*words: str, fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=("members", *words))
        assert (result.exit_code != 0) == fails, result.output
        return result

    return run


def mails(session: Session) -> int:
    session.rollback()
    count = session.scalar(select(func.count(Message.id))) or 0
    session.rollback()  # the lock is free for the next command
    return count


def test_who_resigned_and_who_died_are_listed_as_such(run: Run) -> None:
    run(*ANA, "--agrees", "post")
    output = run("resigned", "10019", "--on", "2026-01-02").output
    assert "Ana (PSG 1001-9) resigned" in output
    assert "Still agreed to: post" in output
    assert "left on: 2026-01-02" in run("show", "10019").output
    assert run("died", "10019").output.startswith("Ana (PSG 1001-9) died: nothing is sent")
    (row,) = json.loads(run("list", "--state", "died", "--json").output)
    assert (row["number"], row["state"]) == ("PSG 1001-9", "died")
    assert "is reinstated" in run("reinstate", "10019").output
    assert run("list", "--state", "died").output == "Nobody\n"
    assert "has not left" in run("reinstate", "10019", fails=True).output
    assert "still to come" in run("died", "10019", "--on", "2190-01-01", fails=True).output


def test_no_command_writes_to_the_dead(app: Flask, run: Run, session: Session) -> None:
    run(*ANA, "--email", "ana@example.org", "--agrees", "email")
    run("died", "10019")
    assert mails(session) == 0
    assert "has died" in run("resend", "10019", fails=True).output
    assert "has died" in run("consent", "10019", "post", "--give", fails=True).output
    assert "mailed" not in run("correct", "10019", "--email", "new@example.org").output
    assert mails(session) == 0
    assert mail_task.run(app) == 0


def test_an_export_says_how_many_who_died_are_left_out(run: Run, tmp_path: Path) -> None:
    run(*ANA)
    run("died", "10019")
    output = run("export", str(tmp_path / "all.csv")).output
    assert "Wrote 0 people" in output
    assert "Left out, since they have died: 1" in output


def test_a_link_is_mailed_again_to_whom_needs_one(run: Run, session: Session) -> None:
    run(*ANA, "--email", "ana@example.org")
    assert mails(session) == 0
    assert run("resend", "10019").output == "A link is mailed to ana@example.org\n"
    assert mails(session) == 1
    assert "link mailed again" in run("show", "10019").output
    run("resend", "10019")
    run("resend", "10019")
    assert "enough links today" in run("resend", "10019", fails=True).output
    assert mails(session) == 3
    run(*ANA)
    assert "no e-mail address" in run("resend", "10024", fails=True).output


def newest(session: Session) -> Application:
    session.rollback()
    return session.scalars(select(Application)).one()


def test_membership_and_way_to_pay_are_corrected_with_todays_amount(
    app: Flask, run: Run, session: Session
) -> None:
    amounts = '[unwaged]\namounts = [{ from = 2020-01-01, pounds = "12" }]\n'
    Path(app.instance_path, "memberships.toml").write_text(amounts)
    run(*ANA)
    output = run("correct", "10019", "--membership", "unwaged", "--payment", "bank transfer").output
    assert output == "Corrected PSG 1001-9: membership, amount, payment\n"
    application = newest(session)
    assert (application.tier, str(application.amount)) == ("unwaged", "12.00")
    assert application.payment == "bank transfer"
    shown = json.loads(run("show", "10019", "--json").output)["changes"][-1]
    assert shown["before"] == {"membership": "waged", "amount": None, "payment": "cheque"}
    assert (
        "nothing to change"
        in run("correct", "10019", "--payment", "bank transfer", fails=True).output
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--membership", "king"), "There is no membership 'king'"),
        (("--membership", "organisation"), "name it with --organisation"),
        (("--household", "Tom"), "waged has no household"),
        (("--organisation", "Café"), "waged has no organisation"),
        (("--payment", "barter"), "'barter' is not one of"),
    ],
)
def test_a_correction_that_does_not_fit_the_membership_is_refused(
    run: Run, session: Session, words: tuple[str, ...], message: str
) -> None:
    run(*ANA)
    assert message in run("correct", "10019", *words, fails=True).output
    assert newest(session).tier == "waged"


def test_a_household_becomes_one_person_only_without_the_others(run: Run, session: Session) -> None:
    run(*ANA)
    run("correct", "10019", "--membership", "household", "--household", "Tom; Zoe")
    output = run("correct", "10019", "--membership", "waged", fails=True).output
    assert 'leave it empty with --household ""' in output
    run("correct", "10019", "--membership", "waged", "--household", "")
    assert newest(session).tier == "waged"


def test_somebody_is_found_without_the_check_digit_and_listed_with_the_organisation(
    run: Run,
) -> None:
    run("add", "--membership", "organisation", "--organisation", "Café Perú", *ANA[3:])
    for text in ("1001", "PSG 1001", "psg1001", "10019"):
        assert "Café Perú" in run("find", text).output, text
    assert "Café Perú" in run("list").output
    assert run("find", "1002").output == "Nobody\n"
