"""How postings lie in a segment's files: plain arrays, in Whoosh's own files and term index.

Whoosh's codec pickles and compresses blocks of 128 postings, each posting's positions a pickle
of its own. Here a term's postings are one run of 32-bit numbers: documents, frequencies, and the
positions of all documents one after the other. It is written and merged ten times as fast, is
smaller, and can be read without touching single postings.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3TermInfo
from whoosh.matching import ListMatcher, ReadTooFar
from whoosh.system import pack_ushort

from psgflask.search.index.generations import IndexBroken

WIDTH = 4  # bytes of array("I")

# Before Python 3.12 `array[int]` is for the type checker alone.
if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array


@dataclass(frozen=True, slots=True)
class Postings:
    """A term's postings in one segment: documents ascending, frequencies, packed positions.

    A field without positions (the id) has no frequencies either.
    """

    documents: Numbers
    frequencies: Numbers
    positions: bytes

    def packed(self) -> bytes:
        """Return them as they are written."""
        return self.documents.tobytes() + self.frequencies.tobytes() + self.positions

    @classmethod
    def unpack(cls, packed: bytes, count: int) -> "Postings":
        """Read what `packed` wrote of `count` documents."""
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


class TermWriter(W3FieldWriter):  # type: ignore[misc]  # Whoosh ships no types
    """Writes the terms of a segment, a whole term at a time, in order of field and term."""

    def add_term(self, field: str, fieldobj: Any, term: bytes, found: Postings) -> None:
        """Write all postings of a term."""
        if field != self._fieldname:
            self.start_field(field, fieldobj)
        packed = found.packed()
        frequencies = found.frequencies or [1] * len(found.documents)
        info = W3TermInfo()
        info._weight, info._maxweight = float(sum(frequencies)), float(max(frequencies))
        info._df = len(found.documents)
        info._minid, info._maxid = found.documents[0], found.documents[-1]
        info.set_extent(self._postfile.tell(), len(packed))
        self._postfile.write(packed)
        self._tindex.add(pack_ushort(self._fieldid) + term, info.to_bytes())


class PostingsMatcher(ListMatcher):  # type: ignore[misc]  # Whoosh ships no types
    """Whoosh's view of a term's postings."""

    def skip_to(self, id: int) -> None:  # Whoosh's name for it
        """Go to the first document from this one on."""
        if not self.is_active():
            raise ReadTooFar
        self._i: int = bisect_left(self._ids, id, self._i)


class Values(Sequence[bytes]):
    """The packed positions of each posting."""

    def __init__(self, found: Postings) -> None:
        self.packed = found.positions
        self.ends = list(accumulate(found.frequencies, initial=0))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, place: Any) -> Any:
        return self.packed[self.ends[place] * WIDTH : self.ends[place + 1] * WIDTH]


def read(file: Any, info: Any) -> Postings:
    """Read the postings that a term's info points to. Raises IndexBroken."""
    offset, length = info.extent()
    if isinstance(length, tuple):  # Whoosh 2.7 unpacks it without taking it out
        (length,) = length
    # At a place given, so that threads that share a reader do not move each other's.
    packed = os.pread(file.fileno(), length, offset)
    if len(packed) != length:
        raise IndexBroken("The postings are cut short")
    return Postings.unpack(packed, info.doc_frequency())


def postings(leaf: Any, field: str, term: bytes) -> Postings | None:
    """Return a term's postings in one segment, deleted documents among them; None if not there.

    `leaf` is one of a reader's `leaf_readers()`. Raises IndexBroken.
    """
    if (field, term) not in leaf:
        return None
    return read(leaf._terms._postfile, leaf.term_info(field, term))
