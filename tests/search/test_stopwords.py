from whoosh.lang.stopwords import stoplists

from psgflask.search.language import (
    APOSTROPHE_REMNANTS,
    ENGLISH,
    NAMES_IN_LIST,
    SPANISH,
    STOP_WORDS,
    fold,
)


def test_the_lists_are_those_of_their_source() -> None:
    assert {fold(word) for word in stoplists["en"]} == ENGLISH
    assert {fold(word) for word in stoplists["es"]} == SPANISH


def test_words_that_name_things_are_searched_for() -> None:
    assert {"sea", "son", "era", "estado", "estados", "estada", "estadas"} == NAMES_IN_LIST
    assert not NAMES_IN_LIST & STOP_WORDS


def test_what_an_apostrophe_leaves_is_not_searched_for() -> None:
    assert {"s", "t"} == APOSTROPHE_REMNANTS
    assert APOSTROPHE_REMNANTS <= STOP_WORDS
