"""Judged collections: folders of docs.jsonl, queries.jsonl and qrels.tsv."""

import csv
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from psgflask.core.language_names import LANGUAGES


class Unreadable(ValueError):
    """A folder holds no judged collection; the message says what is wrong."""


@dataclass(frozen=True)
class JudgedDocument:
    """One document of a collection; those without a language are English."""

    key: str
    title: str
    body: str
    language: str


@dataclass(frozen=True)
class JudgedQuery:
    """One query of a collection."""

    key: str
    text: str
    language: str


@dataclass(frozen=True)
class Collection:
    """Documents, queries, and grades by query and document (greater is more relevant)."""

    name: str
    documents: tuple[JudgedDocument, ...]
    queries: tuple[JudgedQuery, ...]
    grades: Mapping[str, Mapping[str, int]]


def read(folder: Path) -> Collection:
    """Read a folder. Raises Unreadable."""
    try:
        found = documents(folder / "docs.jsonl")
        queries = [
            JudgedQuery(row["id"], row["text"], _language(row))
            for row in _rows(folder / "queries.jsonl")
        ]
        grades: dict[str, dict[str, int]] = {}
        with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as opened:
            for row in csv.DictReader(opened, delimiter="\t"):
                grades.setdefault(row["qid"], {})[row["docid"]] = int(row["rel"])
    except OSError as error:
        raise Unreadable(f"{error.filename}: {error.strerror}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise Unreadable(f"{folder} holds something else than expected: {error!r}") from error
    answered = tuple(each for each in queries if any(grades.get(each.key, {}).values()))
    if not (found and answered):
        raise Unreadable(f"{folder} holds no documents, or no query with a relevant one")
    return Collection(folder.name, tuple(found), answered, grades)


def documents(file: Path) -> list[JudgedDocument]:
    """Read documents, one JSON object a line. Raises Unreadable, OSError."""
    try:
        return [
            JudgedDocument(row["id"], row.get("title", ""), row.get("body", ""), _language(row))
            for row in _rows(file)
        ]
    except (KeyError, ValueError, AttributeError) as error:
        raise Unreadable(f"{file} holds something else than expected: {error!r}") from error


def parts(whole: Collection) -> Iterator[Collection]:
    """Yield a collection as it is measured.

    Where each query has its answers in its own language alone, that is each language by itself,
    Spanish queries without their accents too, and then the queries of each language over all
    documents; else the whole.
    """
    spoken = [each for each in LANGUAGES if any(q.language == each for q in whole.queries)]
    languages = {document.key: document.language for document in whole.documents}
    apart = len(spoken) > 1 and all(
        languages.get(key) == query.language
        for query in whole.queries
        for key, grade in whole.grades[query.key].items()
        if grade
    )
    if not apart:
        yield whole
        return
    for language in spoken:
        own = replace(
            whole,
            name=f"{whole.name} {language}",
            documents=tuple(
                document for document in whole.documents if document.language == language
            ),
            queries=_of(whole.queries, language),
        )
        yield own
        if language == "es":
            bare = tuple(replace(each, text=_bare(each.text)) for each in own.queries)
            yield replace(own, name=f"{own.name}, no accents", queries=bare)
    for language in spoken:
        both = f"{whole.name} both, {language}"
        yield replace(whole, name=both, queries=_of(whole.queries, language))


def _of(queries: Iterable[JudgedQuery], language: str) -> tuple[JudgedQuery, ...]:
    return tuple(query for query in queries if query.language == language)


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as opened:
        for line in opened:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a line that is no object")  # reported as the others
            yield {key: str(value) for key, value in row.items()}


def _language(row: Mapping[str, str]) -> str:
    language = row.get("lang", row.get("language", LANGUAGES[0]))
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r}")
    return language
