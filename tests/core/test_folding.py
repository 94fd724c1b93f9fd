"""Folding and normal forms, of ordinary and of very long texts."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core import folding
from psgflask.core.folding import fold, normalise

WORDS = st.text("aeñ\u0301\u0316\u0327ﬁÁ가\u1100\u1161", min_size=1, max_size=30)


@given(st.lists(WORDS, min_size=40, max_size=80))
def test_a_long_text_is_normalised_as_unicode_does(words: list[str]) -> None:
    text = " ".join(words * 5)
    for form in ("NFC", "NFKC", "NFD", "NFKD"):
        assert normalise(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("text", ["a" + "\u0301\u0316" * 50_000, "á" * 100_000, "á\n" * 50_000])
def test_text_is_normalised_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    longest = 0
    real = unicodedata.normalize

    def noted(form: Any, piece: str) -> str:
        nonlocal longest
        longest = max(longest, len(piece))
        return real(form, piece)

    monkeypatch.setattr(unicodedata, "normalize", noted)
    assert set(fold(text)) <= {"a", "\n"}
    assert 0 < longest <= folding.MAX_RUN
