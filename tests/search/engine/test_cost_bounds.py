"""S1: what a search may cost, counted in postings read; benchmarks measure the time."""

import random
from collections.abc import Iterator
from datetime import date
from unittest.mock import patch

import numpy as np
import pytest

from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import (
    MAX_CACHE,
    MAX_COUNTED,
    MAX_FUZZY_CACHE,
    MAX_POSITIONS_CACHE,
)
from psgflask.search.engine.term_scores import MAX_EXPANSIONS
from psgflask.search.index.columns import TermInfos
from psgflask.search.query.parsing import MAX_TERMS
from tests.search.corpus import Index, document

WORDS = 3_000
# A term reads title and body of one field; a word has two stems, an exact and an accented form.
MAX_READS_OF_A_WORD = 8


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index with thousands of words that begin and look alike."""
    rng = random.Random(1)
    words = [f"con{''.join(rng.choices('abcde', k=5))}" for _word in range(WORDS)]
    documents = [
        document(
            number, " ".join(rng.sample(words, 2)), "the of " + " ".join(rng.sample(words, 20))
        )
        for number in range(1, 401)
    ]
    return Index(tmp_path_factory.mktemp("bounds"), documents)


@pytest.fixture
def reads(index: Index) -> Iterator[list[int]]:
    """The place in its lexicon of each term whose postings are read, over a fresh snapshot."""
    index.engine._snapshot = None
    seen: list[int] = []
    frequencies, positions = Segment.frequencies, Segment.positions

    def counted_frequencies(segment: Segment, run: TermInfos, place: int) -> object:
        seen.append(place)
        return frequencies(segment, run, place)

    def counted_positions(segment: Segment, run: TermInfos, place: int) -> object:
        seen.append(place)
        return positions(segment, run, place)

    with (
        patch.object(Segment, "frequencies", counted_frequencies),
        patch.object(Segment, "positions", counted_positions),
    ):
        yield seen


@pytest.mark.parametrize(
    "q",
    [
        " OR ".join(f"w{number}" for number in range(2_000)),
        " ".join(f"w{number}" for number in range(200)),
        " ".join(["the"] * 100),
        '"' + "the of " * 60 + '"',
        "(" * 5_000,
        "x" * 10_000,
        "[a TO zz]",
        "*",
        "*a",
        "b*",
        "co*",
    ],
)
def test_s1_a_query_reads_no_more_than_twelve_terms_take(
    index: Index, reads: list[int], q: str
) -> None:
    index.search(q, as_typed=True)
    # Places of neighbours and of phrases are looked up once more.
    assert len(reads) <= MAX_TERMS * MAX_READS_OF_A_WORD * 3


def test_s1_a_prefix_counts_a_thousand_words_at_most_and_joins_fifty(
    index: Index, reads: list[int]
) -> None:
    index.search("con*")
    assert len(set(reads)) <= MAX_COUNTED
    snapshot = index.engine.snapshot()
    keys = [*snapshot.cache._old, *snapshot.cache._young]
    assert [len(key) - 1 for key in keys if key[0] == "union"] == [MAX_EXPANSIONS]


def test_s1_misspelt_words_count_a_bounded_number_of_candidates(
    index: Index, reads: list[int]
) -> None:
    index.search("conaaxaa conbbxbb conccxcc")
    per_word = MAX_COUNTED * 2
    assert len(reads) <= 3 * per_word


def test_s1_the_caches_of_a_snapshot_are_bounded(index: Index) -> None:
    rng = random.Random(2)
    snapshot = index.engine.snapshot()
    snapshot.cache.max_size = 50_000
    snapshot._positions.max_size = 20_000
    snapshot._fuzzy.max_size = 200_000
    for _search in range(60):
        index.search(f'con{"".join(rng.choices("abcde", k=5))} the "con the"')
        assert snapshot.cache.size <= 50_000
        assert snapshot._positions.size <= 20_000
        assert snapshot._fuzzy.size <= 200_000
    assert MAX_CACHE + MAX_POSITIONS_CACHE + MAX_FUZZY_CACHE <= 100_000_000


def held(made: object) -> int:
    """Return the bytes of the arrays of a cached object."""
    names = getattr(made, "__slots__", None) or vars(made)
    values = [getattr(made, name, None) for name in names]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def test_s1_cached_objects_are_no_larger_than_they_are_counted(index: Index) -> None:
    snapshot = index.engine.snapshot()
    words = list(snapshot.words_with_prefix("con"))[:20]
    for number, word in enumerate(words):
        index.search(f'{word} "of {word}" -"the {word}" con{"abcde"[number % 5]}* zzz')
        index.search("the", first=date(2000, 1, 1 + number), last=date(2001, 1, 1))
    compared = 0
    for cache in (snapshot.cache, snapshot._positions):
        everything = {key: cache.get(key) for key in (*cache._old, *cache._young)}
        for key, made in everything.items():
            if hasattr(made, "size") and not isinstance(made, np.ndarray):
                assert held(made) <= made.size, key
                compared += 1
    assert compared > 10


def test_s1_pages_are_bounded_however_many_results(index: Index) -> None:
    assert len(index.search("the").ids) == 10
    assert len(index.search("the", page=40).ids) == 10
    assert index.search("the", page=41).ids == ()
