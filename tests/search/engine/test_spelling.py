from collections.abc import Callable
from math import log
from pathlib import Path

import pytest

from psgflask.search.documents import Document
from psgflask.search.engine import spelling
from psgflask.search.engine.snapshot import Snapshot
from tests.search.corpus import Index, document

Lexicon = Callable[..., Snapshot]


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    """Make an index in which each word stands in so many documents of a language."""

    def make(**words: int | tuple[int, str]) -> Snapshot:
        documents: list[Document] = []
        for word, said in words.items():
            times, language = said if isinstance(said, tuple) else (said, "en")
            for _document in range(times):
                documents.append(document(len(documents) + 1, word, language=language))
        return Index(tmp_path, documents).engine.snapshot()

    return make


@pytest.mark.parametrize(
    ("word", "other", "distance", "cost"),
    [
        ("quellavecco", "quellaveco", 1, 0.5),  # doubled letters single
        ("cajamraca", "cajamarca", 1, 0.5),  # the same letters in another order
        ("bentura", "ventura", 1, 1.0),  # sounds alike, but begins otherwise
        ("mineria", "minera", 1, 1.0),
        ("aucayali", "ucayali", 1, 1.5),
        ("wanuco", "huanuco", 2, 2.0),
    ],
)
def test_costs_are_those_of_the_recipe(word: str, other: str, distance: int, cost: float) -> None:
    assert spelling.cost(word, other, distance) == cost


@pytest.mark.parametrize(
    ("n", "price", "expected"),
    [(1, 0.5, -4.0), (10, 1.0, log(10) - 8), (100, 0.0, log(100)), (5_000, 1.5, log(100) - 12)],
)
def test_scores_are_those_of_the_recipe(n: int, price: float, expected: float) -> None:
    assert spelling.score(n, price) == pytest.approx(expected)


def test_a_far_commoner_word_wins_over_one_that_is_half_an_edit_nearer(lexicon: Lexicon) -> None:
    assert spelling.correction(lexicon(meza=1, mera=99), "mexa") == "mera"
    assert spelling.correction(lexicon(meza=1, mera=40), "mexa") == "meza"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("llave", "yave"),
        ("quechua", "kechua"),
        ("huari", "wari"),
        ("cusco", "cuzco"),
        ("vez", "bes"),
    ],
)
def test_words_that_sound_alike_share_a_key(one: str, other: str) -> None:
    assert spelling.sound_key(one) == spelling.sound_key(other)


def test_the_nearest_spelling_is_best_however_common_others_are(lexicon: Lexicon) -> None:
    snapshot = lexicon(cajamarca=1, cajabamba=90, camarca=90)
    assert spelling.correction(snapshot, "cajamarka") == "cajamarca"


def test_of_equally_near_spellings_the_commoner_is_best_then_the_first(lexicon: Lexicon) -> None:
    snapshot = lexicon(mesa=3, meta=5, metal=5)
    assert spelling.correction(snapshot, "mepa") == "meta"
    assert spelling.correction(lexicon(peta=2, meta=2), "zeta") == "meta"


def test_short_words_are_corrected_by_one_edit_only(lexicon: Lexicon) -> None:
    snapshot = lexicon(lima=5)
    assert spelling.correction(snapshot, "limn") == "lima"
    assert spelling.correction(snapshot, "lomo") is None


def test_nothing_near_is_no_correction(lexicon: Lexicon) -> None:
    assert spelling.correction(lexicon(lima=5), "xylophone") is None


def test_a_word_that_stands_only_in_removed_documents_is_never_offered(tmp_path: Path) -> None:
    index = Index(
        tmp_path, [document(1, "quellaveco"), *(document(n, "lima") for n in range(2, 9))]
    )
    index.change([], [1])
    assert spelling.correction(index.engine.snapshot(), "quellavecco") is None
    assert spelling.fuzzy_expansions(index.engine.snapshot(), "quellavecco") == ()


def test_stop_words_are_never_offered(lexicon: Lexicon) -> None:
    assert spelling.correction(lexicon(con=9), "cona") is None


def test_accented_forms_are_found_but_never_offered(tmp_path: Path) -> None:
    snapshot = Index(tmp_path, [document(1, "Castañeda")]).engine.snapshot()
    assert spelling.correction(snapshot, "castanheda") == "castaneda"


def test_a_likelier_spelling_of_a_rare_word_is_far_commoner(lexicon: Lexicon) -> None:
    assert spelling.likelier(lexicon(protset=1, protest=20), "protset") == "protest"
    assert spelling.likelier(lexicon(protset=1, protest=19), "protset") is None
    assert spelling.likelier(lexicon(protset=4, protest=99), "protset") is None
    assert spelling.likelier(lexicon(brotest=1, protest=99), "brotest") is None  # costs 1.5


def test_likelier_spellings_are_counted_in_the_words_own_language(lexicon: Lexicon) -> None:
    snapshot = lexicon(minera=(1, "es"), miners=(0, "en"), minero=(5, "es"), mineral=(60, "en"))
    assert spelling.likelier(snapshot, "minera") is None


def test_longer_words_have_fuzzy_expansions_of_more_edits(lexicon: Lexicon) -> None:
    snapshot = lexicon(lima=1, limas=1, huelga=1, huelgas=1, huelguista=1, huelguistas=1)
    assert spelling.fuzzy_expansions(snapshot, "lina") == ()
    assert spelling.fuzzy_expansions(snapshot, "huelgax") == ("huelga", "huelgas")
    assert spelling.fuzzy_expansions(snapshot, "huelguitas") == ("huelguistas", "huelguista")


def test_fuzzy_expansions_are_the_twenty_nearest_the_commonest_first(lexicon: Lexicon) -> None:
    letters = "abcdefghijklmnopqrstuvw"
    snapshot = lexicon(**{f"palabr{letter}": 2 if letter == "w" else 1 for letter in letters})
    assert spelling.fuzzy_expansions(snapshot, "palabrz") == (
        "palabrw",
        *(f"palabr{letter}" for letter in letters[:19]),
    )


def test_numbers_are_never_corrected_nor_expanded(lexicon: Lexicon) -> None:
    snapshot = lexicon(**{"2017": 1, "218": 50, "covid19": 60, "covid18": 1})
    assert spelling.correction(snapshot, "2018") is None
    assert spelling.fuzzy_expansions(snapshot, "covid20") == ()
    assert spelling.likelier(snapshot, "covid18") is None


def test_two_edits_and_another_first_letter_make_another_word(lexicon: Lexicon) -> None:
    assert spelling.correction(lexicon(twenty=50), "qwerty") is None
    assert spelling.correction(lexicon(twenty=50), "twerny") == "twenty"


def test_no_other_form_of_the_word_is_offered(lexicon: Lexicon) -> None:
    assert spelling.likelier(lexicon(derechos=1, derecho=90), "derechos") is None
    assert spelling.likelier(lexicon(derechps=1, derechos=90), "derechps") == "derechos"
