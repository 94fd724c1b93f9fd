import pytest

from psgflask.search.query.clauses import Query
from psgflask.search.query.expansion import MAX_IN_QUERY, MAX_SYNONYMS, expand
from psgflask.search.query.parsing import parse
from tests.search.corpus import glossary

GLOSSARY = glossary(
    "en prior consultation | es consulta previa | es consultas previas",
    "en Environmental Impact Assessment | en,es EIA | es estudio de impacto ambiental",
    "en El Niño | es Fenómeno del Niño",
    "en highlands | es sierra",
    "en UN | es ONU",
    "en informal mining | es minería informal",
    "en mining | es minas",
    "en Petroperu | es Petroperú | es Petróleos del Perú",
)


def read(q: str, language: str | None = None) -> Query:
    return expand(parse(q, interface="en"), GLOSSARY, language)


def others(q: str, language: str | None = None) -> list[list[str]]:
    return [[other.text for other in each.synonyms] for each in read(q, language).concepts]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("prior consultation", [["consulta previa", "consultas previas"]]),
        ("CONSULTA PREVÍA", [["prior consultation"]]),
        ("law on prior consultation 2011", [["consulta previa", "consultas previas"]]),
        ('"consulta previa"', [["prior consultation", "consultas previas"]]),
        ("eia", [["Environmental Impact Assessment", "estudio de impacto ambiental"]]),
        ("estudio de impacto ambiental", [["Environmental Impact Assessment", "EIA"]]),
        ("el niño", [["Fenómeno del Niño"]]),
        ("sierra highlands", [["highlands"], ["sierra"]]),
        ("UN", [["ONU"]]),
        ("UN peru", [["ONU"]]),
        ('sierra "el niño" lang:en', [["highlands"], ["Fenómeno del Niño"]]),
    ],
)
def test_words_and_phrases_that_are_terms_stand_for_the_others(
    q: str, expected: list[list[str]]
) -> None:
    assert others(q) == expected


@pytest.mark.parametrize(
    "q",
    [
        "",
        "consulta",
        "previa consulta",
        "prior a consultation",
        "prior -x consultation",
        'prior "x" consultation',
        "prior lang:en consultation",
        "prior OR consultation",
        "prior consultation OR sierra",
        "sierra OR selva",
        "-sierra",
        '-"consulta previa"',
        "title:sierra",
        'title:"consulta previa"',
        "topic:sierra",
        "sierra*",
        "estudio impacto ambiental",
        "niño",
        "un peru",
    ],
)
def test_what_is_no_term_or_meant_otherwise_stays_as_typed(q: str) -> None:
    assert others(q) == []


def test_of_terms_that_begin_alike_the_longest_counts() -> None:
    assert others("informal mining mining") == [["minería informal"], ["minas"]]


def test_a_term_that_has_all_the_words_typed_finds_nothing_more_and_is_left_out() -> None:
    assert others("consulta previa") == [["prior consultation"]]
    assert others("consultas previas") == [["prior consultation"]]


def test_what_only_accents_tell_apart_is_searched_for_once() -> None:
    (found,) = read('"petróleos del peru"').concepts
    assert [(other.text, other.language) for other in found.synonyms] == [("Petroperu", "")]


def test_other_terms_count_half_and_come_after_what_was_typed() -> None:
    query = read("prior consultation")
    (concept,) = query.concepts
    assert (concept.boost, [other.boost for other in concept.synonyms]) == (1.0, [0.5, 0.5])
    assert query.typed_first


@pytest.mark.parametrize("chosen", [True, False])
def test_with_a_language_its_own_terms_count_in_full_typed_or_not(chosen: bool) -> None:
    def ask(q: str, language: str) -> Query:
        return read(q, language) if chosen else read(f"{q} lang:{language}")

    query = ask("prior consultation", "es")
    (concept,) = query.concepts
    assert (concept.boost, [other.boost for other in concept.synonyms]) == (0.5, [1.0, 1.0])
    assert not query.typed_first
    (concept,) = ask("prior consultation", "en").concepts
    assert (concept.boost, [other.boost for other in concept.synonyms]) == (1.0, [0.5, 0.5])
    (concept,) = ask("EIA", "es").concepts
    assert (concept.boost, [other.boost for other in concept.synonyms]) == (1.0, [0.5, 1.0])


def test_a_concept_says_which_groups_it_is() -> None:
    query = read("the law on estudio de impacto ambiental -x conga")
    (concept,) = query.concepts
    assert [query.groups[place][0] for place in query.groups_of(concept)] == list(
        query.plain_words[1:4]
    )


def test_few_terms_are_searched_for_however_many_a_concept_has() -> None:
    nine = range(9)
    many = glossary(*(" | ".join([f"en a{n}", *(f"es b{n}{m}" for m in nine)]) for n in nine))
    query = expand(parse("a0 a1 a2 a3 a4 a5"), many)
    numbers = [len(concept.synonyms) for concept in query.concepts]
    assert (max(numbers), sum(numbers)) == (MAX_SYNONYMS, MAX_IN_QUERY)


def test_words_that_were_cut_away_are_of_no_term() -> None:
    query = read(" ".join(f"w{n}" for n in range(11)) + " prior consultation")
    assert query.truncated
    assert not query.concepts


def test_the_words_themselves_stay_as_they_were() -> None:
    plain, query = parse("prior consultation -x"), read("prior consultation -x")
    assert (query.groups, query.excluded, query.text, query.title) == (
        plain.groups,
        plain.excluded,
        plain.text,
        plain.title,
    )
