"""Columns: what evaluation reads of a segment, as plain arrays derived from Whoosh's own files.

Beside each segment lie `<segment>.npz` (columns of its documents, and its lexicons with the place
of each term's postings) and `<segment>.forward` (document -> its stems). Both hold nothing that
the segment does not: whoever finds them missing, torn or of another make derives them anew.
"""

import contextlib
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.durable import write_whole
from psgflask.search.index import forward
from psgflask.search.index.codec import WIDTH
from psgflask.search.index.documents import SCHEMA_VERSION
from psgflask.search.index.generations import IndexBroken
from psgflask.search.index.schema import LANGUAGES, SIDES

EXACT = "exact"
KINDS = (*LANGUAGES, EXACT)
SUFFIXES = COLUMNS, FORWARD = ".npz", ".forward"
# Grows with every change of what is derived, or how.
VERSION = 2

Ints = NDArray[np.int64]  # on disk and in memory as 32 bits where that is enough


@dataclass(frozen=True)
class Run:
    """Where the postings of each term of a lexicon lie on one side (title or body)."""

    at: Ints  # bytes from the start of the segment's file of postings
    documents: Ints  # how many documents; 0 where the term is not on this side
    times: Ints  # how often in all


@dataclass(frozen=True)
class Lexicon:
    """The terms of one kind in order of their UTF-8, and what is known of each.

    `n` and `f` are, with deleted documents, how many documents have the term in title or body and
    the sum of min(x, 5) over them; of exact words they are 0: those are counted when asked for.
    """

    blob: bytes
    ends: Ints  # where each term begins, and at last where the blob ends
    body: Run
    title: Run
    n: Ints
    f: Ints


@dataclass(frozen=True)
class Columns:
    """The documents of a segment by their number in it; those deleted may be all zeros.

    Days are `date.toordinal()`, 0 for none; `order` is the day an article sorts by. `starts` is
    where each document's pairs begin in the forward file, in pairs, and at last their number.
    """

    ids: Ints
    order: Ints
    first: Ints
    last: Ints
    language: Ints  # place in LANGUAGES
    issue: Ints  # -1 for none
    words: Ints
    title_words: Ints
    title_hash: Ints
    topic_set: Ints  # which of the sets of topics below
    sets: Ints  # the topics of all sets, one set after the other
    set_starts: Ints
    starts: Ints
    lexicons: dict[str, Lexicon]


def title_hash(folded: str) -> int:
    """Return 64 bits of a folded title by which it is told from others; never 0 but for none."""
    if not folded:
        return 0
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest(), "little") >> 1


def of_segment(leaf: Any, folder: Path) -> tuple[Columns, Path]:
    """Return a segment's columns and its forward file; derive what is not there. Raises OSError."""
    name = leaf.segment().segment_id()
    kept = _load(folder / f"{name}{COLUMNS}", folder / f"{name}{FORWARD}")
    if kept is None:
        derive(leaf, folder)
        kept = _load(folder / f"{name}{COLUMNS}", folder / f"{name}{FORWARD}")
        if kept is None:
            raise IndexBroken(f"The columns of {name} cannot be kept")
    return kept, folder / f"{name}{FORWARD}"


def derive_once(leaf: Any, folder: Path) -> None:
    """Derive the columns of a segment unless they are there, right or wrong. Raises OSError."""
    name = leaf.segment().segment_id()
    if not all((folder / f"{name}{suffix}").exists() for suffix in SUFFIXES):
        derive(leaf, folder)


def derive(leaf: Any, folder: Path) -> None:
    """Write the columns of a segment, read through one of a reader's `leaf_readers()`."""
    name = leaf.segment().segment_id()
    count = leaf.doc_count_all()
    arrays = _of_documents(leaf, count)
    postings = leaf._terms._postfile.fileno()
    lexicons = {kind: _lexicon(leaf, kind) for kind in KINDS}
    stems = [lexicons[language] for language in LANGUAGES]
    pairs, arrays["starts"] = forward.of_lexicons(stems, postings, count)
    for kind, lexicon in lexicons.items():
        arrays |= {f"{kind}_{label}": array for label, array in lexicon.items()}
    arrays["crc"] = np.array([VERSION, SCHEMA_VERSION, zlib.crc32(pairs)])
    beside = io.BytesIO()
    narrowed: dict[str, Any] = {label: _narrow(array) for label, array in arrays.items()}
    np.savez(beside, **narrowed)
    write_whole(folder / f"{name}{FORWARD}", pairs)
    write_whole(folder / f"{name}{COLUMNS}", beside.getvalue())


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Return 64-bit numbers as 32-bit ones where they fit: half the memory."""
    wide = array.dtype == np.int64 and len(array) and np.abs(array).max() > np.iinfo(np.int32).max
    return array if wide or array.dtype != np.int64 else array.astype(np.int32)


def _load(columns: Path, pairs: Path) -> Columns | None:
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with np.load(io.BytesIO(columns.read_bytes()), allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        crc = zlib.crc32(pairs.read_bytes())
        if list(arrays.pop("crc")) != [VERSION, SCHEMA_VERSION, crc]:
            return None
        lexicons = {}
        for kind in KINDS:
            own = {label: arrays.pop(f"{kind}_{label}") for label in _LABELS}
            lexicons[kind] = Lexicon(
                own["blob"].tobytes(),
                own["ends"],
                Run(own["body_at"], own["body_documents"], own["body_times"]),
                Run(own["title_at"], own["title_documents"], own["title_times"]),
                own["n"],
                own["f"],
            )
        return Columns(**arrays, lexicons=lexicons)
    return None


_LABELS = (
    "blob",
    "ends",
    *(f"{side}_{label}" for side in ("body", "title") for label in ("at", "documents", "times")),
    "n",
    "f",
)


def _of_documents(leaf: Any, count: int) -> dict[str, Any]:
    arrays = {field.name: np.zeros(count, np.int64) for field in fields(Columns)[:9]}
    sets: dict[tuple[int, ...], int] = {(): 0}
    arrays["topic_set"] = np.zeros(count, np.int64)
    for number, stored in leaf.iter_docs():
        data = stored["data"]
        arrays["ids"][number] = data["id"]
        arrays["order"][number] = data["order"]
        arrays["first"][number] = _day(data["dated_from"])
        arrays["last"][number] = _day(data["dated_to"])
        arrays["language"][number] = LANGUAGES.index(data["language"])
        arrays["issue"][number] = -1 if data["issue"] is None else data["issue"]
        arrays["words"][number] = data["words"]
        arrays["title_words"][number] = data["title_words"]
        arrays["title_hash"][number] = title_hash(data["title"])
        topics = tuple(sorted(set(data["topics"])))
        arrays["topic_set"][number] = sets.setdefault(topics, len(sets))
    arrays["sets"] = np.array([topic for each in sets for topic in each], np.int64)
    arrays["set_starts"] = np.cumsum([0, *map(len, sets)])
    return arrays


def _day(text: str | None) -> int:
    return date.fromisoformat(text).toordinal() if text else 0


def _lexicon(leaf: Any, kind: str) -> dict[str, Any]:
    """Return the arrays of a `Lexicon` by name."""
    found: dict[str, dict[bytes, tuple[int, int, int]]] = {side: {} for side in SIDES}
    for side in SIDES:
        for term, info in leaf.iter_field(f"{side}_{kind}"):
            at, length = info.extent()
            if isinstance(length, tuple):  # Whoosh 2.7 unpacks it without taking it out
                (length,) = length
            documents = info.doc_frequency()
            key = term if isinstance(term, bytes) else term.encode()
            found[side][key] = (at, documents, length // WIDTH - 2 * documents)
    terms = sorted({term for there in found.values() for term in there})
    arrays: dict[str, Any] = {
        "blob": np.frombuffer(b"".join(terms), np.uint8),
        "ends": np.cumsum([0, *map(len, terms)]),
        "n": np.zeros(len(terms), np.int64),
        "f": np.zeros(len(terms), np.int64),
    }
    for side, there in found.items():
        rows = [there.get(term, (0, 0, 0)) for term in terms]
        table = np.array(rows, np.int64).reshape(-1, 3)
        for place, label in enumerate(("at", "documents", "times")):
            arrays[f"{side}_{label}"] = np.ascontiguousarray(table[:, place])
    return arrays
