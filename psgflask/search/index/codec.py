"""How postings lie in a segment's files: plain arrays, in Whoosh's own files and term index.

Whoosh's codec pickles and compresses blocks of 128 postings, each posting's positions a pickle
of its own. Here a term's postings are one run of 32-bit numbers: documents, frequencies, and the
positions of all documents one after the other. It is written and merged ten times as fast, is
smaller, and can be read without touching single postings.
"""

import os
import struct
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter
from whoosh.matching import ListMatcher, ReadTooFar
from whoosh.system import pack_ushort

from psgflask.search.index.merging import Block
from psgflask.search.index.protocol import IndexBroken

WIDTH = 4  # bytes of array("I")

# Before Python 3.12 `array[int]` is for the type checker alone.
if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array


@dataclass(frozen=True, slots=True)
class StoredPostings:
    """A term's postings in one segment: documents ascending, frequencies, packed positions.

    A field without positions (the id) has no frequencies either.
    """

    documents: Numbers
    frequencies: Numbers
    positions: bytes

    @classmethod
    def unpack(cls, packed: bytes, count: int) -> "StoredPostings":
        """Read what is written of `count` documents."""
        documents, frequencies = array("I"), array("I")
        documents.frombytes(packed[: count * WIDTH])
        # All there is, if the field has no positions.
        frequencies.frombytes(packed[count * WIDTH : 2 * count * WIDTH])
        return cls(documents, frequencies, packed[2 * count * WIDTH :])


class Codec(W3Codec):  # type: ignore[misc]  # Whoosh ships no types
    """Whoosh's codec but for the postings. Every segment remembers it by this name."""

    # Lengths are stored exactly in `data`; looking for Whoosh's costs a stat per posting.
    length_stats = False

    def field_writer(self, storage: Any, segment: Any) -> "TermWriter":
        """Return the writer of a segment's terms."""
        return TermWriter(self, storage, segment)

    def postings_reader(
        self, file: Any, info: Any, form: Any, term: Any = None, scorer: Any = None
    ) -> "PostingsMatcher":
        """Return a term's postings as Whoosh reads them."""
        found = read(file, info)
        values = Values(found) if found.frequencies else None
        return PostingsMatcher(
            found.documents,
            found.frequencies or None,
            values,
            form,
            scorer,
            term=term,
            terminfo=info,
        )


# A term's entry in Whoosh's term index, as W3TermInfo packs it; the lengths are not used.
INFO = np.dtype(
    [
        ("inline", ">u1"),
        ("weight", ">f4"),
        ("documents", ">u4"),
        ("shortest", ">u1"),
        ("longest", ">u1"),
        ("most", ">f4"),
        ("first", ">u4"),
        ("last", ">u4"),
        ("at", ">i8"),
        ("bytes", ">i4"),
    ]
)
LENGTHS = struct.Struct("!ii")  # of a key and its value, before them


class TermWriter(W3FieldWriter):  # type: ignore[misc]  # Whoosh ships no types
    """Writes the terms of a segment, a block of terms at a time, in order of field and term."""

    def add_terms(self, field: str, fieldobj: Any, block: Block) -> None:
        """Write all postings of some terms."""
        if field != self._fieldname:
            self.start_field(field, fieldobj)
        infos = np.zeros(len(block.terms), INFO)
        infos["weight"] = np.where(block.times, block.times, block.documents)
        infos["documents"], infos["most"] = block.documents, block.most
        infos["first"] = block.packed[block.starts[:-1]]
        infos["last"] = block.packed[block.starts[:-1] + block.documents - 1]
        infos["at"] = self._postfile.tell() + block.starts[:-1] * WIDTH
        infos["bytes"] = np.diff(block.starts) * WIDTH
        self._postfile.write(block.packed.tobytes())
        self._add_all(pack_ushort(self._fieldid), block.terms, infos.tobytes())

    def _add_all(self, prefix: bytes, terms: list[bytes], infos: bytes) -> None:
        """Do what `OrderedHashWriter.add` does, for all at once."""
        index = self._tindex
        at, size, entries = index.dbfile.tell(), INFO.itemsize, []
        for place, term in enumerate(terms):
            key = prefix + term
            entries.append(LENGTHS.pack(len(key), size) + key)
            entries.append(infos[place * size : (place + 1) * size])
            index.index.append(at)
            found = index.hashfn(key)
            index.buckets[found & 255].append((found, at))
            at += LENGTHS.size + len(key) + size
        index.lastkey = key
        index.dbfile.write(b"".join(entries))


def terms_of(leaf: Any, field: str) -> tuple[list[bytes], NDArray[Any]]:
    """Return the terms of a field in one segment, in order, and of each its INFO.

    `leaf` is one of a reader's `leaf_readers()`. Raises IndexBroken.
    """
    found = leaf._terms
    number = found._fieldmap.get(field)
    if number is None:
        return [], np.zeros(0, INFO)
    index = found._tindex
    begin = index.closest_key_pos(pack_ushort(number))
    end = index.closest_key_pos(pack_ushort(number + 1)) or index.endofdata
    region = os.pread(found._dbfile.fileno(), end - begin, begin)
    terms, infos, at = [], [], 0
    try:
        while at < len(region):
            size, length = LENGTHS.unpack_from(region, at)
            at += LENGTHS.size + size + length
            terms.append(region[at - length - size + 2 : at - length])
            infos.append(region[at - length : at])
        return terms, np.frombuffer(b"".join(infos), INFO)
    except (struct.error, ValueError) as error:
        raise IndexBroken(f"The term index is not as it was written: {error}") from error


class PostingsMatcher(ListMatcher):  # type: ignore[misc]  # Whoosh ships no types
    """Whoosh's view of a term's postings."""

    def skip_to(self, id: int) -> None:  # Whoosh's name for it
        """Go to the first document from this one on."""
        if not self.is_active():
            raise ReadTooFar
        self._i: int = bisect_left(self._ids, id, self._i)


class Values(Sequence[bytes]):
    """The packed positions of each posting."""

    def __init__(self, found: StoredPostings) -> None:
        self.packed = found.positions
        self.ends = list(accumulate(found.frequencies, initial=0))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, place: Any) -> Any:
        return self.packed[self.ends[place] * WIDTH : self.ends[place + 1] * WIDTH]


def read(file: Any, info: Any) -> StoredPostings:
    """Read the postings that a term's info points to. Raises IndexBroken."""
    offset, length = info.extent()
    if isinstance(length, tuple):  # Whoosh 2.7 unpacks it without taking it out
        (length,) = length
    # At a place given, so that threads that share a reader do not move each other's.
    packed = os.pread(file.fileno(), length, offset)
    if len(packed) != length:
        raise IndexBroken("The postings are cut short")
    return StoredPostings.unpack(packed, info.doc_frequency())
