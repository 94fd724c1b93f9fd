"""S1: what a search may cost, counted in postings read; the time is the benches' to measure."""

import random
from collections.abc import Iterator
from datetime import date
from unittest.mock import patch

import numpy as np
import pytest

from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import MOST_COUNTED, MOST_KEPT, MOST_NEAR, MOST_PLACES
from psgflask.search.engine.term_scores import MOST_EXPANSIONS
from psgflask.search.index.columns import Run
from psgflask.search.query import MOST_TERMS
from tests.search.corpus import Index, document

WORDS = 3_000
# A term reads title and body of one field; a word has two stems, an exact and an accented form.
MOST_OF_A_WORD = 8


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
    times, places = Segment.frequencies, Segment.postings

    def counted_times(segment: Segment, run: Run, place: int) -> object:
        seen.append(place)
        return times(segment, run, place)

    def counted_places(segment: Segment, run: Run, place: int) -> object:
        seen.append(place)
        return places(segment, run, place)

    with (
        patch.object(Segment, "frequencies", counted_times),
        patch.object(Segment, "postings", counted_places),
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
    assert len(reads) <= MOST_TERMS * MOST_OF_A_WORD * 3


def test_s1_a_prefix_counts_a_thousand_words_at_most_and_joins_fifty(
    index: Index, reads: list[int]
) -> None:
    index.search("con*")
    assert len(set(reads)) <= MOST_COUNTED
    snapshot = index.engine.snapshot()
    keys = snapshot.kept.keys()
    assert [len(key) - 1 for key in keys if key[0] == "union"] == [MOST_EXPANSIONS]


def test_s1_misspelt_words_count_a_bounded_number_of_candidates(
    index: Index, reads: list[int]
) -> None:
    index.search("conaaxaa conbbxbb conccxcc")
    per_word = MOST_COUNTED * 2
    assert len(reads) <= 3 * per_word


def test_s1_what_a_snapshot_keeps_is_bounded(index: Index) -> None:
    rng = random.Random(2)
    snapshot = index.engine.snapshot()
    snapshot.kept.max_size, snapshot._places.max_size, snapshot._near.max_size = (
        50_000,
        20_000,
        200_000,
    )
    for _search in range(60):
        index.search(f'con{"".join(rng.choices("abcde", k=5))} the "con the"')
        assert snapshot.kept.size <= 50_000
        assert snapshot._places.size <= 20_000
        assert snapshot._near.size <= 200_000
    assert MOST_KEPT + MOST_PLACES + MOST_NEAR <= 100_000_000


def held(made: object) -> int:
    """Return the bytes of the arrays that something kept consists of."""
    names = getattr(made, "__slots__", None) or vars(made)
    values = [getattr(made, name, None) for name in names]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def test_s1_what_is_kept_is_no_larger_than_it_is_counted(index: Index) -> None:
    snapshot = index.engine.snapshot()
    words = list(snapshot.beginning("con"))[:20]
    for number, word in enumerate(words):
        index.search(f'{word} "of {word}" -"the {word}" con{"abcde"[number % 5]}* zzz')
        index.search("the", first=date(2000, 1, 1 + number), last=date(2001, 1, 1))
    for kept in (snapshot.kept, snapshot._places):
        everything = {key: kept.get(key) for key in kept.keys()}  # noqa: SIM118  # no dict
        for key, made in everything.items():
            if hasattr(made, "size") and not isinstance(made, np.ndarray):
                assert held(made) <= made.size, key


def test_s1_pages_are_bounded_however_many_results(index: Index) -> None:
    assert len(index.search("the").ids) == 10
    assert len(index.search("the", page=40).ids) == 10
    assert index.search("the", page=41).ids == ()
