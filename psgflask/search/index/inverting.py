"""Turns documents into a run: their terms in order, and of each the documents and the places.

All words of all documents are sorted at once, as numbers: no dictionary is filled word by word.
"""

import pickle
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.documents import SIDES, Document, content_hash
from psgflask.search.index import text_file
from psgflask.search.index.packed_arrays import ragged
from psgflask.search.language import analyse, raw_words, stem

Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

# What a run holds of each field: the terms, a line each; where each ends; how many documents and
# places each has; then the documents, the frequencies and the places of one term after the other.
FIELD = ("terms", "ends", "documents", "times", "numbers", "counts", "places")
# What it holds of its documents: what is stored, and the two texts each.
DOCUMENTS = ("stored", "texts", "text_ends")
END = b"\n"  # no word holds one
NONE = -1


def inverted(documents: Sequence[Document]) -> Arrays:
    """Return the arrays of a run by name; its documents are numbered by their places here."""
    vocabulary = _Vocabulary()
    numbers = [_read(vocabulary, (getattr(each, side) for each in documents)) for side in SIDES]
    words = _Words(vocabulary)
    sides = [words.placed(found, lengths) for found, lengths in numbers]
    languages = np.array([LANGUAGES.index(each.language) for each in documents], np.int64)
    arrays = _of_ids(documents)
    for side, text in zip(SIDES, sides, strict=True):
        arrays |= _field(f"{side}_exact", words.exact, *words.forms(text))
    for language, code in enumerate(LANGUAGES):
        mine = [np.flatnonzero(languages[text.owners] == language) for text in sides]
        used = [text.parts[places] for text, places in zip(sides, mine, strict=True)]
        terms, stems = words.stems(np.unique(np.concatenate(used)), code)
        for side, text, places, own in zip(SIDES, sides, mine, used, strict=True):
            arrays |= _field(f"{side}_{code}", terms, stems[own], places, text)
    return arrays | _of_documents(documents, words, *sides)


class _Vocabulary(dict[str, int]):
    """Numbers words as they come."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number

    def ranked(self) -> tuple[list[bytes], Ints]:
        """Return the words in order of their UTF-8, and the place of each number among them."""
        terms = [word.encode() for word in self]
        order = sorted(range(len(terms)), key=terms.__getitem__)
        ranks = np.empty(len(terms), np.int64)
        ranks[order] = np.arange(len(terms))
        return [terms[number] for number in order], ranks


@dataclass(frozen=True)
class _Side:
    """One side of all documents, word by word: which part of the vocabulary, whose, and where."""

    parts: Ints
    owners: Ints
    places: Ints
    lengths: Ints  # words of each document


class _Words:
    """What the words of a vocabulary are read as: parts, each with its exact terms."""

    def __init__(self, vocabulary: _Vocabulary) -> None:
        exact, widths = _Vocabulary(), []
        self.letters: list[str] = []
        folded, accented = [], []
        for each in vocabulary:
            found = analyse(each)
            widths.append(len(found))
            for word in found:
                self.letters.append(word.folded)
                folded.append(exact[word.folded])
                accented.append(exact[word.accented] if word.accented else NONE)
        self.exact, ranks = exact.ranked()
        self._widths = np.array(widths, np.int64)
        self._starts = np.cumsum(self._widths) - self._widths
        self._folded = ranks[np.array(folded, np.int64)]
        # A place more, so that NONE stays NONE.
        self._accented = np.append(ranks, NONE)[np.array(accented, np.int64)]

    def placed(self, typed_words: Ints, lengths: Ints) -> _Side:
        """Return a side of which `typed_words` are the numbers, `lengths` of them a document."""
        widths = self._widths[typed_words]
        found = ragged(self._starts[typed_words], widths)
        owners = np.repeat(np.repeat(np.arange(len(lengths)), lengths), widths)
        counts = np.bincount(owners, minlength=len(lengths))
        places = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
        return _Side(found, owners, places, counts)

    def forms(self, side: _Side) -> tuple[Ints, Ints, _Side]:
        """Return all exact terms, as ranks, and of which words of a side they are."""
        accented = self._accented[side.parts]
        more = np.flatnonzero(accented != NONE)
        ranks = np.concatenate((self._folded[side.parts], accented[more]))
        return ranks, np.concatenate((np.arange(len(side.parts)), more)), side

    def stems(self, used: Ints, language: str) -> tuple[list[bytes], Ints]:
        """Return the stems of these parts in order, and the rank of each part's own."""
        numbering = _Vocabulary()
        found = [numbering[stem(self.letters[part], language)] for part in used.tolist()]
        terms, ranks = numbering.ranked()
        stems = np.zeros(len(self.letters), np.int64)
        stems[used] = ranks[np.array(found, np.int64)]
        return terms, stems


def _read(vocabulary: _Vocabulary, found: Iterable[str]) -> tuple[Ints, Ints]:
    numbers, lengths = array("q"), array("q")
    for text in found:
        before = len(numbers)
        numbers.extend(map(vocabulary.__getitem__, raw_words(text)))
        lengths.append(len(numbers) - before)
    return np.array(numbers, np.int64), np.array(lengths, np.int64)


def _field(name: str, terms: list[bytes], ranks: Ints, words: Ints, side: _Side) -> Arrays:
    """Return the arrays of a field: `ranks` are terms, `words` the words of a side they are of."""
    # Words come by document and place, so that one number holds all that is sorted by.
    keys = np.sort(ranks << 32 | words)
    ranks, words = keys >> 32, keys & 0xFFFFFFFF
    owners = side.owners[words]
    postings = _starts((np.diff(ranks) != 0) | (np.diff(owners) != 0), len(keys))
    counts = np.diff(postings, append=len(keys))
    begins = _starts(np.diff(ranks[postings]) != 0, len(postings))
    first = postings[begins]
    held = [terms[rank] for rank in ranks[first].tolist()]
    return _named(
        name,
        held,
        documents=np.diff(begins, append=len(postings)),
        times=np.diff(first, append=len(keys)),
        numbers=owners[postings],
        counts=counts,
        places=side.places[words],
    )


def _starts(changes: NDArray[np.bool_], count: int) -> Ints:
    """Return where something begins: at first, and behind each change."""
    return np.concatenate(([0], np.flatnonzero(changes) + 1)) if count else np.zeros(0, np.int64)


def _named(name: str, terms: list[bytes], **rest: Ints) -> Arrays:
    blob = b"".join(term + END for term in terms)
    ends = np.array(list(accumulate(len(term) + 1 for term in terms)), np.uint32)
    arrays = {label: array.astype(np.uint32) for label, array in rest.items()}
    arrays |= {"terms": np.frombuffer(blob, np.uint8), "ends": ends}
    return {f"{name}.{label}": arrays[label] for label in FIELD}


def _of_ids(documents: Sequence[Document]) -> Arrays:
    """Return the arrays of the field that has neither frequencies nor places."""
    found = sorted((str(each.id).encode(), number) for number, each in enumerate(documents))
    empty = np.zeros(0, np.int64)
    return _named(
        "id",
        [term for term, _number in found],
        documents=np.ones(len(found), np.int64),
        times=np.zeros(len(found), np.int64),
        numbers=np.array([number for _term, number in found], np.int64),
        counts=empty,
        places=empty,
    )


def _of_documents(
    documents: Sequence[Document], words: _Words, title: _Side, body: _Side
) -> Arrays:
    ends = np.cumsum(title.lengths).tolist()
    letters = [words.letters[part] for part in title.parts.tolist()]
    stored = [
        _stored(document, letters[end - own : end], own + others)
        for document, end, own, others in zip(
            documents, ends, title.lengths.tolist(), body.lengths.tolist(), strict=True
        )
    ]
    encoded = [text for document in documents for text in text_file.encoded(document.body)]
    arrays = (
        np.frombuffer(pickle.dumps(stored, pickle.HIGHEST_PROTOCOL), np.uint8),
        np.frombuffer(b"".join(encoded), np.uint8),
        np.cumsum([0, *map(len, encoded)]),
    )
    return dict(zip(DOCUMENTS, arrays, strict=True))


def _stored(document: Document, title: list[str], words: int) -> dict[str, Any]:
    return {
        "id": document.id,
        "hash": content_hash(document),
        "language": document.language,
        "topics": document.topics,
        "issue": document.issue,
        "dated_from": document.dated_from.isoformat() if document.dated_from else None,
        "dated_to": document.dated_to.isoformat() if document.dated_to else None,
        "order": document.order_date.toordinal(),
        "words": words,
        "title_words": len(title),
        "title": " ".join(title),
    }
