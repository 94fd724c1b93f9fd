"""The engines that ours is measured against: SQLite's FTS5, and tantivy where it is installed."""

import importlib
import sqlite3
from collections.abc import Sequence
from typing import Any

from psgflask.search.language import located_words
from tests.evaluation.collection import JudgedDocument

ALL = 1_000_000


class PeerMissing(RuntimeError):
    """A peer is not installed; the message says how to install it."""


class Fts5:
    """SQLite's own search: porter stems, bm25, title and body as columns."""

    name = "FTS5"

    def __init__(self, documents: Sequence[JudgedDocument]) -> None:
        self._keys = [document.key for document in documents]
        self._base = sqlite3.connect(":memory:")
        self._base.execute(
            "CREATE VIRTUAL TABLE documents USING fts5(title, body, tokenize='porter unicode61')"
        )
        rows = ((number, p.title, p.body) for number, p in enumerate(documents, 1))
        self._base.executemany("INSERT INTO documents(rowid, title, body) VALUES (?, ?, ?)", rows)

    def rank(self, text: str) -> list[str]:
        """Return the keys of the documents with any word of a text, best first."""
        asked = " OR ".join(_quoted(text))
        if not asked:
            return []
        rows = self._base.execute(
            "SELECT rowid FROM documents WHERE documents MATCH ? ORDER BY rank, rowid", (asked,)
        )
        return [self._keys[number - 1] for (number,) in rows]


class Tantivy:
    """tantivy: English stems, title and body as fields."""

    name = "tantivy"

    def __init__(self, documents: Sequence[JudgedDocument]) -> None:
        try:
            tantivy = importlib.import_module("tantivy")  # of the optional group "bench"
        except ImportError as error:
            raise PeerMissing(
                "tantivy is not installed: python3 requirements/install.py bench"
            ) from error
        self._keys = [document.key for document in documents]
        schema = tantivy.SchemaBuilder()
        for field in ("title", "body"):
            schema.add_text_field(field, tokenizer_name="en_stem")
        schema.add_integer_field("number", stored=True)
        self._index: Any = tantivy.Index(schema.build())
        writer = self._index.writer(100_000_000, num_threads=1)
        for number, document in enumerate(documents):
            writer.add_document(
                tantivy.Document(number=number, title=document.title, body=document.body)
            )
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher: Any = self._index.searcher()

    def rank(self, text: str) -> list[str]:
        """Return the keys of the documents with any word of a text, best first."""
        asked = " ".join(_quoted(text))
        if not asked:
            return []
        query = self._index.parse_query(asked, ["title", "body"])
        found = self._searcher.search(query, min(ALL, len(self._keys))).hits
        return [self._keys[self._searcher.doc(at)["number"][0]] for _score, at in found]


def _quoted(text: str) -> list[str]:
    """Return each word as typed, in quotation marks, so that none is an operator."""
    return [f'"{text[begin:end]}"' for begin, end, _word in located_words(text)]
