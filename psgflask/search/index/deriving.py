"""Makes the columns of a segment from Whoosh's files."""

from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.durable import atomic_write
from psgflask.core.language_names import LANGUAGES
from psgflask.search.documents import SIDES
from psgflask.search.index import codec, columns, forward, packed_arrays, signatures
from psgflask.search.index.codec import WIDTH
from psgflask.search.index.columns import COLUMNS, EXACT, FORWARD, KINDS, MAKE, Columns
from psgflask.search.index.protocol import IndexBroken


def derive_once(leaf: Any, folder: Path) -> None:
    """Write the columns of a segment unless they are there, right or wrong."""
    name = leaf.segment().segment_id()
    if not all((folder / f"{name}{suffix}").exists() for suffix in columns.SUFFIXES):
        derive(leaf, folder)


def derive(leaf: Any, folder: Path) -> None:
    """Write the columns of a segment, read through one of a reader's `leaf_readers()`.

    Raises IndexBroken where the segment is not as it was written; OSError.
    """
    try:
        _derive(leaf, folder)
    except (IndexBroken, OSError):
        raise
    except Exception as error:  # damaged files make readers raise anything
        raise IndexBroken(f"Nothing can be derived of the segment: {error!r}") from error


def _derive(leaf: Any, folder: Path) -> None:
    name = leaf.segment().segment_id()
    count = leaf.doc_count_all()
    arrays = _of_documents(leaf, count)
    postings = leaf._terms._postfile.fileno()
    lexicons = {kind: _lexicon(leaf, kind) for kind in KINDS}
    stems = [lexicons[language] for language in LANGUAGES]
    pairs, arrays["starts"] = forward.of_lexicons(stems, postings, count)
    for kind, lexicon in lexicons.items():
        arrays |= {f"{kind}_{label}": array for label, array in lexicon.items()}
    exact = lexicons[EXACT]
    likeness = signatures.of_words(exact["blob"].tobytes(), exact["ends"])
    arrays |= {f"like_{label}": array for label, array in likeness.items()}
    narrowed = {label: _narrow(array) for label, array in arrays.items()}
    narrowed[MAKE] = columns.made_for(pairs)
    atomic_write(folder / f"{name}{FORWARD}", pairs)
    atomic_write(folder / f"{name}{COLUMNS}", packed_arrays.pack(narrowed))


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Return 64-bit numbers as 32-bit ones where they fit: half the memory."""
    wide = array.dtype == np.int64 and len(array) and np.abs(array).max() > np.iinfo(np.int32).max
    return array if wide or array.dtype != np.int64 else array.astype(np.int32)


def _of_documents(leaf: Any, count: int) -> dict[str, Any]:
    arrays = {field.name: np.zeros(count, np.int64) for field in fields(Columns)[:8]}
    hashes = np.zeros(count, np.int64)
    topics, years = _Codes(count), _Codes(count)
    # Of deleted ones too: counts are reduced by their columns.
    for number in range(count):
        data = leaf.stored_fields(number)["data"]
        first, last = _day(data["dated_from"]), _day(data["dated_to"])
        language = LANGUAGES.index(data["language"])
        arrays["ids"][number] = data["id"]
        arrays["order"][number] = data["order"]
        arrays["first"][number], arrays["last"][number] = first, last
        arrays["language"][number] = language
        arrays["issue"][number] = -1 if data["issue"] is None else data["issue"]
        arrays["words"][number] = data["words"]
        arrays["title_words"][number] = data["title_words"]
        hashes[number] = columns.title_hash(data["title"])
        topics.put(number, tuple(sorted(set(data["topics"]))))
        years.put(number, (_year(first) << 32 | _year(last) << 1 | language,))
    arrays["titled"] = np.argsort(hashes, kind="stable")
    arrays["title_hashes"] = hashes[arrays["titled"]]
    arrays["topic_set"], arrays["sets"], arrays["set_starts"] = topics.arrays()
    arrays["span"], arrays["spans"], _starts = years.arrays()
    return arrays


class _Codes:
    """A number for each tuple of numbers that some document has."""

    def __init__(self, count: int) -> None:
        self._codes = np.zeros(count, np.int64)
        self._seen: dict[tuple[int, ...], int] = {}

    def put(self, number: int, values: tuple[int, ...]) -> None:
        self._codes[number] = self._seen.setdefault(values, len(self._seen))

    def arrays(self) -> tuple[Any, Any, Any]:
        """Return each document's code, all values one code after the other, and their starts."""
        flat = np.array([value for each in self._seen for value in each], np.int64)
        return self._codes, flat, np.cumsum([0, *map(len, self._seen)])


def _day(text: str | None) -> int:
    return date.fromisoformat(text).toordinal() if text else 0


def _year(day: int) -> int:
    return date.fromordinal(day).year if day else 0


def _lexicon(leaf: Any, kind: str) -> dict[str, Any]:
    """Return the arrays of a `Lexicon` by name."""
    found = {side: codec.terms_of(leaf, f"{side}_{kind}") for side in SIDES}
    terms = sorted(set().union(*(there for there, _infos in found.values())))
    ranks = dict(zip(terms, range(len(terms)), strict=True))
    counted = 0 if kind == EXACT else len(terms)
    arrays: dict[str, Any] = {
        "blob": np.frombuffer(b"".join(terms), np.uint8),
        "ends": np.cumsum([0, *map(len, terms)]),
        "n": np.zeros(counted, np.int64),
        "f": np.zeros(counted, np.int64),
    }
    for side, (there, infos) in found.items():
        own = np.fromiter(map(ranks.__getitem__, there), np.int64)
        documents = infos["documents"].astype(np.int64)
        times = infos["bytes"] // WIDTH - 2 * documents
        for label, values in (("at", infos["at"]), ("documents", documents), ("times", times)):
            arrays[f"{side}_{label}"] = np.zeros(len(terms), np.int64)
            arrays[f"{side}_{label}"][own] = values
    return arrays
