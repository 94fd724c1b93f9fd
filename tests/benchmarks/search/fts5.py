"""SQLite FTS5: the articles in a table, the index beside it, facets by grouping what was found."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psgflask.search.documents import Document
from tests.benchmarks.search.questions import Question, Unsupported

LACKING = frozenset({"likeness", "misspelt"})  # it knows no words like another

_FACETS = """
WITH found AS MATERIALIZED (
  SELECT papers.rowid AS number FROM papers {joined} WHERE papers MATCH ? {dated})
SELECT 'total', 0, count(*) FROM found
UNION ALL SELECT 'topic', topic, count(*) FROM found
  JOIN about ON about.number = found.number GROUP BY topic
UNION ALL SELECT 'year', year, count(*) FROM found
  JOIN plain ON plain.number = found.number GROUP BY year
UNION ALL SELECT 'language', language, count(*) FROM found
  JOIN plain ON plain.number = found.number GROUP BY language
"""
# In two steps: with all columns in one statement each row found is read before they are sorted.
_BEST = (
    "SELECT papers.rowid FROM papers {joined} WHERE papers MATCH ? {dated} ORDER BY rank LIMIT 10"
)
_SHOWN = """
SELECT plain.number, highlight(papers, 0, '<mark>', '</mark>'), plain.dated,
  snippet(papers, 1, '<mark>', '</mark>', '…', 40)
FROM papers JOIN plain ON plain.number = papers.rowid
WHERE papers MATCH ? AND papers.rowid IN ({ids})
"""


class Fts5:
    """One connection that stays open."""

    name = "FTS5"

    def __init__(self, folder: Path, documents: Sequence[Document]) -> None:
        file = folder / "fts5.sqlite"
        is_new = not file.exists()
        self._base = sqlite3.connect(file)
        self._base.execute("PRAGMA mmap_size = 8000000000")
        self._base.execute("PRAGMA cache_size = -65536")
        if is_new:
            _build(self._base, documents)

    def page(self, question: Question) -> Any:
        """Return all that a page of results shows."""
        if question.kind in LACKING:
            raise Unsupported
        asked = _asked(question)
        is_dated = question.kind == "dates"
        dated = f"AND plain.year >= {question.since}" if is_dated else ""
        joined = "JOIN plain ON plain.number = papers.rowid" if is_dated else ""
        best = self._base.execute(_BEST.format(dated=dated, joined=joined), (asked,)).fetchall()
        ids = ", ".join(str(number) for (number,) in best)
        hits = self._base.execute(_SHOWN.format(ids=ids), (asked,)).fetchall()
        facets = self._base.execute(_FACETS.format(dated=dated, joined=joined), (asked,))
        return hits, facets.fetchall()


def _asked(question: Question) -> str:
    words = [f'"{word}"' for word in question.words]
    match question.kind:
        case "or":
            return " OR ".join(words)
        case "phrase":
            return f'"{" ".join(question.words)}"'
        case "prefix":
            return f"{words[0]}*"
        case "boolean":
            return f"({words[0]} OR {words[1]}) NOT {words[2]}"
    return " AND ".join(words)


def _build(base: sqlite3.Connection, documents: Sequence[Document]) -> None:
    base.executescript(
        """
        CREATE TABLE plain (number INTEGER PRIMARY KEY, title TEXT, body TEXT, dated TEXT,
                            year INTEGER, language TEXT);
        CREATE TABLE about (number INTEGER, topic INTEGER, PRIMARY KEY (number, topic))
          WITHOUT ROWID;
        CREATE VIRTUAL TABLE papers USING fts5(title, body, content='plain',
          content_rowid='number', prefix='3 4', tokenize='porter unicode61 remove_diacritics 2');
        """
    )
    rows = map(_row, documents)
    base.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?)", rows)
    links = ((d.id, topic) for d in documents for topic in d.topics)
    base.executemany("INSERT INTO about VALUES (?, ?)", links)
    base.execute("INSERT INTO papers(papers) VALUES ('rebuild')")
    base.execute("INSERT INTO papers(papers) VALUES ('optimize')")
    base.commit()
    base.execute("ANALYZE")
    base.commit()


def _row(document: Document) -> tuple[object, ...]:
    day = document.dated_from
    return (
        document.id,
        document.title,
        document.body,
        str(day or ""),
        day and day.year,
        document.language,
    )
