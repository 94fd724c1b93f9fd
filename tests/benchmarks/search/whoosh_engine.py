"""Plain Whoosh: its own analysis, writer, searcher, facets and highlights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from whoosh import analysis, fields, highlight, query, sorting
from whoosh.filedb.filestore import FileStorage

from psgflask.search.documents import Document
from tests.benchmarks.search.questions import Question


class Whoosh:
    """An index in a folder, one segment."""

    name = "plain Whoosh"
    once = True  # it takes long enough

    def __init__(self, folder: Path, documents: Sequence[Document]) -> None:
        place = folder / "whoosh"
        if not place.exists():
            build(place, documents)
        self._index = FileStorage(place).open_index()
        self._searcher = self._index.searcher()
        self._stem = analysis.StemFilter()

    def page(self, question: Question) -> Any:
        """Return all that a page of results shows."""
        asked = self._asked(question)
        facets = {"year": "year", "language": "language"}
        grouped: Any = {name: sorting.FieldFacet(field) for name, field in facets.items()}
        grouped["topic"] = sorting.FieldFacet("topic", allow_overlap=True)
        found = self._searcher.search(asked, limit=10, groupedby=grouped)
        found.fragmenter = highlight.ContextFragmenter(maxchars=240)
        hits = [(hit["title"], hit["dated"], hit.highlights("body", top=1)) for hit in found[:10]]
        counts = {
            name: {key: len(numbers) for key, numbers in found.groups(name).items()}
            for name in grouped
        }
        return len(found), hits, counts

    def _asked(self, question: Question) -> Any:
        words = question.words
        if question.kind == "misspelt":
            corrector = self._searcher.corrector("body")
            words = tuple(corrector.suggest(words[0], limit=1, maxdist=1)) or words
        clauses = [self._either(word) for word in words]
        match question.kind:
            case "or":
                return query.Or(clauses)
            case "phrase":
                return query.Or(
                    [
                        query.Phrase(field, list(map(self._stemmed, words)))
                        for field in ("title", "body")
                    ]
                )
            case "prefix":
                return query.Or([query.Prefix(field, words[0]) for field in ("title", "body")])
            case "likeness":
                return query.Or(
                    [query.FuzzyTerm(f, words[0], maxdist=1) for f in ("title", "body")]
                )
            case "boolean":
                return query.And([query.Or(clauses[:2]), query.Not(clauses[2])])
            case "dates":
                return query.And([*clauses, query.NumericRange("year", question.since, 9999)])
        return query.And(clauses)

    def _either(self, word: str) -> Any:
        stemmed = self._stemmed(word)
        return query.Or([query.Term("title", stemmed), query.Term("body", stemmed)])

    def _stemmed(self, word: str) -> str:
        token = analysis.Token(text=word, stopped=False, mode="query")
        return str(next(iter(self._stem([token]))).text)


def build(place: Path, documents: Sequence[Document]) -> None:
    """Write an index with Whoosh's own writer."""
    place.mkdir(parents=True)
    text = analysis.StemmingAnalyzer()
    schema = fields.Schema(
        title=fields.TEXT(analyzer=text, stored=True),
        body=fields.TEXT(analyzer=text, stored=True),
        dated=fields.STORED(),
        language=fields.ID(sortable=True),
        year=fields.NUMERIC(sortable=True),
        topic=fields.KEYWORD(),
    )
    writer = FileStorage(place).create_index(schema).writer(limitmb=256)
    for each in documents:
        writer.add_document(
            title=each.title,
            body=each.body,
            dated=str(each.dated_from or ""),
            language=each.language,
            year=each.dated_from.year if each.dated_from else 0,
            topic=" ".join(map(str, each.topics)),
        )
    writer.commit(optimize=True)
