"""tantivy: one merged segment, a searcher that stays, facets by aggregation over fast fields."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psgflask.search.documents import Document
from tests.benchmarks.search.questions import Question

FIELDS = ["title", "body"]
FACETS = {name: {"terms": {"field": name, "size": 500}} for name in ("topic", "year", "language")}


class Tantivy:
    """An index in a folder."""

    name = "tantivy"

    def __init__(self, folder: Path, documents: Sequence[Document]) -> None:
        self._library: Any = importlib.import_module("tantivy")
        self._schema = self._make_schema()
        place = folder / "tantivy"
        if not place.exists():
            self._build(place, documents)
        self._index = self._library.Index.open(str(place))
        self._index.reload()
        self._searcher = self._index.searcher()

    def page(self, question: Question) -> Any:
        """Return all that a page of results shows."""
        query = self._query(question)
        found = self._searcher.search(query, 10, count=True)
        make = self._library.SnippetGenerator.create
        marker = make(self._searcher, query, self._schema, "body")
        marker.set_max_num_chars(240)
        titles = make(self._searcher, query, self._schema, "title")
        titles.set_max_num_chars(500)
        hits = []
        for _score, address in found.hits:
            document = self._searcher.doc(address)
            snippet = marker.snippet_from_doc(document).to_html()
            title = titles.snippet_from_doc(document).to_html()
            hits.append((title or document["title"][0], document["dated"][0], snippet))
        return found.count, hits, self._searcher.aggregate(query, FACETS)

    def _query(self, question: Question) -> Any:
        words = question.words
        match question.kind:
            case "or":
                text = " OR ".join(words)
            case "phrase":
                text = f'"{" ".join(words)}"'
            case "prefix":
                return self._prefix(words[0])
            case "likeness" | "misspelt":
                return self._near(
                    words[0], 2 if len(words[0]) >= 8 and question.kind == "likeness" else 1
                )
            case "boolean":
                text = f"+({words[0]} OR {words[1]}) -{words[2]}"
            case "dates":
                text = f"({' AND '.join(words)}) AND year:[{question.since} TO 9999]"
            case _:
                text = " AND ".join(words)
        return self._index.parse_query(text, FIELDS)

    def _prefix(self, beginning: str) -> Any:
        queries = [
            self._library.Query.regex_query(self._schema, f, f"{beginning}.*") for f in FIELDS
        ]
        return self._any(queries)

    def _near(self, word: str, edits: int) -> Any:
        make = self._library.Query.fuzzy_term_query
        return self._any([make(self._schema, field, word, distance=edits) for field in FIELDS])

    def _any(self, queries: list[Any]) -> Any:
        should = self._library.Occur.Should
        return self._library.Query.boolean_query([(should, query) for query in queries])

    def _make_schema(self) -> Any:
        schema = self._library.SchemaBuilder()
        for field in FIELDS:
            schema.add_text_field(field, stored=True, tokenizer_name="en_stem")
        schema.add_text_field("dated", stored=True, tokenizer_name="raw")
        schema.add_text_field("language", fast=True, tokenizer_name="raw")
        schema.add_unsigned_field("year", fast=True, indexed=True)
        schema.add_unsigned_field("topic", fast=True, indexed=True)
        return schema.build()

    def _build(self, place: Path, documents: Sequence[Document]) -> None:
        place.mkdir()
        writer = self._library.Index(self._schema, path=str(place)).writer(
            1_000_000_000, num_threads=1
        )
        for each in documents:
            document = self._library.Document(
                title=each.title,
                body=each.body,
                dated=str(each.dated_from or ""),
                language=each.language,
            )
            if each.dated_from:
                document.add_unsigned("year", each.dated_from.year)
            for topic in each.topics:
                document.add_unsigned("topic", topic)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
