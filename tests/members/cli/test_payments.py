import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.members.models import Payment

Run = Callable[..., Result]
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TODAY = NOON.date()
AMOUNTS = '[waged]\namounts = [{ from = 2020-01-01, pounds = "24" }]\n'


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `flask members` at NOON, for an applicant on paper who owes 24 pounds."""
    for module in ("add", "commands", "payments"):
        monkeypatch.setattr(f"psgflask.members.cli.{module}.utc_now", lambda: NOON)
    Path(app.instance_path, "memberships.toml").write_text(AMOUNTS)

    def run(*words: str, typed: str = "", fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=("members", *words), input=typed)
        assert (result.exit_code != 0) == fails, result.output
        return result

    run("add", "--membership", "waged", "--name", "Tomás Ñahui", "--payment", "cash")
    return run


def recorded(session: Session) -> int:
    session.rollback()
    return session.scalar(select(func.count(Payment.id))) or 0


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("payments", "list", "10019", "--json").output)
    return found


def test_a_payment_defaults_to_the_chosen_method_to_today_and_to_this_year(run: Run) -> None:
    output = run("confirm-payment", "10019", "£24").output
    assert output == f"Tomás Ñahui (PSG 1001-9) paid £24.00 by cash, for {TODAY.year}\n"
    (row,) = listed(run)
    assert (row["received"], row["amount"], row["method"]) == (TODAY.isoformat(), "24.00", "cash")


@pytest.mark.parametrize("method", ["cash", "bank transfer", "cheque", "standing order"])
def test_each_way_to_pay_can_be_chosen_and_recorded(run: Run, method: str) -> None:
    run("add", "--membership", "waged", "--name", "Ana", "--payment", method)
    assert f"by {method}, for" in run("confirm-payment", "10024", "24").output
    other = "cash" if method == "cheque" else "cheque"
    words = ("confirm-payment", "10024", "24", "--method", other, "--anyway")
    assert f"by {other}, for" in run(*words).output


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("240",), "PSG 1001-9 owes £24.00"),
        (("24", "--on", str(TODAY - timedelta(days=1))), "is before the application, of"),
        (("24", "--on", str(TODAY + timedelta(days=1))), "is still to come"),
        (("24", "--on", str(TODAY - timedelta(days=367))), "is over a year ago"),
        (("24", "--year", str(TODAY.year + 2)), f"It would count for {TODAY.year + 2}"),
    ],
)
def test_what_looks_like_a_mistake_is_asked_about(
    run: Run, session: Session, words: tuple[str, ...], question: str
) -> None:
    for typed in ("", "n\n"):
        output = run("confirm-payment", "10019", *words, typed=typed, fails=True).output
        assert question in output
        assert "Record it all the same" in output
        assert recorded(session) == 0
    run("confirm-payment", "10019", *words, typed="y\n")
    assert recorded(session) == 1


def test_scripts_record_what_looks_like_a_mistake_without_a_question(
    run: Run, session: Session
) -> None:
    day = str(TODAY - timedelta(days=500))
    output = run("confirm-payment", "10019", "240", "--on", day, "--anyway").output
    assert output.startswith("Tomás Ñahui (PSG 1001-9) paid £240.00 by cash, for ")
    assert recorded(session) == 1


def test_a_second_payment_within_the_year_is_asked_about(run: Run, session: Session) -> None:
    run("confirm-payment", "10019", "24")
    output = run("confirm-payment", "10019", "24", fails=True).output
    assert f"paid £24.00 for {TODAY.year} on {TODAY} by cash already" in output
    assert recorded(session) == 1
    run("confirm-payment", "10019", "24", "--year", str(TODAY.year + 1))
    assert recorded(session) == 2


def test_a_reversed_payment_is_listed_with_its_reversal(run: Run, session: Session) -> None:
    run("confirm-payment", "10019", "24")
    output = run("payments", "reverse", "10019", "--reason", "Bounced", "--by", "ben").output
    assert f"Reversed £24.00 of {TODAY} by cash, for {TODAY.year}, of Tomás Ñahui" in output
    assert [(row["amount"], row["remark"]) for row in listed(run)] == [
        ("24.00", "reversed by 2"),
        ("-24.00", "reverses 1"),
    ]
    assert "reversed by 2" in run("payments", "list", "10019").output
    assert "Bounced" in run("show", "10019").output
    assert [row["state"] for row in json.loads(run("list", "--json").output)] == ["unpaid, paper"]
    assert "was reversed already" in run("payments", "reverse", "10019", "1", fails=True).output
    assert "has no payment 7" in run("payments", "reverse", "10019", "7", fails=True).output
    run("confirm-payment", "10019", "24")
    assert recorded(session) == 3


def test_without_payments_the_list_says_so(run: Run) -> None:
    assert run("payments", "list", "10019").output == "No payments\n"
    assert "there are none" in run("payments", "reverse", "10019", fails=True).output


def test_a_payment_of_an_earlier_year_leaves_a_renewal_due(run: Run) -> None:
    run("confirm-payment", "10019", "24", "--year", str(TODAY.year - 1))
    (row,) = json.loads(run("list", "--state", "renewal due", "--json").output)
    assert (row["state"], row["paid for"]) == ("renewal due", str(TODAY.year - 1))
    assert run("list", "--state", "paid").output == "Nobody\n"


def test_an_export_has_the_amount_of_the_last_payment_that_counts(run: Run, tmp_path: Path) -> None:
    run("confirm-payment", "10019", "24", "--method", "bank transfer")
    run("confirm-payment", "10019", "12.50", "--anyway")
    run("payments", "reverse", "10019", "2")
    run("export", str(tmp_path / "all.csv"))
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["last amount"], row["last method"]) == ("24.00", "bank transfer")
    assert (row["last payment"], row["paid for"]) == (TODAY.isoformat(), str(TODAY.year))
    assert (row["state"], row["amount"]) == ("paid", "24.00")
