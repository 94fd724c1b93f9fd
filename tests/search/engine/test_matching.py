from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.search.corpus import Index, document

MINING, RIGHTS, PSG = 1, 2, 3
NAMED: dict[str, int | None] = {
    "mining": MINING,
    "minería": MINING,
    "human rights": RIGHTS,
    "psg": PSG,
    "nothing": None,
}


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """A few articles that differ in all that can be asked for."""
    return Index(
        tmp_path,
        [
            document(
                1,
                "Teachers start new strike",
                "Campaign of strikes in the House of Commons of Lima.",
                dated=date(2018, 6, 24),
            ),
            document(
                2,
                "Campaign for Lima mayor",
                "Luis Castañeda Lossio. Commons of the House.",
                dated=(date(2015, 12, 1), date(2016, 1, 31)),
                issue=134,
            ),
            document(
                3,
                "Mining and consulta previa",
                "Anglo sells Quellaveco.",
                dated=date(2018, 6, 17),
                topics=(MINING,),
            ),
            document(
                4,
                "La minería y la consulta previa",
                "Huelga de mineros indígenas. Indigenista. Castaneda.",
                language="es",
                dated=date(2017, 1, 5),
                topics=(MINING, PSG),
            ),
            document(5, "Aims", "Human rights in Peru. Previa consulta."),
            document(6, "Indigenous peoples", "Human rights.", topics=(RIGHTS,), issue=65),
        ],
    )


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("strike", {1}),
        ("striking teacher", {1}),
        ("strike lima", {1}),
        ("campaign lima", {1, 2}),
        ("strikes OR campaign", {1, 2}),
        ("lima strikes OR mayor", {1, 2}),
        ("campaign -strike", {2}),
        ('"consulta previa"', {3, 4}),
        ('"previa consulta"', {5}),
        ('"house of commons"', {1}),
        ('"commons of the house"', {2}),
        ('"house commons"', set()),
        ('previa -"consulta previa"', {5}),
        ('"strike campaign"', set()),
        ('"strikes"', {1}),
        ("castaneda", {2, 4}),
        ("Castañeda", {2, 4}),
        ("CASTAÑEDA", {2, 4}),
        ("minería", {4}),
        ("mineria", {4}),
        ("mining", {3}),
        ("indigen*", {4, 6}),
        ("Indígen*", {4, 6}),
        ("-indigen* rights", {5}),
        ("topic:mining", {3, 4}),
        ("topic:minería", {3, 4}),
        ('topic:"human rights"', {6}),
        ("topic:nothing", set()),
        ("rights -topic:nothing", {5, 6}),
        ("consulta -topic:psg", {3, 5}),
        ("topic:mining OR topic:psg", {3, 4}),
        ("title:campaign", {2}),
        ("título:minería", {4}),
        ('title:"lima mayor"', {2}),
        ('title:"mayor lima"', set()),
        ("issue:134", {2}),
        ("issue:65", {6}),
        ("issue:7", set()),
        ("lang:es", {4}),
        ("consulta lang:en", {3, 5}),
        ("consulta -lang:en", {4}),
        ("after:2017", {1, 3, 4}),
        ("after:2018-06", {1, 3}),
        ("after:2018-06-18", {1}),
        ("before:2018-06", {2, 4}),
        ("before:2018-06-24", {2, 3, 4}),
        ("in:2015", {2}),
        ("in:2016", {2}),
        ("in:2018", {1, 3}),
        ("in:2012", set()),
        ("after:2016", {1, 2, 3, 4}),
        ("before:2016", {2}),
        ("topic:mining after:2018-06", {3}),
        ("-strike", {2, 3, 4, 5, 6}),
        ("-lima -mining -rights", {4}),
    ],
)
def test_a_query_finds_what_the_table_says(index: Index, q: str, expected: set[int]) -> None:
    for interface in ("en", "es"):
        answer = index.search(q, interface=interface, named_topics=NAMED, as_typed=True)
        assert set(answer.ids) == expected, answer.relaxation
        assert answer.total == len(expected)


def test_a_word_matches_in_the_documents_own_language_only(tmp_path: Path) -> None:
    index = Index(
        tmp_path,
        [document(1, "general strikes"), document(2, "generales", language="es")],
    )
    assert index.ids("generals") == [1]
    assert set(index.ids("general")) == {1, 2}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"topics": (MINING,)}, {3, 4}),
        ({"topics": (MINING, RIGHTS)}, {3, 4, 6}),
        ({"topics": (99,)}, set()),
        ({"language": "es"}, {4}),
        ({"first": date(2018, 1, 1)}, {1, 3}),
        ({"last": date(2016, 1, 1)}, {2}),
        ({"first": date(2016, 1, 31), "last": date(2017, 12, 31)}, {2, 4}),
        ({"topics": (MINING,), "language": "en"}, {3}),
    ],
)
def test_filters_alone_list_what_they_leave(
    index: Index, filters: dict[str, Any], expected: set[int]
) -> None:
    assert set(index.ids("", **filters)) == expected


def test_facets_count_within_all_filters_but_their_own(index: Index) -> None:
    answer = index.search("consulta", topics=(PSG,), language="es")
    assert answer.ids == (4,)
    assert answer.topics == {MINING: 1, PSG: 1}
    assert answer.languages == {"es": 1}
    assert answer.years == {2017: 1}
    wider = index.search("consulta", first=date(2018, 1, 1))
    assert wider.ids == (3,)
    assert wider.years == {2017: 1, 2018: 1}


def test_a_range_of_months_counts_in_each_of_its_years(index: Index) -> None:
    assert index.search("mayor").years == {2015: 1, 2016: 1}
    assert index.search("rights").years == {}


def test_results_sort_by_date_with_undated_ones_last_either_way(index: Index) -> None:
    assert index.ids("campaign OR rights OR quellaveco", sort="newest") == [1, 3, 2, 6, 5]
    assert index.ids("campaign OR rights OR quellaveco", sort="oldest") == [2, 3, 1, 5, 6]


def test_a_word_spelt_with_its_accents_ranks_at_least_as_high(tmp_path: Path) -> None:
    index = Index(
        tmp_path,
        [
            document(1, "Juan Castaneda"),
            document(2, "Luis Castañeda"),
            document(3, "Juan Castaneda"),
        ],
    )
    assert index.ids("castañeda") == [2, 3, 1]
    assert index.ids("castaneda") == [3, 2, 1]


def test_a_prefix_stands_for_the_fifty_words_in_most_documents(tmp_path: Path) -> None:
    rare = [document(number, f"pal{number:03}") for number in range(1, 81)]
    index = Index(tmp_path, [*rare, document(90, "pal080"), document(91, "pal080")])
    found = set(index.search("pal*", page=1).ids)
    for page in range(2, 8):
        found |= set(index.ids("pal*", page=page))
    assert found == {*range(1, 50), 80, 90, 91}
