"""The arithmetic of the benchmarks, and that they ask what they say."""

from datetime import date

import pytest

from psgflask.search.query.parsing import parse
from tests.benchmarks.search import measuring, questions, report
from tests.benchmarks.search.measuring import Cell
from tests.benchmarks.search.ours import typed
from tests.search.corpus import document


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1, 2, 3, 4], 50, 2), ([4, 3, 2, 1], 95, 4), (list(range(1, 101)), 95, 95), ([7], 95, 7)],
)
def test_percentiles_are_the_nearest_rank(values: list[float], share: int, expected: float) -> None:
    assert measuring.percentile(values, share) == expected


def test_ratios_are_those_of_each_round() -> None:
    assert measuring.ratios([2.0, 3.0, 8.0], [1.0, 2.0, 2.0]) == (2.0, 1.5, 4.0)


def test_a_cell_is_behind_where_the_low_end_is_not_above_one() -> None:
    ours = Cell([1.0], p50=[1.0, 1.0], p95=[2.0, 2.0])
    peer = Cell([1.0], p50=[1.0, 3.0], p95=[2.1, 3.0])
    table = {"two": {"ours": ours, "peer": peer}, "likeness": {"ours": ours}}
    assert report.behind(table, ["peer"]) == ["two, peer, p50: 2.00 (1.00-3.00)"]
    lines = report.lines(table, ["peer"])
    assert "**2.0 (1.0-3.0)**" in lines[2]
    assert lines[3].endswith(" - | | |")


def test_twenty_questions_of_each_of_eleven_kinds_are_the_same_every_time() -> None:
    words = [
        f"{first}{second}{third}rdam" for first in "bcdf" for second in "aeo" for third in "lmn"
    ]
    texts = [" ".join(words[n % 30 : n % 30 + 6]) for n in range(200)]
    documents = [document(n, text, text, dated=date(2012, 1, 1)) for n, text in enumerate(texts, 1)]
    found = questions.drawn(documents)
    assert len(found) == 11
    assert {len(each) for each in found.values()} == {questions.OF_EACH}
    assert questions.drawn(documents) == found
    for kind, asked in found.items():
        assert all(parse(typed(question)) for question in asked), kind
