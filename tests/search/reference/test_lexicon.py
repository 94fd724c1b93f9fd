from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.reference.lexicon import Edits, Lexicon

LETTERS = st.text(alphabet="abcñ1", max_size=9)


def edits_by_table(word: str, other: str) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours, by the textbook."""
    table = {(i, -1): i + 1 for i in range(-1, len(word))}
    table |= {(-1, j): j + 1 for j in range(-1, len(other))}
    for i, a in enumerate(word):
        for j, b in enumerate(other):
            steps = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b)]
            if i and j and a == other[j - 1] and word[i - 1] == b:
                steps.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(steps)
    return table[len(word) - 1, len(other) - 1]


@pytest.mark.parametrize(
    ("word", "other", "distance"),
    [
        ("quellavecco", "quellaveco", 1),
        ("cajamraca", "cajamarca", 1),
        ("mining", "mining", 0),
        ("lima", "callao", 5),
        ("", "lima", 4),
        ("lima", "", 4),
        ("ca", "abc", 3),
    ],
)
def test_distances_count_swapped_neighbours_as_one(word: str, other: str, distance: int) -> None:
    assert Edits(word).to(other) == distance


@given(LETTERS, LETTERS)
def test_distances_are_those_of_the_textbook(word: str, other: str) -> None:
    assert Edits(word).to(other) == edits_by_table(word, other)


def lexicon_of(words: set[str]) -> Lexicon:
    return Lexicon(sorted(words), array("I", range(len(words))))


@given(st.sets(LETTERS.filter(bool), max_size=40), LETTERS.filter(bool), st.sampled_from([1, 2]))
def test_every_word_within_the_edits_is_found(words: set[str], word: str, most: int) -> None:
    near = dict(lexicon_of(words).near(word, most))
    distances = {other: edits_by_table(word, other) for other in words}
    assert near == {other: found for other, found in distances.items() if found <= most}


@given(st.sets(LETTERS.filter(bool), max_size=40), LETTERS)
def test_words_that_begin_alike_stand_together(words: set[str], prefix: str) -> None:
    found = list(lexicon_of(words).beginning(prefix))
    assert found == sorted(word for word in words if word.startswith(prefix))


def test_a_word_that_is_not_there_is_in_no_document() -> None:
    lexicon = Lexicon(["lima", "peru"], array("I", [7, 9]))
    assert [lexicon.bound(word) for word in ("lima", "peru", "limas", "zyx", "")] == [7, 9, 0, 0, 0]
