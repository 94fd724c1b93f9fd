from pathlib import Path

import pytest

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine import spelling
from psgflask.search.engine.protocol import Relaxation
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index.columns import EXACT
from psgflask.search.language import fold
from tests.search import sharing
from tests.search.corpus import Index, document
from tests.search.judged import pool

DOCS, QUERIES, GRADES = pool.rows("docs.jsonl"), pool.rows("queries.jsonl"), pool.grades()
RIGHT_FIRST = 0.9


def pairs(name: str) -> list[tuple[str, str]]:
    lines = (pool.HERE / name).read_text("utf-8").splitlines()[1:]
    return [(one, other) for one, other in (line.split("\t") for line in lines)]


NAMES, ACCENTS = pairs("names.tsv"), pairs("accents.tsv")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The judged articles, and the lexicon as one more."""
    lexicon = (pool.HERE / "lexicon.txt").read_text("utf-8")
    rows = [*DOCS, {"lang": "es", "title": "", "body": lexicon}]
    return pool.index_of(tmp_path_factory.mktemp("names"), rows).engine.snapshot()


def test_the_set_is_as_large_as_it_says() -> None:
    assert len(DOCS) >= 300
    assert len(QUERIES) >= 120
    assert len(NAMES) >= 200
    assert len(ACCENTS) >= 300
    numbers = [{doc["id"][3:] for doc in DOCS if doc["lang"] == lang} for lang in LANGUAGES]
    assert len({number for number in set.intersection(*numbers) if number < "100"}) >= 40


@pytest.mark.parametrize("rows", [DOCS, QUERIES], ids=["articles", "queries"])
def test_ids_are_unique_and_languages_known(rows: list[pool.Row]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert [row["id"] for row in rows if row["id"][:3] != f"{row['lang']}-"] == []
    assert {row["lang"] for row in rows} == set(LANGUAGES)


def test_every_query_is_judged_and_something_answers_it() -> None:
    answered = {query for (query, _doc), grade in GRADES.items() if grade}
    assert {query["id"] for query in QUERIES} == answered


def test_every_judgment_is_of_an_article_of_the_set_and_on_the_scale() -> None:
    assert {doc for _query, doc in GRADES} <= {doc["id"] for doc in DOCS}
    assert set(GRADES.values()) == {0, 1, 2, 3}
    assert len(GRADES) == len((pool.HERE / "qrels.tsv").read_text("utf-8").splitlines()) - 1


def test_articles_on_prior_consultation_use_their_own_language_alone() -> None:
    said = {
        phrase: [
            doc["lang"] for doc in DOCS if phrase in f"{doc['title']} {doc['body']}".casefold()
        ]
        for phrase in ("prior consultation", "consulta previa")
    }
    assert set(said["prior consultation"]) == {"en"}
    assert set(said["consulta previa"]) == {"es"}
    assert min(map(len, said.values())) >= 12


def test_a_misspelt_name_is_absent_and_the_right_one_is_there(names: Snapshot) -> None:
    assert len({wrong for wrong, _right in NAMES}) == len(NAMES)
    assert [wrong for wrong, _right in NAMES if names.term(EXACT, fold(wrong)).df] == []
    assert [right for _wrong, right in NAMES if not names.term(EXACT, fold(right)).df] == []


def test_the_right_name_comes_first_nine_times_in_ten(names: Snapshot) -> None:
    missed = [
        f"{wrong}: {found}, not {right}"
        for wrong, right in NAMES
        if (found := spelling.correction(names, fold(wrong))) != fold(right)
    ]
    assert len(missed) <= (1 - RIGHT_FIRST) * len(NAMES), missed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("in_article", ["accented", "unaccented"])
def test_accents_make_no_difference(tmp_path: Path, language: str, in_article: str) -> None:
    written = 1 if in_article == "accented" else 0
    articles = [
        document(number, "", pair[written], language=language)
        for number, pair in enumerate(ACCENTS, 1)
    ]
    index = Index(tmp_path, articles)
    missed = []
    for number, pair in enumerate(ACCENTS, 1):
        answer = index.search(pair[1 - written])
        if number not in answer.ids or answer.relaxation is not Relaxation.NONE:
            missed.append(pair)
    assert missed == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_terms_find_the_same_articles_of_a_language(
    tmp_path: Path, language: str
) -> None:
    index = pool.index_of(tmp_path, DOCS)
    index.glossary = sharing.shipped()

    def search(q: str) -> list[int]:
        return [n for page in (1, 2) for n in index.search(q, feedback=True, page=page).ids]

    found = sharing.shares(search, language)
    assert {pair: part for pair, part in found.items() if part < sharing.LEAST} == {}
