"""Control characters of strangers are shown as what they are, and do nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core import escaping

ACTS = {"Cc", "Zl", "Zp", "Cs"}
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_every_character_that_acts_on_a_terminal_is_among_them() -> None:
    for code in range(0x110000):
        sign = chr(code)
        if unicodedata.category(sign) in ACTS or unicodedata.bidirectional(sign) in TURNS:
            assert escaping.one_line(sign) != sign, hex(code)
            assert escaping.one_line(sign).isascii()


@given(st.text())
def test_one_line_is_one_line_and_says_the_same_said_twice(text: str) -> None:
    told = escaping.one_line(text)
    assert len(told.splitlines()) <= 1
    assert escaping.one_line(told) == told


@pytest.mark.parametrize("text", ["Señora Ñáñez", "علی‌رضا", "क्‍ष", "10\xa0000", "👩‍🌾", "C:\\n"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert escaping.one_line(text) == escaping.lines(text) == text


def test_lines_keep_their_breaks_and_tabs_alone() -> None:
    assert escaping.lines("a\n\tb\r\x1b[2J\x85c") == r"a" + "\n\t" + r"b\r\x1b[2J\x85c"
