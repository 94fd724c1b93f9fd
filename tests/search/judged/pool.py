"""Prints what is to be judged: the ten best of three engines for each query, in no engine's order.

    python -m tests.search.judged.pool > sheet.tsv

Each line is a query's id and a document's id that `qrels.tsv` does not hold yet. It wants tantivy
(`pip install tantivy`), which nothing else here needs.
"""

import hashlib
import importlib
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from psgflask.search.language import words
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


def fts5(docs: list[Row]) -> Finder:
    """Return the best by SQLite's full-text search."""
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE article USING fts5"
        "(id UNINDEXED, title, body, tokenize='porter unicode61')"
    )
    database.executemany("INSERT INTO article VALUES (:id, :title, :body)", docs)

    def find(text: str) -> Iterator[str]:
        wanted = " OR ".join(f'"{word.folded}"' for word in words(text))
        found = database.execute(
            "SELECT id FROM article WHERE article MATCH ? ORDER BY bm25(article) LIMIT ?",
            (wanted, DEPTH),
        )
        return (row[0] for row in found)

    return find


def tantivy(docs: list[Row]) -> Finder:
    """Return the best by tantivy."""
    engine = importlib.import_module("tantivy")  # by name: it is installed for this alone
    schema = engine.SchemaBuilder()
    schema.add_text_field("id", stored=True, tokenizer_name="raw")
    for field in ("title", "body"):
        schema.add_text_field(field, tokenizer_name="en_stem")
    index = engine.Index(schema.build())
    writer = index.writer(num_threads=1)  # so that ties fall the same way each time
    for each in docs:
        writer.add_document(engine.Document(id=each["id"], title=each["title"], body=each["body"]))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def find(text: str) -> Iterator[str]:
        query = index.parse_query(text.replace('"', ""), ["title", "body"])
        for _score, address in searcher.search(query, DEPTH).hits:
            yield searcher.doc(address)["id"][0]

    return find


def main() -> None:
    """Print the pairs to judge, each query's by a hash: an order that says nothing."""
    docs, judged = rows("docs.jsonl"), grades()
    with tempfile.TemporaryDirectory() as folder:
        finders = [ours(docs, Path(folder)), fts5(docs), tantivy(docs)]
        for query in rows("queries.jsonl"):
            found = {(query["id"], doc) for find in finders for doc in find(query["text"])}
            for pair in sorted(found - judged.keys(), key=_shuffled):
                print(*pair, sep="\t")


def _shuffled(pair: tuple[str, str]) -> bytes:
    return hashlib.blake2b("/".join(pair).encode()).digest()


if __name__ == "__main__":
    main()
