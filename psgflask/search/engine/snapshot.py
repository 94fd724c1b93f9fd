"""One state of the index, held in memory as far as plain evaluation needs it.

Postings are read through Whoosh, below which deleted documents are left out; statistics are
those of live documents alone. Sets of documents are integers used as bit sets.
"""

import heapq
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from psgflask.search.language import fold

# Numbers (one a posting) that a snapshot may keep of the postings that it has read.
MOST_KEPT = 3_000_000
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
    order: int
    words: int
    title_words: int
    title: str


class Snapshot:
    """The documents, lengths and postings of one state of the index."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        # Whoever reads it last lets the files go, in whichever thread that is.
        weakref.finalize(self, reader.close)
        self.docs: dict[int, Doc] = {
            number: _doc(fields["data"]) for number, fields in reader.iter_docs()
        }
        self.everything = bits(self.docs)
        self.count = len(self.docs)
        titled = [doc.title_words for doc in self.docs.values() if doc.title_words]
        self.mean_words = _mean([doc.words for doc in self.docs.values()])
        self.mean_title_words = _mean(titled)
        self._kept: OrderedDict[tuple[str, str, bool], dict[int, Any]] = OrderedDict()
        self._size = 0
        self._lock = threading.RLock()
        self._lexicon: dict[str, int] | None = None

    def frequencies(self, field: str, term: str) -> Mapping[int, int]:
        """Return document -> how often a term stands in a field."""
        return self._postings(field, term, positions=False)

    def positions(self, field: str, term: str) -> Mapping[int, list[int]]:
        """Return document -> the places of a term in a field."""
        return self._postings(field, term, positions=True)

    def lexicon(self) -> Mapping[str, int]:
        """Return folded word -> an upper bound of the documents that hold it.

        The accented forms, posted beside the folded ones, are left out.
        """
        with self._lock:
            if self._lexicon is None:
                self._lexicon = self._read_lexicon()
            return self._lexicon

    def documents_with(self, folded: str) -> int:
        """Return in how many live documents a folded word stands, in title or body."""
        found: set[int] = set()
        for side in SIDES:
            found.update(self.frequencies(f"{side}_exact", folded))
        return len(found)

    def commonest(self, words: Iterable[str], most: int) -> list[str]:
        """Return the words in most documents, then alphabetical."""
        bound = self.lexicon()
        # The bound is never below the true number, so the first few by it hold the winners
        # unless very many are tied; twice as many keeps the work within limits.
        near = heapq.nsmallest(2 * most, words, key=lambda word: (-bound[word], word))
        return sorted(near, key=lambda word: (-self.documents_with(word), word))[:most]

    def _read_lexicon(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for side in SIDES:
            for field, info in self.reader.iter_field(f"{side}_exact"):
                word = field.decode() if isinstance(field, bytes) else field
                counted[word] = counted.get(word, 0) + int(info.doc_frequency())
        return {word: count for word, count in counted.items() if fold(word) == word}

    def _postings(self, field: str, term: str, *, positions: bool) -> dict[int, Any]:
        key = (field, term, positions)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            found = self._read(field, term, positions=positions)
            self._kept[key] = found
            self._size += len(found) + 1
            while self._size > MOST_KEPT and len(self._kept) > 1:
                _old, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped) + 1
            return found

    def _read(self, field: str, term: str, *, positions: bool) -> dict[int, Any]:
        encoded = term.encode()
        if (field, encoded) not in self.reader:
            return {}
        matcher = self.reader.postings(field, encoded)
        found: dict[int, Any] = {}
        while matcher.is_active():
            number = matcher.id()
            if number in self.docs:
                if positions:
                    found[number] = matcher.value_as("positions")
                else:
                    found[number] = round(matcher.weight())
            matcher.next()
        return found


def bits(numbers: Iterable[int]) -> int:
    """Return a set of document numbers as an integer."""
    listed = list(numbers)
    if not listed:
        return 0
    field = bytearray(max(listed) // 8 + 1)
    for number in listed:
        field[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(field, "little")


def members(chosen: int) -> list[int]:
    """Return the document numbers of a bit set, ascending."""
    found = []
    for place, byte in enumerate(chosen.to_bytes((chosen.bit_length() + 7) // 8, "little")):
        if byte:
            base = place << 3
            found += [base + bit for bit in range(8) if byte >> bit & 1]
    return found


def _mean(numbers: list[int]) -> float:
    return sum(numbers) / len(numbers) if numbers else 1.0


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
