"""Days as people type them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core.days import parse_day, parse_month


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-30", "30 November 2026", "30 nov 2026", "30th Nov. 2026", " 30  November 2026 "),
        *("30 de noviembre de 2026", "30 noviembre 2026", "30 de noviembre del 2026"),
    ],
)
def test_a_day_may_be_typed_in_english_spanish_or_iso_form(text: str) -> None:
    assert parse_day(text) == date(2026, 11, 30)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "November 2026", "2026-11", "20261130", "2026-W48-1", "2026-11-30T09:00"),
        *("30/11/2026", "1/12/2026", "2026-11-31", "31 November 2026", "30 Julember 2026"),
        *("２０２６-11-30", "1899-12-31", "1 January 2200", "-2026-11-30", "2026-1-5"),
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a day such as 2026-11-30 or 30 November 2026"):
        parse_day(text)


def test_months_have_their_names_in_both_languages_and_as_peru_writes_them() -> None:
    names = ("September", "Sept", "septiembre", "Setiembre", "set")
    assert {parse_month(name) for name in names} == {9}


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_formatted_day_parses_back(day: date) -> None:
    for text in (day.isoformat(), f"{day.day} {day:%B} {day.year}", f"{day:%d %b} {day.year}"):
        assert parse_day(text) == day
