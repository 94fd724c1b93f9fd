import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from psgflask.search.documents import Document
from psgflask.search.language import words
from psgflask.search.query.parsing import parse
from tests.search.corpus import NOW, Index, document
from tests.search.engine.recipe import Collection

EXAMPLE = [
    document(
        1,
        "Mining protest in Cajamarca",
        "Farmers marched against the Conga mining project. The protests grew.",
    ),
    document(
        2,
        "Congress debates the budget",
        "The mining industry asked for lower taxes while protests went on near the mine.",
    ),
    document(3, "Cajamarca carnival", "Thousands danced in the streets of Cajamarca."),
]

FEW_WORDS_IN_MANY_FORMS = (
    "the of in a mine mining mined protest protests protesting law laws Conga Cajamarca "
    "Castañeda castaneda minería mineria minero mineros huelga huelgas huelguista ley leyes la el "
    "de los consulta previa human rights right Perú Peru peruvian Año ano niño nino report reports"
)
VOCABULARY = FEW_WORDS_IN_MANY_FORMS.split()


def test_the_worked_example_scores_as_worked_out(tmp_path: Path) -> None:
    answer = Index(tmp_path, EXAMPLE).search("mining protests")
    assert answer.ids == (1, 2)
    assert answer.scores == pytest.approx((1.680763, 1.040078), abs=1e-6)


def test_the_worked_example_holds_for_the_slow_recipe_too() -> None:
    recipe, query = Collection(EXAMPLE), parse("mining protests")
    scores = [recipe.score(query, number) for number in (1, 2, 3)]
    assert scores == pytest.approx([1.680763, 1.040078, 0.0], abs=1e-6)


def made_up(number: int, rng: random.Random) -> Document:
    day = rng.choice([None, date(2018, 7, 1) - timedelta(days=rng.randrange(4000))])
    return document(
        number,
        " ".join(rng.choices(VOCABULARY, k=rng.randrange(0, 6))),
        " ".join(rng.choices(VOCABULARY, k=rng.randrange(0, 60))),
        language=rng.choice(["en", "es"]),
        dated=day,
    )


def a_query(rng: random.Random) -> str:
    parts = rng.choices(VOCABULARY, k=rng.randrange(1, 5))
    if rng.random() < 0.4:
        parts.append('"' + " ".join(rng.choices(VOCABULARY, k=2)) + '"')
    joint = " OR " if rng.random() < 0.5 else " "
    return joint.join(parts)


@pytest.mark.parametrize("seed", range(4))
def test_every_score_is_the_recipe_over_the_live_documents(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    documents = {number: made_up(number, rng) for number in range(1, 60)}
    index = Index(tmp_path, documents.values())
    for _commit in range(3):  # so that there are several segments, and deleted documents in them
        changed = [made_up(number, rng) for number in rng.sample(range(1, 90), 8)]
        removed = rng.sample(sorted(documents), 4)
        index.change(changed, removed)
        for number in removed:
            del documents[number]
        documents |= {each.id: each for each in changed}
    recipe = Collection(list(documents.values()))
    today = NOW.date()
    for _query in range(60):
        typed = a_query(rng)
        query = parse(typed)
        answer = index.search(typed, as_typed=True, recency=True)
        assert answer.query is not None
        scored = {number: recipe.score(answer.query, number, today) for number in documents}
        assert answer.scores == pytest.approx([scored[number] for number in answer.ids], rel=1e-5)
        titled = [
            number
            for number in answer.ids
            if query.title
            and query.title == " ".join(word.folded for word in words(documents[number].title))
        ]
        assert list(answer.ids[: len(titled)]) == titled
        ranked = [round(score, 5) for score in answer.scores[len(titled) :]]
        assert ranked == sorted(ranked, reverse=True)


def test_pages_follow_each_other_in_one_order(tmp_path: Path) -> None:
    rng = random.Random(9)
    index = Index(tmp_path, [made_up(number, rng) for number in range(1, 80)])
    first = index.search("human rights mining OR law")
    ids: list[int] = []
    for page in range(1, first.total // 10 + 2):
        ids += index.ids("human rights mining OR law", page=page)
    assert len(ids) == len(set(ids)) == first.total
    assert ids[:10] == list(first.ids)
