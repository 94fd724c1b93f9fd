"""`flask search evaluate`: rankings and corrections against collections that were judged."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from psgflask.core.terminal import echo, print_json, print_table
from psgflask.search.evaluating import evaluation, judged, recorded, spellings
from psgflask.search.evaluating.evaluation import Row
from psgflask.search.evaluating.judged import Unreadable
from psgflask.search.evaluating.peers import Missing
from psgflask.search.evaluating.rankers import indexed

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
        found = [row for name in folders for row in _rows(name, with_peers=peers)]
        corrected = _corrected(misspelt, words)
    except (Unreadable, Missing) as error:
        raise click.ClickException(str(error)) from error
    figures = {**recorded.of_rows(found), **recorded.of_corrections(corrected)}
    if as_json:
        print_json(figures if not each else {**figures, "each": _each(found)})
    else:
        _print(found, corrected, each=each)
    if record:
        recorded.keep(figures)
    elif worse := recorded.worse(figures):
        echo("Worse than recorded:\n" + "\n".join(worse), err=True)
        sys.exit(1)


def _rows(name: str, *, with_peers: bool) -> Iterator[Row]:
    return evaluation.rows(judged.read(_place(name)), with_peers=with_peers)


def _corrected(misspelt: Sequence[str], words: Sequence[str]) -> list[spellings.Corrections]:
    if not misspelt:
        return []
    tried = {Path(name).stem: spellings.pairs(_place(name)) for name in misspelt}
    papers = [paper for name in words for paper in spellings.texts(_place(name))]
    right = [meant for pairs in tried.values() for _wrong, meant in pairs]
    with indexed([*papers, *spellings.lacking(right, papers)]) as snapshot:
        return [spellings.measure(name, snapshot, pairs) for name, pairs in tried.items()]


def _place(name: str) -> Path:
    own = Path(name)
    if own.exists() or CORPORA not in os.environ:
        return own
    return Path(os.environ[CORPORA]) / name


def _print(found: Sequence[Row], corrected: Sequence[spellings.Corrections], *, each: bool) -> None:
    rankers = list(dict.fromkeys(ranker for row in found for ranker in row.means))
    for row in found if each else ():
        echo(f"\n{row.name}: nDCG@10")
        queries = list(next(iter(row.each.values())))
        lines = [
            (query, *(f"{row.each[ranker][query].ndcg:.3f}" for ranker in row.means))
            for query in queries
        ]
        print_table(("Query", *row.means), lines)
    if found:
        echo("nDCG@10 / MAP / MRR")
        print_table(("Collection", *rankers, "p"), [_line(row, rankers) for row in found])
    if corrected:
        echo("The right word first / among the first three")
        lines = [
            (one.name, str(one.tried), f"{one.first_share:.3f} / {one.among_share:.3f}")
            for one in corrected
        ]
        print_table(("File", "Misspellings", "Share"), lines)


def _line(row: Row, rankers: Sequence[str]) -> tuple[str, ...]:
    cells = [
        f"{one.ndcg:.3f} / {one.ap:.3f} / {one.rr:.3f}" if one else ""
        for one in map(row.means.get, rankers)
    ]
    return (row.name, *cells, "" if row.chance is None else f"{row.chance:.4f}")


def _each(found: Sequence[Row]) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    return {
        row.name: {
            ranker: {query: round(one.ndcg, 4) for query, one in measured.items()}
            for ranker, measured in row.each.items()
        }
        for row in found
    }
