import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from psgflask.search.engine.fuzzy_lexicon import FuzzyLexicon, FuzzyMatch
from psgflask.search.index import signatures
from psgflask.search.index.columns import Lexicon, Likeness, TermInfos
from tests.search.reference.test_lexicon import edits_by_table

LETTERS = st.text(alphabet="abcñ1", min_size=1, max_size=9)


def neighbours_of(words: set[str]) -> FuzzyLexicon:
    """Make the neighbours of a lexicon; the word at place n stands in n bodies and a title."""
    texts = sorted(word.encode() for word in words)
    blob, ends = b"".join(texts), np.cumsum([0, *map(len, texts)])
    nothing = np.zeros(len(texts), np.int64)
    body, title = (
        TermInfos(nothing, np.arange(len(texts)), nothing),
        TermInfos(nothing, nothing + 1, nothing),
    )
    lexicon = Lexicon(blob, ends, body, title, nothing, nothing)
    return FuzzyLexicon(lexicon, Likeness(**signatures.of_words(blob, ends)))


@given(st.sets(LETTERS, max_size=40), LETTERS, st.sampled_from([1, 2]))
def test_words_within_the_edits_are_found_with_their_bounds(
    words: set[str], word: str, most: int
) -> None:
    # With a tilde "n" is in words as typed alone: those are not folded, and never offered.
    folded = {other for other in words if "ñ" not in other}
    places = {text.decode(): place for place, text in enumerate(sorted(map(str.encode, words)))}
    distances = {other: edits_by_table(word, other) for other in folded}
    assert dict(neighbours_of(words).matches(word, most)) == {
        other: FuzzyMatch(distance, places[other] + 1)
        for other, distance in distances.items()
        if distance <= most
    }


@given(st.sets(st.text(alphabet="abж", min_size=1, max_size=6), max_size=20))
def test_words_in_other_letters_are_found_too(words: set[str]) -> None:
    near = dict(neighbours_of(words).matches("abж", 2))
    assert {other: found.distance for other, found in near.items()} == {
        other: distance for other in words if (distance := edits_by_table("abж", other)) <= 2
    }
