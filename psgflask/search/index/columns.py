"""Columns: what evaluation reads of a segment, as plain arrays derived from Whoosh's own files.

Beside each segment lie `<segment>.columns` (columns of its documents, and its lexicons with the
place of each term's postings) and `<segment>.forward` (document -> its stems). Both hold nothing
that the segment does not: where they are missing or of another version they are derived again.
"""

import contextlib
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.core.language_names import LANGUAGES
from psgflask.search.documents import SCHEMA_VERSION
from psgflask.search.index import packed_arrays

EXACT = "exact"
KINDS = (*LANGUAGES, EXACT)
SUFFIXES = COLUMNS, FORWARD = ".columns", ".forward"
# Grows with every change of what is derived, or how.
VERSION = 4

Ints = NDArray[np.int64]  # on disk and in memory as 32 bits where that is enough


@dataclass(frozen=True)
class TermInfos:
    """Where the postings of each term of a lexicon lie on one side (title or body)."""

    at: Ints  # bytes from the start of the segment's file of postings
    documents: Ints  # how many documents; 0 where the term is not on this side
    times: Ints  # how often in all


@dataclass(frozen=True)
class Lexicon:
    """The terms of one kind in order of their UTF-8, and what is known of each.

    `n` and `f` are, with deleted documents, how many documents have the term in title or body and
    the sum of min(x, 5) over them; empty for exact words: those are counted when needed.
    """

    blob: bytes
    ends: Ints  # where each term begins, and at last where the blob ends
    body: TermInfos
    title: TermInfos
    n: Ints
    f: Ints


@dataclass(frozen=True)
class Likeness:
    """The folded words of the exact lexicon by length, for finding words like one.

    `order` holds the places of the ASCII ones, those of `length` letters at `starts[length]` to
    `starts[length + 1]`, each with a signature of its letters; `others` those of all others.
    """

    order: Ints
    starts: Ints
    signatures: NDArray[np.uint64]
    others: Ints


@dataclass(frozen=True)
class Columns:
    """The documents of a segment by their number in it, deleted ones too.

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
    title_hashes: Ints  # ascending
    titled: Ints  # the document of each of them
    topic_set: Ints  # which of the sets of topics below
    sets: Ints  # the topics of all sets, one set after the other
    set_starts: Ints
    span: Ints  # which of the spans below
    spans: Ints  # first year << 32 | last year << 1 | language; year 0: undated
    starts: Ints
    lexicons: dict[str, Lexicon]
    likeness: Likeness


LEXICON = (
    "blob",
    "ends",
    *(f"{side}_{label}" for side in ("body", "title") for label in ("at", "documents", "times")),
    "n",
    "f",
)
LIKENESS = ("order", "starts", "signatures", "others")
MAKE = "make"  # the array with the version of the file, and for which file of pairs it was made


def title_hash(folded: str) -> int:
    """Return 64 bits of a folded title that identifies it; 0 for an empty title only."""
    if not folded:
        return 0
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest(), "little") >> 1


def load(folder: Path, segment: str) -> Columns | None:
    """Return the columns of a segment; None when they are missing, torn or of another version.

    The forward file is looked at by its size alone.
    """
    try:
        arrays = _read(folder / f"{segment}{COLUMNS}")
        size = (folder / f"{segment}{FORWARD}").stat().st_size
    except (OSError, ValueError):
        return None
    if arrays is None or arrays.pop(MAKE).tolist()[2] != size:
        return None
    lexicons = {}
    for kind in KINDS:
        own = {label: arrays.pop(f"{kind}_{label}") for label in LEXICON}
        lexicons[kind] = Lexicon(
            packed_arrays.content(own["blob"]),
            own["ends"],
            TermInfos(own["body_at"], own["body_documents"], own["body_times"]),
            TermInfos(own["title_at"], own["title_documents"], own["title_times"]),
            own["n"],
            own["f"],
        )
    likeness = Likeness(**{label: arrays.pop(f"like_{label}") for label in LIKENESS})
    return Columns(**arrays, lexicons=lexicons, likeness=likeness)


def are_sound(folder: Path, segment: str) -> bool:
    """Read both files through and say whether they are as they were made, or not there."""
    try:
        arrays = _read(folder / f"{segment}{COLUMNS}")
        pairs = (folder / f"{segment}{FORWARD}").read_bytes()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return arrays is None or arrays[MAKE].tolist()[2:] == [len(pairs), zlib.crc32(pairs)]


def made_for(pairs: bytes) -> NDArray[np.int64]:
    """Return what identifies columns of this version that belong to this forward file."""
    return np.array([VERSION, SCHEMA_VERSION, len(pairs), zlib.crc32(pairs)])


def _read(file: Path) -> dict[str, Any] | None:
    """Return the arrays of a file, None for those of another make. Raises OSError, ValueError."""
    with contextlib.closing(packed_arrays.InFile(file)) as stored:
        arrays = stored.whole()
    ours = MAKE in arrays and arrays[MAKE].tolist()[:2] == [VERSION, SCHEMA_VERSION]
    return arrays if ours else None
