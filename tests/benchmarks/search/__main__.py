"""`make bench-search`: our page of results beside tantivy, FTS5, Xapian and plain Whoosh.

`python -m tests.benchmarks.search [--articles 10000 100000] [--reuters] [--rounds 5] [--draw]`; on
all archives unless some are named. What it builds is kept in $BENCH_DIR (default: instance/bench)
and used again.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from psgflask.search.engine import array_engine
from tests.benchmarks.search import chart, corpus, extras, measuring, questions, report
from tests.benchmarks.search.fts5 import Fts5
from tests.benchmarks.search.measuring import Table
from tests.benchmarks.search.ours import within_a_request
from tests.benchmarks.search.tantivy_engine import Tantivy
from tests.benchmarks.search.whoosh_engine import Whoosh
from tests.benchmarks.search.xapian_engine import Xapian, is_there

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
ALL = (10_000, 100_000)


def main() -> int:
    """Print a table for each archive; return 1 when a peer is ahead in some cell."""
    parser = argparse.ArgumentParser(description="The search page beside other engines")
    parser.add_argument("--articles", type=int, nargs="*", default=[], help="of synthetic archives")
    parser.add_argument("--reuters", action="store_true", help="Reuters-21578 of $PSG_CORPORA")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-whoosh", action="store_true", help="it takes the longest")
    parser.add_argument("--draw", action="store_true", help="write docs/search-speed.svg")
    args = parser.parse_args()
    if args.reuters and not corpus.reuters_file():
        parser.error("set PSG_CORPORA to a folder that has reuters21578/articles.jsonl")
    array_engine.REFRESH_TIMEOUT = 60.0
    base = Path(os.environ.get("BENCH_DIR", ROOT / "instance" / "bench"))
    everything = not (args.articles or args.reuters)
    archives: dict[str, int | None] = {
        f"{n:,} articles": n for n in (ALL if everything else args.articles)
    }
    if args.reuters or (everything and corpus.reuters_file()):
        archives["Reuters-21578"] = None
    tables: dict[str, Table] = {}
    names: list[str] = []
    lost: list[str] = []
    for title, articles in archives.items():
        folder = base / (str(articles) if articles else corpus.REUTERS)
        tables[title], names = _measured(title, folder, articles, args)
        lost += [f"{title}, {cell}" for cell in report.behind(tables[title], names)]
    print(
        "\nAhead in every cell"
        if not lost
        else "\nNot ahead, the lowest of the spread at 1 or below:"
    )
    print("\n".join(lost))
    if args.draw:
        chart.draw(DOCS / "search-speed.svg", tables, names)
    return 1 if lost else 0


def _measured(
    title: str, folder: Path, articles: int | None, args: argparse.Namespace
) -> tuple[Table, list[str]]:
    app = corpus.installation(folder / "site", articles)
    documents = corpus.everything(app)
    peers: list[Any] = [Tantivy(folder, documents), Fts5(folder, documents)]
    if is_there():
        peers.append(Xapian(folder, documents))
    if not args.without_whoosh:
        peers.append(Whoosh(folder, documents))
    asked = questions.drawn(documents)
    names = [peer.name for peer in peers]
    with within_a_request(app) as ours:
        table = measuring.measured([ours, *peers], asked, args.rounds)
    print(f"\n## {title}\n")
    print("\n".join(report.lines(table, names)))
    print(f"\nEvery question for the first time, ms, p50 / p95 / most: {report.first_touch(table)}")
    for line in extras.lines(app, documents, asked):
        print(line, flush=True)
    return table, names


if __name__ == "__main__":
    sys.exit(main())
