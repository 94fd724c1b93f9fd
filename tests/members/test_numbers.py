import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from psgflask.members import numbers
from psgflask.members.numbers import NumberUnreadable

RUNNING = st.integers(min_value=1001, max_value=999_999)


def test_the_check_digit_is_that_of_the_thesis() -> None:
    assert numbers.check_digit("572") == "4"


def test_numbers_are_consecutive(session: Session) -> None:
    given = [numbers.next_number(session) for _ in range(3)]
    assert [number[:8] for number in given] == ["PSG 1001", "PSG 1002", "PSG 1003"]


def test_a_rolled_back_number_is_issued_again(session: Session) -> None:
    first = numbers.next_number(session)
    session.rollback()
    assert numbers.next_number(session) == first


@pytest.mark.parametrize(
    "typed",
    [
        *("PSG 1042-9", "psg 1042-9", "PSG1042-9", "psg10429", "10429", "1042-9", "1042 9"),
        *(" PSG  1042 - 9 ", "PSG.1042/9", "#1042-9", "P.S.G. 1042–9", "PSG\u00a01042\u20119"),
    ],
)
def test_a_number_is_parsed_however_it_is_typed(typed: str) -> None:
    assert numbers.parse(typed) == "PSG 1042-9"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "PSG",
        "1042",
        "PSG 1042-8",
        "PSG 01042-9",
        "BSG 1042-9",
        "1042-9 1042-9",
        "١٠٤٢٩",
        "1" * 99,
    ],
)
def test_an_invalid_number_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(NumberUnreadable, match="PSG 1042-9"):
        numbers.parse(typed)


@given(RUNNING)
def test_every_number_can_be_parsed_and_fits_its_column(running: int) -> None:
    number = numbers.format_number(running)
    assert numbers.parse(number) == number
    assert len(number) <= 12


@given(RUNNING, st.data())
def test_a_single_wrong_digit_is_always_detected(running: int, data: st.DataObject) -> None:
    digits = numbers.format_number(running)[4:].replace("-", "")
    place = data.draw(st.integers(0, len(digits) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[place]]))
    with pytest.raises(NumberUnreadable):
        numbers.parse(digits[:place] + wrong + digits[place + 1 :])


@given(RUNNING, st.data())
def test_a_swap_of_adjacent_digits_is_always_detected(running: int, data: st.DataObject) -> None:
    digits = numbers.format_number(running)[4:].replace("-", "")
    at = data.draw(st.integers(0, len(digits) - 2))
    turned = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    if turned != digits:
        with pytest.raises(NumberUnreadable):
            numbers.parse(turned)


@given(RUNNING)
def test_a_number_may_be_meant_by_what_lacks_its_check_digit(running: int) -> None:
    number = numbers.format_number(running)
    assert number in numbers.candidates(str(running))
    assert number in numbers.candidates(number)


def test_no_other_text_is_meant_for_a_number() -> None:
    assert numbers.candidates("10019") == {"PSG 1001-9", numbers.format_number(10019)}
    for text in ("", "Ana", "LS1 4DY", "99", "0113 496 0000", "1" * 99):
        assert numbers.candidates(text) == set(), text
