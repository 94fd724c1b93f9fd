"""Gathers the postings of a new segment by term, on disk as far as they do not fit in memory."""

import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO

from psgflask.search.index.codec import WIDTH, Numbers, Postings
from psgflask.search.index.schema import Places

# What a term costs in memory beside its postings, in bytes.
TERM = 500

Key = tuple[str, bytes]  # field, term
Record = tuple[Key, Postings]


class Pool:
    """Postings by field and term; documents must come in ascending order.

    `limit` bounds, in bytes, what is held in memory; the rest waits in files without a name,
    which go with the process.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.size = 0
        self._terms: dict[Key, tuple[Numbers, Numbers, Numbers]] = {}
        self._runs: list[IO[bytes]] = []

    def add(self, field: str, document: int, found: Places) -> None:
        """Add the terms of one field of a document."""
        terms = self._terms
        for term, places in found.items():
            key = (field, term.encode())
            entry = terms.get(key)
            if entry is None:
                entry = terms[key] = array("I"), array("I"), array("I")
                self.size += TERM
            entry[0].append(document)
            if places:
                entry[1].append(len(places))
                entry[2].extend(places)
            self.size += WIDTH * (2 + len(places))
        if self.size > self.limit:
            self._spill()

    def add_postings(self, key: Key, found: Postings) -> None:
        """Add the postings of a term in documents that come after all those added before."""
        entry = self._terms.get(key)
        if entry is None:
            entry = self._terms[key] = array("I"), array("I"), array("I")
            self.size += TERM
        entry[0].extend(found.documents)
        entry[1].extend(found.frequencies)
        entry[2].frombytes(found.positions)
        self.size += 2 * WIDTH * len(found.documents) + len(found.positions)
        if self.size > self.limit:
            self._spill()

    def records(self) -> Iterator[Record]:
        """Yield each term with all its postings, in order of field and term."""
        runs = [*(_read(run) for run in self._runs), self._sorted()]
        for key, parts in groupby(merge(*runs, key=itemgetter(0)), key=itemgetter(0)):
            # Of equal keys `merge` yields those of earlier runs first: documents ascend.
            yield key, _joined(part for _key, part in parts)

    def cleanup(self) -> None:
        """Let go of everything."""
        for run in self._runs:
            run.close()
        self._runs, self._terms, self.size = [], {}, 0

    def _sorted(self) -> Iterator[Record]:
        for key in sorted(self._terms):
            documents, frequencies, positions = self._terms[key]
            yield key, Postings(documents, frequencies, positions.tobytes())

    def _spill(self) -> None:
        run = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115  # read again later
        self._runs.append(run)
        for key, found in self._sorted():
            whole = (key, len(found.documents), found.packed())
            pickle.dump(whole, run, pickle.HIGHEST_PROTOCOL)
        self._terms, self.size = {}, 0


def _read(run: IO[bytes]) -> Iterator[Record]:
    run.seek(0)
    while True:
        try:
            key, count, packed = pickle.load(run)  # noqa: S301  # this process wrote it
        except EOFError:
            return
        yield key, Postings.unpack(packed, count)


def _joined(parts: Iterable[Postings]) -> Postings:
    first, *others = parts
    if not others:
        return first
    documents, frequencies = first.documents[:], first.frequencies[:]
    for part in others:
        documents.extend(part.documents)
        frequencies.extend(part.frequencies)
    return Postings(
        documents, frequencies, b"".join([first.positions, *(part.positions for part in others)])
    )
