"""Corrections measured: how often the right word comes first, and among the first three."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from psgflask.search.engine import spelling
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.language import fold, words
from tests.evaluation import collection
from tests.evaluation.collection import JudgedDocument, Unreadable

FIRST = 3


@dataclass(frozen=True)
class Corrections:
    """How many misspellings were tried, and how many came right."""

    name: str
    tried: int
    first: int
    among: int  # the first three

    @property
    def first_share(self) -> float:
        """The share of those whose first correction is right."""
        return self.first / self.tried

    @property
    def among_share(self) -> float:
        """The share of those with the right word among the first three."""
        return self.among / self.tried


def pairs(file: Path) -> list[tuple[str, frozenset[str]]]:
    """Return (misspelling, what it may stand for), folded, of a file with a header.

    Left out are pairs that fold alike, and those of more than one word. Raises Unreadable.
    """
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            found = list(_pairs(csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE)))
    except (OSError, ValueError, RuntimeError) as error:  # StopIteration within a generator
        raise Unreadable(f"{file} cannot be read: {error!r}") from error
    if not found:
        raise Unreadable(f"{file} holds no misspellings of single words")
    return found


def texts(folder: Path) -> list[JudgedDocument]:
    """Return the texts of a folder of docs.jsonl or articles.jsonl. Raises Unreadable."""
    for name in ("docs.jsonl", "articles.jsonl"):
        if (folder / name).exists():
            return collection.documents(folder / name)
    raise Unreadable(f"{folder} holds neither docs.jsonl nor articles.jsonl")


def missing(
    right: Iterable[frozenset[str]], documents: Iterable[JudgedDocument]
) -> list[JudgedDocument]:
    """Return one document with the right words that no other has."""
    known = {
        word.folded for document in documents for word in words(f"{document.title} {document.body}")
    }
    unknown = sorted({word for meant in right for word in meant} - known)
    return [JudgedDocument("right words", "", " ".join(unknown), "en")] if unknown else []


def measure(name: str, snapshot: Snapshot, tried: list[tuple[str, frozenset[str]]]) -> Corrections:
    """Correct each misspelling, though it be a word of the index."""
    ranked = [(spelling.corrections(snapshot, wrong, FIRST), right) for wrong, right in tried]
    return Corrections(
        name,
        len(tried),
        sum(bool(found and found[0] in right) for found, right in ranked),
        sum(not right.isdisjoint(found) for found, right in ranked),
    )


def _pairs(rows: "csv.DictReader[str]") -> Iterator[tuple[str, frozenset[str]]]:
    wrong, right = (
        next(name for name in rows.fieldnames or () if any(part in name for part in parts))
        for parts in (("missp",), ("correct",))
    )
    for row in rows:
        meant = {fold(each.strip()) for each in (row[right] or "").split(",")}
        meant = {each for each in meant if _is_word(each)}
        typed = fold(row[wrong])
        if _is_word(typed) and meant and typed not in meant:
            yield typed, frozenset(meant)


def _is_word(text: str) -> bool:
    return [word.folded for word in words(text)] == [text]
