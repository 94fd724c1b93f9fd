"""Control characters in user input are escaped."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core import escaping

ACTS = {"Cc", "Zl", "Zp", "Cs"}
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_every_control_character_is_covered() -> None:
    for code in range(0x110000):
        sign = chr(code)
        if unicodedata.category(sign) in ACTS or unicodedata.bidirectional(sign) in TURNS:
            assert escaping.one_line(sign) != sign, hex(code)
            assert escaping.one_line(sign).isascii()


@given(st.text())
def test_one_line_is_printable_and_idempotent(text: str) -> None:
    told = escaping.one_line(text)
    assert len(told.splitlines()) <= 1
    assert escaping.one_line(told) == told


@pytest.mark.parametrize("text", ["Señora Ñáñez", "علی‌رضا", "क्‍ष", "10\xa0000", "👩‍🌾", "C:\\n"])
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert escaping.one_line(text) == escaping.lines(text) == text


def test_lines_keep_only_line_breaks_and_tabs() -> None:
    assert escaping.lines("a\n\tb\r\x1b[2J\x85c") == r"a" + "\n\t" + r"b\r\x1b[2J\x85c"
