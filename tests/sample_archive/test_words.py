"""The words of the synthetic archive follow Zipf and never run out."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from tests.sample_archive.words import (
    ENDINGS,
    SHIFT,
    Closed,
    Lexicon,
    coiner,
    endless,
    lexicon,
    lists,
)


@pytest.mark.parametrize(("language", "kind"), ENDINGS)
def test_made_up_words_hardly_ever_meet(language: str, kind: str) -> None:
    coin = lexicon(language, kind).coin
    coined = [coin(number) for number in range(20_000)]
    assert len(set(coined)) > 0.97 * len(coined)
    assert all(len(word) >= 3 for word in coined)


def test_rarer_words_are_longer() -> None:
    coin = coiner(["ba", "co", "du"], ["*n", "*s"])
    lengths = [len(coin(number)) for number in range(6 + 18 + 54)]
    assert lengths == [3] * 6 + [5] * 18 + [7] * 54


def test_every_number_of_a_block_has_a_word_of_its_own() -> None:
    coin = coiner(["ba", "co", "du"], ["*n", "*s"])
    assert len({coin(number) for number in range(6 + 18 + 54)}) == 6 + 18 + 54


def test_spanish_words_have_accents_and_nouns_their_article() -> None:
    nouns = [lexicon("es", "nouns").coin(number) for number in range(500)]
    assert all(noun.startswith(("el ", "la ")) for noun in nouns)
    assert any("ó" in noun for noun in nouns)
    assert any("í" in noun for noun in nouns)
    assert any("ñ" in noun for noun in nouns)


def test_frequency_falls_with_rank_as_zipf_says() -> None:
    source = lexicon("en", "nouns")
    drawn = Counter(source.draw(Random(1), 300_000))
    ranked = [drawn[word] for word in source.words if word is not None]

    def about(rank: int) -> float:
        near = ranked[int(rank * 0.8) : int(rank * 1.2)]
        return sum(near) / len(near)

    for rank in (20, 200):
        expected = (10 * rank + SHIFT) / (rank + SHIFT)
        assert about(rank) / about(10 * rank) == pytest.approx(expected, rel=0.2)


def test_the_tail_never_ends() -> None:
    source = Lexicon(["the"], coiner(["ba", "co", "du", "fe", "gi"], ["*n", "*s"]), head=20)
    few = len(set(source.draw(Random(2), 1_000)))
    many = len(set(source.draw(Random(2), 30_000)))
    assert many > 3 * few


def test_closed_classes_give_their_own_words_only() -> None:
    drawn = islice(endless(Closed(["of", "in", "to"]), Random(3)), 300)
    counts = Counter(drawn)
    assert set(counts) == {"of", "in", "to"}
    assert counts["of"] > counts["to"]


def test_no_made_up_english_word_is_an_insult() -> None:
    unsaid = ("cunt", "fuck", "shit", "slut", "nigg", "kike", "fag", "tits", "dick", "cock")
    for kind in ("nouns", "verbs", "adjectives"):
        coin = lexicon("en", kind).coin
        for number in range(40_000):
            assert not any(word in coin(number) for word in unsaid)


def test_every_theme_has_words_in_both_languages() -> None:
    assert set(lists("en")["topics"]) == set(lists("es")["topics"])


def test_names_and_places_carry_the_accents_of_peru() -> None:
    names = lists("names")
    assert {"Ángel", "Óscar", "Sofía"} <= set(names["given"])
    assert {"Castañeda", "Núñez", "Huamán"} <= set(names["surnames"])
    assert "Celendín" in lists("places")["cajamarca"]
