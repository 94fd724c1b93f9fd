"""Amounts of pounds as people type them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core.money import MAX_POUNDS, parse_pounds


@pytest.mark.parametrize(
    ("typed", "pounds"),
    [
        *(("24", "24"), ("£24", "24"), ("24£", "24"), (" £ 24 ", "24"), ("0", "0"), ("024", "24")),
        *(("24.5", "24.50"), ("24,5", "24.50"), ("24,50", "24.50"), ("0.05", "0.05")),
        *(("1,000", "1000"), ("1,000.50", "1000.50"), ("1.000,50", "1000.50")),
        *(("2 400", "2400"), ("2\u202f400,5", "2400.50"), ("1,000,000", "1000000")),
        ("£999,999,999.99", str(MAX_POUNDS)),
    ],
)
def test_pounds_may_be_typed_in_the_british_or_the_peruvian_way(typed: str, pounds: str) -> None:
    amount = parse_pounds(typed)
    assert amount == Decimal(pounds)
    assert amount.as_tuple().exponent == -2


@pytest.mark.parametrize("typed", ["1.000", "24.505", "1.000.000", "0,050", "1,000,50", "1.000.50"])
def test_an_amount_that_could_be_read_in_two_ways_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="write an amount in pounds such as 12500, not"):
        parse_pounds(typed)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "£", "much", "NaN", "inf", "1e3", "1_000", "-1", "£-24", "+24", ".5", "24.", "££24"),
        *("1,00,0", "1,25,0", "24 50", "1 000,000", "1,000 000", "1000,000", "2 4 x", "24.5.0"),
        *("２４", "٢٤", "24²", "1000000000", "9" * 5000),
    ],
)
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="write an amount in pounds such as 12500, not"):
        parse_pounds(typed)


@given(st.decimals(0, MAX_POUNDS, places=2))
def test_a_formatted_amount_parses_back(amount: Decimal) -> None:
    peruvian = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    for text in (f"{amount}", f"£{amount:,.2f}", peruvian, peruvian.replace(".", " ")):
        assert parse_pounds(text) == amount
