import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from psgflask.core.language_names import LANGUAGES
from psgflask.members import tiers
from psgflask.members.tiers import FILE, KINDS, MembershipsUnreadable
from tests.members.people import tier

OWN = """
[waged]
amounts = [
    { from = 2027-04-01, pounds = "32.50" },
    { from = 2026-01-01, pounds = 30 },
]

[life]
offered = false

[student]
kind = "unwaged"
name = { en = "Student", es = "Estudiante" }
description = { en = "Who studies.", es = "Quien estudia." }
"""


def test_every_kind_is_shipped_in_both_languages_without_an_amount(tmp_path: Path) -> None:
    shipped = tiers.offered(tmp_path)
    assert [one.kind for one in shipped.values()] == list(KINDS)
    for one in shipped.values():
        assert set(one.name) == set(one.description) == set(LANGUAGES)
        assert tiers.amount_on(one, date(2026, 7, 1)) is None


def test_the_file_of_the_installation_overrides_what_it_names(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(OWN, "utf-8")
    found = tiers.load(tmp_path)
    assert list(found)[-1] == "student"
    assert found["waged"].name["es"] == "Individual, con ingresos"
    assert tiers.amount_on(found["waged"], date(2026, 7, 1)) == Decimal("30.00")
    assert "life" in found
    assert "life" not in tiers.offered(tmp_path)


@pytest.mark.parametrize(
    ("day", "pounds"),
    [
        (date(2019, 12, 31), None),
        (date(2020, 1, 1), Decimal("24.00")),
        (date(2026, 12, 31), Decimal("24.00")),
        (date(2027, 1, 1), Decimal("30.00")),
    ],
)
def test_an_amount_applies_from_its_first_day(day: date, pounds: Decimal | None) -> None:
    assert tiers.amount_on(tier(), day) == pounds


def test_a_changed_file_is_reloaded(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("[life]\noffered = false\n", "utf-8")
    assert "life" not in tiers.offered(tmp_path)
    file.write_text("[waged]\noffered = false\n", "utf-8")
    os.utime(file, ns=(1, 1))
    assert "life" in tiers.offered(tmp_path)
    assert "waged" not in tiers.offered(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[waged", "Cannot read"),
        ("a = " + "[" * 40_000, "Cannot read"),
        ("waged = 3", r"\[waged\] on a line of its own"),
        ("[waged]\nprice = 3", "no entry 'price'"),
        ("[waged]\nkind = 'king'", "kind must be one of"),
        ("[new]\nkind = 'life'", "name must be"),
        ("[waged]\nname = { en = 'Waged' }", "name must be"),
        ("[waged]\ndescription = { en = 'x', es = ' ' }", "description must be"),
        ("[waged]\noffered = 'no'", "true or false"),
        ("[waged]\namounts = 30", "amounts must be"),
        ("[waged]\namounts = [30]", "an amount looks like"),
        ("[waged]\namounts = [{ from = 2026-01-01 }]", "an amount looks like"),
        ("[waged]\namounts = [{ from = '2026-01-01', pounds = 3 }]", "an amount looks like"),
        ("[waged]\namounts = [{ from = 2026-01-01, pounds = 'x' }]", "an amount looks like"),
        ("[waged]\namounts = [{ from = 2026-01-01, pounds = 1.005 }]", "an amount looks like"),
        ("[waged]\namounts = [{ from = 2026-01-01, pounds = -1 }]", "an amount looks like"),
        ("[waged]\namounts = [{ from = 2026-01-01, pounds = 1000000 }]", "no amount"),
        (f"[{'x' * 41}]\nkind = 'life'", "1 to 40 characters"),
    ],
)
def test_an_error_in_the_file_names_its_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(MembershipsUnreadable, match=words) as refused:
        tiers.load(tmp_path)
    assert str(tmp_path / FILE) in str(refused.value)
