"""`make evaluate`: rankings and corrections against collections that were judged."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from psgflask.core.terminal import echo, print_json, print_table
from tests.evaluation import collection, evaluation, recorded, spellings
from tests.evaluation.collection import Unreadable
from tests.evaluation.evaluation import Row
from tests.evaluation.peers import PeerMissing
from tests.evaluation.rankers import indexed

CORPORA = "PSG_CORPORA"


@click.command()
@click.argument("folders", nargs=-1, metavar="[DIR]...")
@click.option("--peers", is_flag=True, help="Rank by SQLite FTS5 and tantivy too.")
@click.option("--each", is_flag=True, help="Print every query, not the means alone.")
@click.option("--json", "as_json", is_flag=True, help="Print for a machine.")
@click.option("--record", is_flag=True, help="Keep these figures; say why in a decision record.")
@click.option("--spelling", "misspelt", multiple=True, metavar="FILE", help="Measure corrections.")
@click.option("--words", multiple=True, metavar="DIR", help="Texts whose words are known to those.")
def evaluate(
    folders: Sequence[str],
    peers: bool,
    each: bool,
    as_json: bool,
    record: bool,
    misspelt: Sequence[str],
    words: Sequence[str],
) -> None:
    """Measure how well search ranks, and how well it corrects.

    DIR is a folder of docs.jsonl, queries.jsonl and qrels.tsv, or its name in $PSG_CORPORA. All
    words of a query are searched for with OR, recency is off. Exit code 1 when a figure is worse
    than the one recorded.
    """
    if not (folders or misspelt):
        raise click.UsageError("Name a folder, or a file with --spelling.")
    try:
        rows = [row for name in folders for row in _rows(name, with_peers=peers)]
        corrections = _corrections(misspelt, words)
    except (Unreadable, PeerMissing) as error:
        raise click.ClickException(str(error)) from error
    figures = {**recorded.of_rows(rows), **recorded.of_corrections(corrections)}
    if as_json:
        print_json(figures if not each else {**figures, "each": _each(rows)})
    else:
        _print(rows, corrections, each=each)
    if record:
        recorded.update(figures)
    elif worse := recorded.worse(figures):
        echo("Worse than recorded:\n" + "\n".join(worse), err=True)
        sys.exit(1)


def _rows(name: str, *, with_peers: bool) -> Iterator[Row]:
    return evaluation.rows(collection.read(_path(name)), with_peers=with_peers)


def _corrections(misspelt: Sequence[str], words: Sequence[str]) -> list[spellings.Corrections]:
    if not misspelt:
        return []
    files = {Path(name).stem: spellings.pairs(_path(name)) for name in misspelt}
    documents = [document for name in words for document in spellings.texts(_path(name))]
    right = [meant for pairs in files.values() for _wrong, meant in pairs]
    with indexed([*documents, *spellings.missing(right, documents)]) as snapshot:
        return [spellings.measure(name, snapshot, pairs) for name, pairs in files.items()]


def _path(name: str) -> Path:
    """Return the path of a file or folder, or of its name in $PSG_CORPORA. Raises Unreadable."""
    if (own := Path(name)).exists():
        return own
    if not (corpora := os.environ.get(CORPORA)):
        raise Unreadable(f"There is no {name}; set {CORPORA} to the folder of your collections")
    return Path(corpora, name)


def _print(
    rows: Sequence[Row], corrections: Sequence[spellings.Corrections], *, each: bool
) -> None:
    rankers = list(dict.fromkeys(ranker for row in rows for ranker in row.means))
    for row in rows if each else ():
        echo(f"\n{row.name}: nDCG@10")
        queries = list(next(iter(row.each.values())))
        lines = [
            (query, *(f"{row.each[ranker][query].ndcg:.3f}" for ranker in row.means))
            for query in queries
        ]
        print_table(("Query", *row.means), lines)
    if rows:
        echo("nDCG@10 / MAP / MRR")
        print_table(("Collection", *rankers, "p"), [_line(row, rankers) for row in rows])
    if corrections:
        echo("The right word first / among the first three")
        lines = [
            (one.name, str(one.tried), f"{one.first_share:.3f} / {one.among_share:.3f}")
            for one in corrections
        ]
        print_table(("File", "Misspellings", "Share"), lines)


def _line(row: Row, rankers: Sequence[str]) -> tuple[str, ...]:
    cells = [
        f"{mean.ndcg:.3f} / {mean.ap:.3f} / {mean.rr:.3f}" if mean else ""
        for mean in map(row.means.get, rankers)
    ]
    return (row.name, *cells, "" if row.p_value is None else f"{row.p_value:.4f}")


def _each(rows: Sequence[Row]) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    return {
        row.name: {
            ranker: {query: round(scores.ndcg, 4) for query, scores in by_query.items()}
            for ranker, by_query in row.each.items()
        }
        for row in rows
    }


if __name__ == "__main__":
    evaluate(prog_name="python -m tests.evaluation")
