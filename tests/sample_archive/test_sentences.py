"""Sentences of the synthetic archive."""

import re
from random import Random

import pytest

from tests.sample_archive.sentences import Voice, capitalised, person


def voice(language: str, seed: int = 1) -> Voice:
    return Voice(Random(seed), language, ("mining", "water"), "Celendín")


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_sentence_opens_with_a_capital_and_ends_with_a_full_stop(language: str) -> None:
    speaker = voice(language)
    for _ in range(200):
        sentence = speaker.sentence()
        assert sentence[0].isupper()
        assert re.fullmatch(r"[^.{}]+\.", sentence)
        assert "  " not in sentence


def test_spanish_articles_agree_and_contract() -> None:
    text = " ".join(voice("es", seed).paragraph(200) for seed in range(20))
    assert " del " in text
    assert not re.search(r"\b(de|a) el\b", text)
    assert not re.search(r"\b(un|este|otro|aquel) \w+(ción|dad)\b", text)


def test_english_takes_an_before_a_vowel() -> None:
    text = " ".join(voice("en", seed).paragraph(200) for seed in range(20))
    assert re.search(r"\ban [aeiou]", text)
    assert not re.search(r"\ba [aeiou]", text)


def test_an_article_comes_back_to_its_own_subjects() -> None:
    speaker = voice("en")
    text = speaker.paragraph(600).casefold()
    assert max(text.count(subject) for subject in speaker.subjects) >= 5


def test_a_headline_names_the_place_and_leaves_nothing_unfilled() -> None:
    title = voice("es").title("¿Qué fue de {the_noun} de {place}?")
    assert title.startswith("¿Qué fue de")
    assert "Celendín" in title
    assert "{" not in title


def test_a_person_has_a_given_name_and_one_or_two_surnames() -> None:
    rng = Random(4)
    assert {len(person(rng).split()) for _ in range(50)} == {2, 3}


def test_capitals_stand_after_the_opening_mark_of_a_question() -> None:
    assert capitalised("¿óscar?") == "¿Óscar?"
    assert capitalised("") == ""
