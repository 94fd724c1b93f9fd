"""What memory holds of one segment of the index: its documents and its lexicon.

A segment never changes but for documents deleted from it, so that both are read once and serve
every later state of the index that has the segment still.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from psgflask.search.language import fold
from tests.search.reference.lexicon import Lexicon

SIDES = ("title", "body")


@dataclass(frozen=True, slots=True)
class Doc:
    """What the index stores of an article beside its words."""

    id: int
    language: str
    topics: tuple[int, ...]
    issue: int | None
    dated_from: date | None
    dated_to: date | None
    order: int  # of the day that it sorts by, as date.toordinal()
    words: int
    title_words: int
    title: str  # folded


class Segment:
    """One segment, as read through the reader `leaf` by which it was first seen."""

    def __init__(self, leaf: Any) -> None:
        self.docs: dict[int, Doc] = {
            number: _doc(stored["data"]) for number, stored in leaf.iter_docs()
        }
        self._lexicon: Lexicon | None = None

    def lexicon(self, leaf: Any) -> Lexicon:
        """Return the folded words of the segment; they are read when first asked for."""
        if self._lexicon is None:
            self._lexicon = _lexicon(leaf)
        return self._lexicon


def _lexicon(leaf: Any) -> Lexicon:
    counted: dict[str, int] = {}
    for side in SIDES:
        for encoded, info in leaf.iter_field(f"{side}_exact"):
            word = encoded.decode() if isinstance(encoded, bytes) else encoded
            # Accented forms, posted beside the folded ones, are left out.
            if word.isascii() or fold(word) == word:
                counted[word] = counted.get(word, 0) + int(info.doc_frequency())
    words = sorted(counted)
    return Lexicon(words, array("I", (counted[word] for word in words)))


def _doc(data: Mapping[str, Any]) -> Doc:
    return Doc(
        data["id"],
        data["language"],
        tuple(data["topics"]),
        data["issue"],
        _date(data["dated_from"]),
        _date(data["dated_to"]),
        data["order"],
        data["words"],
        data["title_words"],
        data["title"],
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
