"""`flask search evaluate`: measures against values by hand, folders, peers, recorded figures."""

import json
from math import log2
from pathlib import Path

import pytest
from flask import Flask

from psgflask.search.evaluating import judged, measures, peers, recorded, spellings
from psgflask.search.evaluating.judged import Paper, Unreadable
from psgflask.search.evaluating.peers import Fts5
from psgflask.search.evaluating.rankers import Ours, indexed, of_words

PAPERS = [
    ("a", "Mining", "protest in the north", "en"),
    ("b", "Budget", "the mining canon", "en"),
    ("c", "Carnival", "dancing", "en"),
    ("d", "Minería", "protesta en el norte", "es"),
]


def folder(
    place: Path,
    papers: list[tuple[str, str, str, str]],
    asked: list[tuple[str, str, str]],
    grades: list[tuple[str, str, int]],
) -> Path:
    """Write a collection."""
    place.mkdir()
    rows = [dict(zip(("id", "title", "body", "lang"), paper, strict=True)) for paper in papers]
    (place / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [dict(zip(("id", "text", "lang"), one, strict=True)) for one in asked]
    (place / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = ["qid\tdocid\trel", *("\t".join(map(str, grade)) for grade in grades)]
    (place / "qrels.tsv").write_text("\n".join(lines))
    return place


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Two queries over three articles."""
    return folder(
        tmp_path / "tiny",
        PAPERS[:3],
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
    assert measures.chance([1.0] * 20, [0.5] * 20) < 0.001
    assert measures.chance([1.0, 0.0] * 10, [0.0, 1.0] * 10) > 0.9


def test_a_folder_is_read_and_queries_without_an_answer_are_left_out(collection: Path) -> None:
    found = judged.read(collection)
    assert [paper.key for paper in found.papers] == ["a", "b", "c"]
    assert [question.key for question in found.questions] == ["1", "2"]
    assert found.grades["1"] == {"a": 2, "b": 1}
    assert list(judged.parts(found)) == [found]


def test_where_answers_are_in_the_querys_language_each_is_measured_by_itself(
    tmp_path: Path,
) -> None:
    place = folder(
        tmp_path / "two",
        PAPERS,
        [("1", "mining", "en"), ("2", "minería", "es")],
        [("1", "a", 1), ("2", "d", 1)],
    )
    parts = {part.name: part for part in judged.parts(judged.read(place))}
    assert list(parts) == ["two en", "two es", "two es, no accents", "two both, en", "two both, es"]
    assert [paper.key for paper in parts["two es"].papers] == ["d"]
    assert [question.text for question in parts["two es, no accents"].questions] == ["mineria"]
    assert len(parts["two both, es"].papers) == 4


@pytest.mark.parametrize("missing", ["docs.jsonl", "queries.jsonl", "qrels.tsv"])
@pytest.mark.parametrize(
    "content",
    [None, "", "{}", "[]", '{"id": "1", "text": "x", "lang": "fr"}'],
)
def test_a_folder_that_holds_something_else_is_refused(
    app: Flask, collection: Path, missing: str, content: str | None
) -> None:
    if content is None:
        (collection / missing).unlink()
    else:
        (collection / missing).write_text(content)
    with pytest.raises(Unreadable):
        judged.read(collection)
    result = app.test_cli_runner().invoke(args=["search", "evaluate", str(collection)])
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert "Traceback" not in result.output


def test_all_words_of_a_query_count_in_their_places_but_stop_words() -> None:
    query = of_words("The 12 " + " ".join(f"w{n}" for n in range(30)) + " of the UN -not")
    assert len(query.groups) == 1
    assert len(query.plain) == 30 + 2
    assert [clause.at for clause in query.plain][:3] == [1, 2, 3]
    assert query.plain[-1].word.folded == "un"
    assert of_words("the of").plain
    assert not of_words("?!")


def test_our_ranking_and_fts5s_hold_what_has_any_word() -> None:
    papers = [Paper(*paper) for paper in PAPERS]
    with indexed(papers) as snapshot:
        ours = Ours(snapshot, [paper.key for paper in papers], feedback=True)
        assert ours.rank("mining protests") == ["a", "b"]
        assert ours.rank('"OR NEAR( mineria -') == ["d"]
        assert ours.rank("xyzzy") == ours.rank("") == []
        assert (
            ours.shortened("the mining protests in the north dancing") == "protests north dancing"
        )
    fts5 = Fts5(papers)
    assert fts5.rank("mining protests") == ["a", "b"]
    assert fts5.rank('"OR NEAR( mineria -') == ["d"]
    assert fts5.rank("") == []


def test_the_command_prints_the_means_and_every_query(app: Flask, collection: Path) -> None:
    run = app.test_cli_runner().invoke
    result = run(args=["search", "evaluate", str(collection), "--each"])
    assert result.exit_code == 0
    assert "1.000 / 1.000 / 1.000" in result.output
    figures = json.loads(run(args=["search", "evaluate", str(collection), "--json"]).output)
    assert figures["tiny: feedback"] == {"nDCG@10": 1.0, "MAP": 1.0, "MRR": 1.0}
    each = json.loads(run(args=["search", "evaluate", str(collection), "--json", "--each"]).output)
    assert each["each"]["tiny"]["feedback"] == {"1": 1.0, "2": 1.0}
    assert run(args=["search", "evaluate"]).exit_code == 2


def test_a_collection_is_found_by_its_name_among_the_corpora(
    app: Flask, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSG_CORPORA", str(collection.parent))
    assert app.test_cli_runner().invoke(args=["search", "evaluate", "tiny"]).exit_code == 0


def test_what_is_worse_than_recorded_is_told_and_fails(
    app: Flask, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "KEPT", tmp_path / "kept.json")
    run = app.test_cli_runner().invoke
    assert run(args=["search", "evaluate", str(collection), "--record"]).exit_code == 0
    assert run(args=["search", "evaluate", str(collection)]).exit_code == 0
    kept = json.loads(recorded.KEPT.read_text())
    kept["tiny: feedback"]["MAP"] = 1.1
    recorded.KEPT.write_text(json.dumps(kept))
    result = run(args=["search", "evaluate", str(collection)])
    assert result.exit_code == 1
    assert "tiny: feedback: MAP 1.0000, recorded 1.1000" in result.output


def test_our_own_judged_set_is_not_ranked_worse_than_recorded(app: Flask) -> None:
    """The figures stand beside the module; changing them needs a decision record."""
    own = Path(__file__).with_name("judged")
    assert "judged: feedback" in json.loads(recorded.KEPT.read_text())
    result = app.test_cli_runner().invoke(args=["search", "evaluate", str(own)])
    assert result.exit_code == 0, result.output


def test_without_tantivy_the_command_says_what_to_install(
    app: Flask, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(papers: object) -> None:
        raise peers.Missing("tantivy is not installed: pip install 'psgflask[bench]'")

    monkeypatch.setattr("psgflask.search.evaluating.evaluation.PEERS", (Fts5, refuse))
    result = app.test_cli_runner().invoke(args=["search", "evaluate", str(collection), "--peers"])
    assert result.exit_code == 1
    assert "pip install 'psgflask[bench]'" in result.output


def test_peers_stand_beside_ours_with_the_chance(
    app: Flask, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psgflask.search.evaluating.evaluation.PEERS", (Fts5,))
    result = app.test_cli_runner().invoke(args=["search", "evaluate", str(collection), "--peers"])
    assert "FTS5" in result.output
    assert "1.0000" in result.output


def test_corrections_are_measured_from_the_lexicon(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "wrong.tsv"
    file.write_text("correct\tmisspelling\nCajamarca\tcajamraca\nmining\tminnig\ntwo words\tx\n")
    assert spellings.pairs(file) == [
        ("cajamraca", frozenset({"cajamarca"})),
        ("minnig", frozenset({"mining"})),
    ]
    result = app.test_cli_runner().invoke(
        args=["search", "evaluate", "--spelling", str(file), "--json"]
    )
    assert json.loads(result.output) == {"wrong: corrections": {"first": 1.0, "among three": 1.0}}
    file.write_text("nothing\there\n")
    result = app.test_cli_runner().invoke(args=["search", "evaluate", "--spelling", str(file)])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
