import random
from datetime import date
from pathlib import Path

import pytest

from psgflask.search.documents import Document
from psgflask.search.engine.protocol import Relaxation, SearchResults
from psgflask.search.query.expansion import Glossary
from tests.search import sharing
from tests.search.corpus import NOW, Index, document, glossary
from tests.search.engine.recipe import Collection
from tests.search.engine.test_scoring import made_up

GLOSSARY = glossary(
    "en prior consultation | es consulta previa",
    "en peasant patrols | es rondas campesinas | es ronda campesina",
    "en mining law | es ley de minería | es huelga minera",
    "en rights | es derechos | es consulta previa de los",
)


def indexed(folder: Path, documents: list[Document]) -> Index:
    index = Index(folder, documents)
    index.glossary = GLOSSARY
    return index


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return indexed(
        tmp_path,
        [
            document(1, "Prior consultation law", "The law on prior consultation."),
            document(
                2, "Consulta previa", "Ley de consulta previa. Consulta previa.", language="es"
            ),
            document(3, "Consulta", "Una consulta al doctor, previa cita.", language="es"),
            document(4, "A consultation", "Nothing prior."),
            document(5, "Conga", "A prior consultation on Conga; consulta previa, they say."),
            document(6, "Conga en quechua", "Consulta previa en Conga.", language="es"),
            document(7, "A budget", "Congress debates the budget."),
        ],
    )


def test_words_find_their_synonym_as_a_phrase_after_their_own_matches(
    index: Index,
) -> None:
    answer = index.search("prior consultation")
    assert set(answer.ids[:3]) == {1, 4, 5}
    assert set(answer.ids[3:]) == {2, 6}
    assert answer.total == 5
    assert answer.languages == {"en": 3, "es": 2}
    assert [other.text for other in answer.also_searched] == ["consulta previa"]


def test_a_phrase_finds_the_other_term_as_a_phrase(index: Index) -> None:
    answer = index.search('"consulta previa"')
    assert set(answer.ids[:3]) == {2, 5, 6}
    assert answer.ids[3:] == (1,)


def test_matches_of_the_words_typed_come_first_however_little_they_score(tmp_path: Path) -> None:
    strong = [
        document(n, "Consulta previa", "Consulta previa. " * n, language="es") for n in range(1, 80)
    ]
    weak = document(99, "A budget", "Prior words. " + "Other words. " * 90 + "A consultation.")
    index = indexed(tmp_path, [*strong, weak])
    for feedback in (False, True):
        answer = index.search("prior consultation", feedback=feedback)
        assert answer.ids[0] == 99
        assert answer.total == 80
        second = index.search("prior consultation", feedback=feedback, page=2)
        assert not set(second.ids) & set(answer.ids)
    assert index.ids("prior consultation lang:en") == [99]


def test_with_a_language_the_better_comes_first(tmp_path: Path) -> None:
    index = indexed(
        tmp_path,
        [
            document(
                1,
                "Un presupuesto",
                "Prior, dice. " + "Otras cosas. " * 50 + "Consultation.",
                language="es",
            ),
            document(2, "Consulta previa", "Consulta previa. " * 4, language="es"),
            *(document(n, "Nada", "Otras cosas.", language="es") for n in range(3, 9)),
        ],
    )
    assert index.ids("prior consultation") == [1, 2]
    assert index.ids("prior consultation lang:es") == [2, 1]
    assert index.ids("prior consultation", language="es") == [2, 1]


def test_other_words_of_a_query_hold_for_both(index: Index) -> None:
    assert index.ids("conga prior consultation") == [5, 6]
    assert index.ids("prior consultation -conga") == [1, 4, 2]
    assert index.ids("prior consultation -quechua lang:es") == [2]


def test_results_of_a_synonym_alone_are_as_typed(index: Index) -> None:
    answer = index.search("peasant patrols")
    assert (answer.total, answer.relaxation) == (0, Relaxation.NONE)
    index.change([document(9, "Rondas campesinas", language="es")])
    answer = index.search("peasant patrols")
    assert (answer.ids, answer.relaxation) == ((9,), Relaxation.NONE)


def test_a_dropped_word_leaves_other_concepts_whole_and_breaks_its_own(index: Index) -> None:
    answer = index.search("prior consultation quechua budget")
    assert answer.relaxation is Relaxation.WORDS_DROPPED
    assert (answer.dropped, answer.ids) == (("budget",), (6,))
    assert answer.also_searched
    answer = index.search("peasant patrols doctor")
    assert answer.relaxation is Relaxation.WORDS_DROPPED
    assert answer.dropped == ("peasant", "patrols")
    assert answer.also_searched == []


def test_correcting_another_word_keeps_the_concept(index: Index) -> None:
    answer = index.search("prior consultation quehcua")
    assert (answer.relaxation, answer.ids) == (Relaxation.CORRECTED, (6,))
    assert answer.also_searched


def test_a_word_of_the_glossary_is_never_corrected(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "The priro of a day", "dia priro"), document(2, "Lima")])
    index.glossary = glossary("en EIA | es estudio de impacto", "en prior consultation | es previa")
    for q in ("EIA", "prior consultation"):
        assert (index.search(q).ids, index.search(q).corrections) == ((), {}), q
    index.glossary = Glossary()
    assert index.search("EIA").corrections == {"eia": "dia"}


def by_id(answer: SearchResults) -> dict[int, float]:
    return dict(zip(answer.ids, answer.scores, strict=True))


def test_the_better_of_both_counts_and_never_the_sum(index: Index) -> None:
    typed = by_id(index.search("prior consultation"))
    index.glossary = Glossary()
    alone = by_id(index.search("prior consultation"))
    other = by_id(index.search('"consulta previa"'))
    better = {n: max(alone.get(n, 0), other.get(n, 0) / 2) for n in typed}
    assert typed == pytest.approx(better, rel=1e-5)
    assert typed[5] == pytest.approx(max(alone[5], other[5] / 2))


@pytest.mark.parametrize("seed", range(3))
def test_every_score_is_the_recipe_s(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    terms = ["mining law", "ley de minería", "consulta previa de los", "rights", "consulta previa"]

    def with_terms(number: int) -> Document:
        made = made_up(number, rng)
        body = " ".join([made.body, *rng.choices(terms, k=rng.randrange(4))])
        return document(number, made.title, body, language=made.language, dated=made.dated_to)

    documents = {number: with_terms(number) for number in range(1, 60)}
    index = indexed(tmp_path, list(documents.values()))
    recipe = Collection(list(documents.values()))
    for _query in range(40):
        words = rng.choices([*terms, '"consulta previa"', "conga", "huelga", "lang:es"], k=2)
        answer = index.search(" ".join(words), as_typed=True, recency=True)
        assert answer.query is not None
        scored = [recipe.score(answer.query, number, NOW.date()) for number in answer.ids]
        assert answer.scores == pytest.approx(scored, rel=1e-5)


def archive() -> list[Document]:
    """Return articles of which many are on prior consultation, in either language or in both."""
    rng = random.Random(4)
    topics = ["Conga", "Bagua", "Tía María", "Las Bambas", "Espinar", "Loreto", "Camisea"]
    english = "law community mining company protest government river oil block congress report"
    spanish = "ley comunidad mina empresa protesta gobierno río petróleo lote congreso informe"
    said = {
        "en": ["prior consultation", "the law on prior consultation", "prior consultation process"],
        "es": ["consulta previa", "la ley de consulta previa", "el proceso de consulta previa"],
    }
    aside = {
        "en": [
            "they had consulted them before",
            "a prior agreement",
            "the right (consulta previa)",
        ],
        "es": ["una cita previa", "una consulta médica", "el «prior consultation» de los ingleses"],
    }
    documents = []
    for number in range(1, 241):
        language = "en" if number % 2 else "es"
        words = (english if language == "en" else spanish).split()
        text = rng.choices(words, k=rng.randrange(40, 160))
        title = [rng.choice(topics), *rng.choices(words, k=2)]
        if number % 6 < 2:
            for _time in range(rng.randrange(1, 5)):
                text.insert(rng.randrange(len(text)), rng.choice(said[language]))
            if rng.random() < 0.4:
                title.append(said[language][0])
        if rng.random() < 0.2:
            text.insert(rng.randrange(len(text)), rng.choice(aside[language]))
        day = date(2012, 1, 1).replace(year=rng.randrange(2008, 2018))
        documents.append(
            document(number, " ".join(title), " ".join(text), language=language, dated=day)
        )
    return documents


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("feedback", [False, True])
def test_both_languages_words_for_a_thing_find_the_same(
    tmp_path: Path, language: str, feedback: bool
) -> None:
    index = Index(tmp_path, archive())
    index.glossary = sharing.shipped()

    def search(q: str) -> list[int]:
        return [
            number
            for page in (1, 2)
            for number in index.search(q, recency=True, feedback=feedback, page=page).ids
        ]

    assert len(search(f"prior consultation lang:{language}")) == sharing.BEST
    found = sharing.shares(search, language)
    assert {pair: part for pair, part in found.items() if part < sharing.LEAST} == {}


def test_feedback_lifts_what_another_term_found_as_if_it_was_typed(tmp_path: Path) -> None:
    about = "Rondas campesinas en Cajamarca defienden la laguna. La laguna Conga, dicen."
    others = "El congreso debate el presupuesto."
    index = indexed(
        tmp_path,
        [document(n, "Laguna", f"{about} " * n, language="es") for n in range(1, 6)]
        + [document(n, "Congreso", others, language="es") for n in range(6, 40)],
    )
    said = by_id(index.search("rondas campesinas lang:es", feedback=True))
    asked = by_id(index.search("peasant patrols lang:es", feedback=True))
    without = by_id(index.search("peasant patrols lang:es"))
    assert asked == pytest.approx(said)
    assert all(asked[number] > score for number, score in without.items())
