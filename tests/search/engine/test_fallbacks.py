from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psgflask.search.engine.protocol import Relaxation
from psgflask.search.language import fold
from tests.search.corpus import Index, document


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Articles in which the words of the queries below do not all stand together."""
    return Index(
        tmp_path,
        [
            document(1, "Anglo in Quellaveco", "A mine in Moquegua.", dated=date(2018, 6, 17)),
            document(2, "Moquegua", "The region of Moquegua.", dated=date(2017, 1, 1)),
            document(3, "Teachers", "Teachers of Lima on strike.", dated=date(2018, 6, 24)),
            document(4, "Constitutional Commission", "The law. Strike."),
            document(5, "Ley de huelga", "Maestros de Lima.", language="es"),
            document(6, "Lima", "Lima and Lima."),
        ],
    )


def test_what_is_found_as_typed_is_left_as_typed(index: Index) -> None:
    answer = index.search("anglo moquegua")
    assert (answer.relaxation, answer.ids) == (Relaxation.NONE, (1,))
    assert (answer.corrections, answer.dropped, answer.expansions) == ({}, (), {})


def test_an_absent_word_is_corrected_and_the_answer_says_so(index: Index) -> None:
    answer = index.search("quellavecco mine")
    assert (answer.relaxation, answer.ids) == (Relaxation.CORRECTED, (1,))
    assert answer.corrections == {"quellavecco": "quellaveco"}
    assert answer.query is not None
    assert [each.word.folded for each in answer.query.plain_words] == ["quellaveco", "mine"]


def test_a_word_that_is_there_is_never_replaced(index: Index) -> None:
    answer = index.search("quellavecco teachers")
    assert answer.relaxation is Relaxation.WORDS_DROPPED
    assert answer.corrections in ({}, {"quellavecco": "quellaveco"})
    assert index.search("maestro").corrections == {}


def test_who_wants_the_words_as_typed_gets_no_correction(index: Index) -> None:
    assert index.search("quellavecco", as_typed=True).total == 0
    assert index.search('"quellavecco"').total == 0


@pytest.mark.parametrize("q", ['"quellavecco"', "title:quellavecco", "-lima -quellavecco mine"])
def test_phrases_fields_and_excluded_words_are_never_replaced(index: Index, q: str) -> None:
    answer = index.search(q)
    assert answer.relaxation is Relaxation.NONE
    assert not answer.corrections


def test_fuzzy_matches_find_what_one_correction_does_not(tmp_path: Path) -> None:
    commoner = [document(number, "palabra") for number in range(1, 6)]
    index = Index(tmp_path, [*commoner, document(7, "palabro extraordinario")])
    assert index.search("palabrx").corrections == {"palabrx": "palabra"}
    answer = index.search("palabrx extraordinario")
    assert (answer.relaxation, answer.ids) == (Relaxation.FUZZY, (7,))
    assert answer.expansions == {"palabrx": ("palabra", "palabro")}


def test_the_fewest_words_are_dropped(index: Index) -> None:
    answer = index.search("anglo moquegua teachers")
    assert (answer.relaxation, answer.ids) == (Relaxation.WORDS_DROPPED, (1,))
    assert answer.dropped == ("teachers",)


def test_among_equals_the_word_of_least_weight_is_dropped(index: Index) -> None:
    answer = index.search("Commission lima")
    assert (answer.ids, answer.dropped) == ((4,), ("lima",))


def test_dropped_words_are_named_as_typed(index: Index) -> None:
    answer = index.search("Commissión LIMA")
    assert answer.dropped == ("LIMA",)


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ('teachers "region of moquegua"', (2,)),
        ("teachers title:moquegua", (2,)),
        ("anglo lang:es", (5,)),
        ("anglo in:2017", (2,)),
        ("anglo -mine", ()),
        ('"anglo teachers"', ()),
        ("zzzzzz", ()),
    ],
)
def test_only_plain_words_are_dropped_and_something_stays(
    index: Index, q: str, ids: tuple[int, ...]
) -> None:
    answer = index.search(q)
    assert answer.ids == ids
    assert (answer.relaxation is Relaxation.WORDS_DROPPED) == bool(ids)


def test_filters_are_never_dropped(index: Index) -> None:
    answer = index.search("teachers huelga", language="es")
    assert (answer.ids, answer.dropped) == ((5,), ("teachers",))


def test_alternatives_are_dropped_together(index: Index) -> None:
    answer = index.search("anglo teachers OR maestros")
    assert answer.relaxation is Relaxation.WORDS_DROPPED
    assert (answer.dropped, set(answer.ids)) == (("anglo",), {3, 5})


def test_a_likelier_spelling_of_a_word_that_finds_something_is_only_offered(tmp_path: Path) -> None:
    documents = [document(number, "protest") for number in range(1, 30)]
    index = Index(tmp_path, [*documents, document(40, "protset")])
    answer = index.search("protset")
    assert (answer.relaxation, answer.ids) == (Relaxation.NONE, (40,))
    assert answer.likelier == {"protset": "protest"}
    assert index.search("protset", as_typed=True).likelier == {}


@pytest.mark.parametrize(
    "title",
    ["Congress debates the budget", "Census: reading the numbers", "¿Qué es la consulta previa?"],
)
def test_a_whole_title_stands_before_all_others(tmp_path: Path, title: str) -> None:
    body = f"{title} " * 8
    index = Index(
        tmp_path,
        [
            document(1, title, dated=date(2001, 1, 1)),
            document(2, f"{title} again", body, dated=date(2018, 1, 1)),
            document(3, title.upper(), dated=date(2002, 1, 1)),
        ],
    )
    assert index.ids(title) == [3, 1, 2]


TITLES = st.lists(
    st.sampled_from(["Lima", "Minería", "minería", "law", "the", "de", "Conga", "congas"]),
    min_size=1,
    max_size=4,
).map(" ".join)
DAYS = st.none() | st.dates(date(2001, 1, 1), date(2003, 1, 1))


@settings(max_examples=40)
@given(
    found=st.lists(st.tuples(TITLES, TITLES, DAYS), min_size=1, max_size=12),
    data=st.data(),
    feedback=st.booleans(),
)
def test_titles_just_as_typed_stand_first_the_newest_before_older_ones(
    found: list[tuple[str, str, date | None]], data: st.DataObject, *, feedback: bool
) -> None:
    documents = [
        document(number, title, f"{body} {title} " * 3, dated=day)
        for number, (title, body, day) in enumerate(found, 1)
    ]
    typed = data.draw(st.sampled_from([title for title, _body, _day in found]))
    with TemporaryDirectory() as folder:
        index = Index(Path(folder), documents)
        ids = index.ids(typed, recency=True, feedback=feedback)
    just_so = [each for each in documents if fold(each.title) == fold(typed)]
    just_so.sort(key=lambda each: (each.order_date, each.id), reverse=True)
    assert ids[: len(just_so)] == [each.id for each in just_so[: len(ids)]]


def test_equal_scores_go_to_the_newest_then_the_highest_id(tmp_path: Path) -> None:
    index = Index(
        tmp_path,
        [
            document(1, "Lima", dated=date(2018, 1, 1)),
            document(2, "Lima", dated=date(2018, 1, 1)),
            document(3, "Lima", dated=date(2017, 1, 1)),
            document(4, "Lima"),
        ],
    )
    assert index.ids("lima x OR lima") == [2, 1, 3, 4]


def test_the_readers_language_ranks_higher_when_the_words_show_it(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "Lima"), document(2, "Lima", language="es")])
    assert index.ids('the lima "lima"') == [1, 2]
    assert index.ids('la lima "lima"') == [2, 1]


def test_recent_articles_rank_a_little_higher(tmp_path: Path) -> None:
    index = Index(
        tmp_path,
        [
            document(1, "Lima now", dated=date(2018, 7, 1)),
            document(2, "Lima then", dated=date(1990, 1, 1)),
        ],
    )
    new, old = index.search("lima", recency=True).scores
    assert 1.04 < new / old < 1.05
    same = index.search("lima").scores
    assert same[0] == same[1]


def test_an_empty_index_answers(tmp_path: Path) -> None:
    index = Index(tmp_path)
    for q in ("mining", '"consulta previa"', "indigen*", "-strike", "title:x", "in:2012", ""):
        assert index.search(q).total == 0


def test_what_is_committed_is_found_by_the_next_search(index: Index) -> None:
    assert index.ids("arequipa") == []
    index.change([document(9, "Arequipa")], [3])
    assert index.ids("arequipa") == [9]
    assert index.ids("teachers") == []
