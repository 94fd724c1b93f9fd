"""`make evaluate`: measures against values by hand, folders, peers, recorded figures."""

import json
from math import log2
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.evaluation import collection, measures, peers, recorded, spellings
from tests.evaluation.__main__ import evaluate
from tests.evaluation.collection import JudgedDocument, Unreadable
from tests.evaluation.peers import Fts5
from tests.evaluation.rankers import Ours, indexed, of_words

DOCUMENTS = [
    ("a", "Mining", "protest in the north", "en"),
    ("b", "Budget", "the mining canon", "en"),
    ("c", "Carnival", "dancing", "en"),
    ("d", "Minería", "protesta en el norte", "es"),
]


def written(
    place: Path,
    documents: list[tuple[str, str, str, str]],
    asked: list[tuple[str, str, str]],
    grades: list[tuple[str, str, int]],
) -> Path:
    """Write a collection."""
    place.mkdir()
    rows = [
        dict(zip(("id", "title", "body", "lang"), document, strict=True)) for document in documents
    ]
    (place / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [dict(zip(("id", "text", "lang"), one, strict=True)) for one in asked]
    (place / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = ["qid\tdocid\trel", *("\t".join(map(str, grade)) for grade in grades)]
    (place / "qrels.tsv").write_text("\n".join(lines))
    return place


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(evaluate, arguments)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two queries over three articles."""
    return written(
        tmp_path / "tiny",
        DOCUMENTS[:3],
        [("1", "mining protests", "en"), ("2", "dancing", "en"), ("3", "nobody judged", "en")],
        [("1", "a", 2), ("1", "b", 1), ("2", "c", 1), ("2", "a", 0)],
    )


@pytest.mark.parametrize(
    ("ranking", "ndcg", "ap", "rr"),
    [
        ("ab", 1.0, 1.0, 1.0),
        ("ba", (1 + 2 / log2(3)) / (2 + 1 / log2(3)), 1.0, 1.0),
        ("xa", (2 / log2(3)) / (2 + 1 / log2(3)), 0.25, 0.5),
        ("x", 0.0, 0.0, 0.0),
        ("", 0.0, 0.0, 0.0),
    ],
)
def test_measures_are_those_worked_out_by_hand(
    ranking: str, ndcg: float, ap: float, rr: float
) -> None:
    found = measures.measure(ranking, {"a": 2, "b": 1, "x": 0})
    assert (found.ndcg, found.ap, found.rr) == pytest.approx((ndcg, ap, rr))


def test_ndcg_looks_at_ten_and_map_at_all() -> None:
    found = measures.measure("x" * 10 + "a", {"a": 1})
    assert (found.ndcg, found.ap) == pytest.approx((0.0, 1 / 11))


def test_chance_tells_what_always_leads_from_what_leads_now_and_then() -> None:
    assert measures.p_value([1.0] * 20, [0.5] * 20) < 0.001
    assert measures.p_value([1.0, 0.0] * 10, [0.0, 1.0] * 10) > 0.9


def test_a_folder_is_read_and_queries_without_an_answer_are_left_out(tiny: Path) -> None:
    found = collection.read(tiny)
    assert [document.key for document in found.documents] == ["a", "b", "c"]
    assert [query.key for query in found.queries] == ["1", "2"]
    assert found.grades["1"] == {"a": 2, "b": 1}
    assert list(collection.parts(found)) == [found]


def test_where_answers_are_in_the_querys_language_each_is_measured_by_itself(
    tmp_path: Path,
) -> None:
    place = written(
        tmp_path / "two",
        DOCUMENTS,
        [("1", "mining", "en"), ("2", "minería", "es")],
        [("1", "a", 1), ("2", "d", 1)],
    )
    parts = {part.name: part for part in collection.parts(collection.read(place))}
    assert list(parts) == ["two en", "two es", "two es, no accents", "two both, en", "two both, es"]
    assert [document.key for document in parts["two es"].documents] == ["d"]
    assert [query.text for query in parts["two es, no accents"].queries] == ["mineria"]
    assert len(parts["two both, es"].documents) == 4


@pytest.mark.parametrize("missing", ["docs.jsonl", "queries.jsonl", "qrels.tsv"])
@pytest.mark.parametrize(
    "content",
    [None, "", "{}", "[]", '{"id": "1", "text": "x", "lang": "fr"}'],
)
def test_a_folder_that_holds_something_else_is_refused(
    tiny: Path, missing: str, content: str | None
) -> None:
    if content is None:
        (tiny / missing).unlink()
    else:
        (tiny / missing).write_text(content)
    with pytest.raises(Unreadable):
        collection.read(tiny)
    result = run(str(tiny))
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert "Traceback" not in result.output


def test_all_words_of_a_query_count_in_their_places_but_stop_words() -> None:
    query = of_words("The 12 " + " ".join(f"w{n}" for n in range(30)) + " of the UN -not")
    assert len(query.groups) == 1
    assert len(query.plain_words) == 30 + 2
    assert [clause.position for clause in query.plain_words][:3] == [1, 2, 3]
    assert query.plain_words[-1].word.folded == "un"
    assert of_words("the of").plain_words
    assert not of_words("?!")


def test_our_ranking_and_fts5s_hold_what_has_any_word() -> None:
    documents = [JudgedDocument(*document) for document in DOCUMENTS]
    with indexed(documents) as snapshot:
        ours = Ours(snapshot, [document.key for document in documents], feedback=True)
        assert ours.rank("mining protests") == ["a", "b"]
        assert ours.rank('"OR NEAR( mineria -') == ["d"]
        assert ours.rank("xyzzy") == ours.rank("") == []
        assert (
            ours.shortened("the mining protests in the north dancing") == "protests north dancing"
        )
    fts5 = Fts5(documents)
    assert fts5.rank("mining protests") == ["a", "b"]
    assert fts5.rank('"OR NEAR( mineria -') == ["d"]
    assert fts5.rank("") == []


def test_the_command_prints_the_means_and_every_query(tiny: Path) -> None:
    result = run(str(tiny), "--each")
    assert result.exit_code == 0
    assert "1.000 / 1.000 / 1.000" in result.output
    figures = json.loads(run(str(tiny), "--json").output)
    assert figures["tiny: feedback"] == {"nDCG@10": 1.0, "MAP": 1.0, "MRR": 1.0}
    each = json.loads(run(str(tiny), "--json", "--each").output)
    assert each["each"]["tiny"]["feedback"] == {"1": 1.0, "2": 1.0}
    assert run().exit_code == 2


def test_a_collection_is_found_by_its_name_among_the_corpora(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_CORPORA", str(tiny.parent))
    assert run("tiny").exit_code == 0


def test_a_name_without_a_folder_of_collections_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PSG_CORPORA", "")
    result = run("cranfield")
    assert result.exit_code == 1
    assert result.output == (
        "Error: There is no cranfield; set PSG_CORPORA to the folder of your collections\n"
    )


def test_what_is_worse_than_recorded_is_told_and_fails(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "FILE", tmp_path / "recorded.json")
    assert run(str(tiny), "--record").exit_code == 0
    assert run(str(tiny)).exit_code == 0
    figures = json.loads(recorded.FILE.read_text())
    figures["tiny: feedback"]["MAP"] = 1.1
    recorded.FILE.write_text(json.dumps(figures))
    result = run(str(tiny))
    assert result.exit_code == 1
    assert "tiny: feedback: MAP 1.0000, recorded 1.1000" in result.output


def test_our_own_judged_set_is_not_ranked_worse_than_recorded() -> None:
    """The figures stand beside the module; changing them needs a decision record."""
    own = Path(__file__).parents[1] / "search" / "judged"
    assert "judged: feedback" in json.loads(recorded.FILE.read_text())
    result = run(str(own))
    assert result.exit_code == 0, result.output


def test_without_tantivy_the_command_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(documents: object) -> None:
        raise peers.PeerMissing("tantivy is not installed: python3 requirements/install.py bench")

    monkeypatch.setattr("tests.evaluation.evaluation.PEERS", (Fts5, refuse))
    result = run(str(tiny), "--peers")
    assert result.exit_code == 1
    assert "python3 requirements/install.py bench" in result.output


def test_peers_stand_beside_ours_with_the_chance(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.evaluation.evaluation.PEERS", (Fts5,))
    result = run(str(tiny), "--peers")
    assert "FTS5" in result.output
    assert "1.0000" in result.output


def test_corrections_are_measured_from_the_lexicon(tmp_path: Path) -> None:
    file = tmp_path / "wrong.tsv"
    file.write_text("correct\tmisspelling\nCajamarca\tcajamraca\nmining\tminnig\ntwo words\tx\n")
    assert spellings.pairs(file) == [
        ("cajamraca", frozenset({"cajamarca"})),
        ("minnig", frozenset({"mining"})),
    ]
    result = run("--spelling", str(file), "--json")
    assert json.loads(result.output) == {"wrong: corrections": {"first": 1.0, "among three": 1.0}}
    file.write_text("nothing\there\n")
    result = run("--spelling", str(file))
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
