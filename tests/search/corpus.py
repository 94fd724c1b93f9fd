"""Makes indexes of documents written in a test, without a database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psgflask.search.documents import Document
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import SearchOptions, SearchResults
from psgflask.search.index.store import Store
from psgflask.search.query.expansion import ConceptTerm, Glossary, expand
from psgflask.search.query.parsing import parse

NOW = datetime(2018, 7, 20, 12, 0, tzinfo=UTC)


def document(number: int, title: str, body: str = "", **said: Any) -> Document:
    """Return a document in English, undated, on no topic, unless `said` otherwise.

    `dated` is a day, or the first and the last day.
    """
    dated = said.pop("dated", None)
    first, last = dated if isinstance(dated, tuple) else (dated, dated)
    given = {"language": "en", "topics": (), "issue": None, **said}
    return Document(
        id=number,
        title=title,
        body=body,
        dated_from=first,
        dated_to=last,
        order_date=last or date.min,
        **given,
    )


def glossary(*concepts: str) -> Glossary:
    """Return a glossary: `"en prior consultation | es consulta previa"`, `"en,es EIA | ..."`."""

    def term(said: str) -> ConceptTerm:
        languages, _space, text = said.strip().partition(" ")
        return ConceptTerm(text, frozenset(languages.split(",")))

    return Glossary([[term(said) for said in concept.split("|")] for concept in concepts])


class Index:
    """An index in a folder, and the engine that searches it, by a glossary if it has one."""

    glossary = Glossary()

    def __init__(self, folder: Path, documents: Iterable[Document] = ()) -> None:
        self.store = Store(folder / "index")
        self.store.rebuild(list(documents), late=lambda ids: ([], []))
        self.engine = ArrayEngine(self.store)

    def change(self, changed: Sequence[Document], removed: Sequence[int] = ()) -> None:
        """Commit changes, as the indexer does."""
        held = self.store.writing(wait=True)
        assert held is not None
        with held:
            self.store.apply(changed, removed)

    def search(self, q: str, *, interface: str = "en", **said: Any) -> SearchResults:
        """Search as a reader of a page does, but without recency and feedback."""
        ask = SearchOptions(**{"now": NOW, "recency": False, "feedback": False, **said})
        query = expand(parse(q, interface=interface), self.glossary, ask.language)
        return self.engine.search(query, ask)

    def ids(self, q: str, **said: Any) -> list[int]:
        """Return the ids found, in order."""
        return list(self.search(q, **said).ids)
