import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whoosh.lang.stopwords import stoplists

from psgflask.search.language import (
    APOSTROPHE_REMNANTS,
    ENGLISH,
    NAMES_IN_LIST,
    SPANISH,
    STOP_WORDS,
    fold,
    located_words,
    stem,
    words,
)


def folded(text: str) -> list[str]:
    return [word.folded for word in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Castañeda", ["castaneda"]),
        ("Tía María, Áncash", ["tia", "maria", "ancash"]),
        ("Peru's", ["peru", "s"]),
        ("Peru’s", ["peru", "s"]),
        ("21.9% of US$600 million", ["21", "9", "of", "us", "600", "million"]),
        ("snake_case", ["snake", "case"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("1½", ["11", "2"]),
        ("… — ¿?", []),
        ("", []),
    ],
)
def test_words_are_folded_runs_of_letters_and_digits(text: str, expected: list[str]) -> None:
    assert folded(text) == expected


@pytest.mark.parametrize("text", ["minería", "Castañeda", "Ayacucho, Huánuco y Junín"])
def test_composed_and_decomposed_text_give_the_same_words(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert words(decomposed) == words(text)
    assert [text for _start, _end, text in located_words(decomposed)] == words(text)


def test_a_word_keeps_its_accents_beside_its_folded_form() -> None:
    assert [(word.folded, word.accented) for word in words("MINERÍA Lima")] == [
        ("mineria", "minería"),
        ("lima", ""),
    ]


def test_folding_comes_before_stemming_so_that_accents_make_no_difference() -> None:
    for typed in ("minería", "mineria", "MINERÍA"):
        assert stem(fold(typed), "es") == stem("mineria", "es")


def test_each_language_has_its_own_stems() -> None:
    assert stem("mining", "en") == stem("mine", "en") == "mine"
    assert stem("huelgas", "es") == stem("huelga", "es")
    assert stem("huelgas", "en") != stem("huelga", "es")


@given(st.text())
def test_words_stand_where_located_says(text: str) -> None:
    places = located_words(text)
    assert [word for _start, _end, word in places] == words(text)
    assert all(0 <= start < end <= len(text) for start, end, _word in places)
    starts = [start for start, _end, _word in places]
    assert starts == sorted(starts)


@given(st.text())
def test_folding_a_folded_word_changes_nothing(text: str) -> None:
    for word in words(text):
        assert fold(word.folded) == word.folded
        assert folded(word.folded) == [word.folded]


@given(st.text(min_size=1))
def test_any_word_can_be_stemmed_in_both_languages(text: str) -> None:
    for word in words(text):
        assert stem(word.folded, "en")
        assert stem(word.folded, "es")


def test_the_stop_words_are_those_of_whoosh() -> None:
    assert {fold(word) for word in stoplists["en"]} == ENGLISH
    assert {fold(word) for word in stoplists["es"]} == SPANISH


def test_names_in_the_stop_lists_are_searched_for() -> None:
    assert {"sea", "son", "era", "estado", "estados", "estada", "estadas"} == NAMES_IN_LIST
    assert not NAMES_IN_LIST & STOP_WORDS


def test_what_an_apostrophe_leaves_is_not_searched_for() -> None:
    assert {"s", "t"} == APOSTROPHE_REMNANTS
    assert APOSTROPHE_REMNANTS <= STOP_WORDS
