"""Prints what is to be judged: the ten best of three engines for each query, in no engine's order.

    python -m tests.search.judged.pool > sheet.tsv

Each line is a query's id and a document's id that `qrels.tsv` does not hold yet. It needs
tantivy (`python3 requirements/install.py bench`).
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from psgflask.search.language import words
from tests.evaluation import collection
from tests.evaluation.peers import Fts5, Tantivy
from tests.evaluation.rankers import Ranker
from tests.search.corpus import Index, document

HERE = Path(__file__).parent
DEPTH = 10

Row = dict[str, str]
Finder = Callable[[str], Iterable[str]]


def rows(name: str) -> list[Row]:
    """Return the objects of a file of lines of JSON."""
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def grades() -> dict[tuple[str, str], int]:
    """Return (query id, document id) -> grade."""
    lines = (HERE / "qrels.tsv").read_text("utf-8").splitlines()[1:]
    return {(q, d): int(grade) for q, d, grade in (line.split("\t") for line in lines)}


def index_of(folder: Path, docs: list[Row]) -> Index:
    """Return an index in which the number of a document is its place in the list, from 1."""
    return Index(
        folder,
        [
            document(number, each["title"], each["body"], language=each["lang"])
            for number, each in enumerate(docs, 1)
        ],
    )


def ours(docs: list[Row], folder: Path) -> Finder:
    """Return the best by our engine, for the words joined by OR and for the words as typed."""
    index = index_of(folder, docs)

    def find(text: str) -> Iterator[str]:
        for typed in (text, " OR ".join(word.folded for word in words(text))):
            for number in index.search(typed, feedback=True).ids[:DEPTH]:
                yield docs[number - 1]["id"]

    return find


def best_of(ranker: Ranker) -> Finder:
    """Return the best by another engine."""
    return lambda text: ranker.rank(text)[:DEPTH]


def main() -> None:
    """Print the pairs to judge, each query's by a hash: an order that says nothing."""
    docs, judged = rows("docs.jsonl"), grades()
    documents = collection.documents(HERE / "docs.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        peers = [best_of(Fts5(documents)), best_of(Tantivy(documents))]
        finders = [ours(docs, Path(folder)), *peers]
        for query in rows("queries.jsonl"):
            found = {(query["id"], doc) for find in finders for doc in find(query["text"])}
            for pair in sorted(found - judged.keys(), key=_shuffled):
                print(*pair, sep="\t")


def _shuffled(pair: tuple[str, str]) -> bytes:
    return hashlib.blake2b("/".join(pair).encode()).digest()


if __name__ == "__main__":
    main()
