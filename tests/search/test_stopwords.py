from whoosh.lang.stopwords import stoplists

from psgflask.search.language import fold
from psgflask.search.stopwords import ENGLISH, KEPT, LEFT_BY_APOSTROPHES, SPANISH, STOP_WORDS


def test_the_lists_are_those_of_their_source() -> None:
    assert {fold(word) for word in stoplists["en"]} == ENGLISH
    assert {fold(word) for word in stoplists["es"]} == SPANISH


def test_words_that_name_things_are_searched_for() -> None:
    assert {"sea", "son", "era", "estado", "estados", "estada", "estadas"} == KEPT
    assert not KEPT & STOP_WORDS


def test_what_an_apostrophe_leaves_is_not_searched_for() -> None:
    assert {"s", "t"} == LEFT_BY_APOSTROPHES
    assert LEFT_BY_APOSTROPHES <= STOP_WORDS
