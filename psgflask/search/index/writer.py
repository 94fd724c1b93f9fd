"""Writes one commit of the index: sums first, then the table of contents; merges as it goes."""

import contextlib
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from whoosh.filedb.filestore import RamStorage
from whoosh.index import TOC, FileIndex, clean_files
from whoosh.reading import SegmentReader
from whoosh.writing import SegmentWriter

from psgflask import durable
from psgflask.search.index import columns, sums, texts
from psgflask.search.index.codec import Codec, Postings, Values, postings
from psgflask.search.index.documents import Document
from psgflask.search.index.pool import Pool
from psgflask.search.index.schema import analysed

# Merging as many in the middle of somebody's request takes a moment, more does not.
MOST_IN_PASSING = 300
# From this share of deleted documents on a segment is written anew.
MOST_DELETED = 0.25
# Bytes of postings held in memory before they are put on disk.
LIMIT = 100_000_000

MergePolicy = Callable[[Any, list[Any]], list[Any]]


class Writer(SegmentWriter):  # type: ignore[misc]  # Whoosh ships no types
    """Whoosh's writer, whose commit notes every file's sum before it takes effect."""

    def __init__(self, index: FileIndex, folder: Path) -> None:
        # Not in one compound file: Whoosh maps that into memory, and a mapped file that is
        # cut short kills the process that reads it. Our lock stands in for Whoosh's.
        super().__init__(index, codec=Codec(), compound=False, _lk=False)
        self.folder = folder
        self.pool = Pool(folder, LIMIT)
        self._texts: texts.Writer | None = None

    def add(self, document: Document) -> None:
        """Add a document; the same id must not be live in the index."""
        found = analysed(document)
        self.perdocwriter.start_doc(self.docnum)
        for field, value in found.stored.items():
            self.perdocwriter.add_field(field, self.schema[field], value, 0)
        self.perdocwriter.finish_doc()
        for field, terms in found.terms.items():
            self.pool.add(field, self.docnum, terms)
        self._of_texts().add(document.body)
        self._added = True
        self.docnum += 1

    def add_postings_to_pool(
        self, reader: SegmentReader, startdoc: int, docmap: dict[int, int] | None
    ) -> None:
        """Take over the postings of a segment; `docmap` names its live documents' new numbers."""
        for field, term in reader.all_terms():
            found = postings(reader, field, term)
            if found is not None:
                found = _renumbered(found, startdoc, docmap)
                if found.documents:
                    self.pool.add_postings((field, term), found)
        live = range(reader.doc_count_all()) if docmap is None else sorted(docmap)
        with contextlib.closing(texts.Texts(self.folder, reader.segment().segment_id())) as kept:
            self._of_texts().take(kept, live)

    def cancel(self) -> None:
        """Give up; nothing of this commit is ever in force."""
        if self._texts is not None:
            self._texts.close()
        super().cancel()

    def _of_texts(self) -> texts.Writer:
        if self._texts is None:
            self._texts = texts.Writer(self.folder, self.newsegment.segment_id())
        return self._texts

    def _flush_segment(self) -> None:
        self.perdocwriter.close()
        for (field, term), found in self.pool.records():
            self.fieldwriter.add_term(field, self.schema[field], term, found)
        self.fieldwriter.close()
        self._of_texts().close()

    def _commit_toc(self, segments: list[Any]) -> None:
        name = TOC._filename(self.indexname, self.generation)
        beside = RamStorage()
        TOC(self.schema, segments, self.generation).write(beside, self.indexname)
        content: bytes = beside.files[name]
        noted = sums.read_sums(self.folder) if (self.folder / sums.SUMS).exists() else {}
        for file in _files_of(self.folder, segments):
            if file.name not in noted:
                noted[file.name] = sums.sum_of(file)
                durable.keep_on_disk(file)
        noted[name] = (len(content), zlib.crc32(content))
        sums.write_sums(self.folder, noted)
        # From here on the commit is in force.
        durable.write_whole(self.folder / name, content)
        clean_files(self.storage, self.indexname, self.generation, segments)
        there = {file.name for file in self.folder.iterdir()}
        sums.write_sums(self.folder, {k: right for k, right in noted.items() if k in there})


def _renumbered(found: Postings, start: int, numbers: dict[int, int] | None) -> Postings:
    if numbers is None:
        documents = array("I", [number + start for number in found.documents])
        return Postings(documents, found.frequencies, found.positions)
    documents, frequencies, positions = array("I"), array("I"), []
    values = Values(found)
    for place, number in enumerate(found.documents):
        if number in numbers:
            documents.append(numbers[number])
            if values:
                frequencies.append(found.frequencies[place])
                positions.append(values[place])
    return Postings(documents, frequencies, b"".join(positions))


def _files_of(folder: Path, segments: list[Any]) -> list[Path]:
    names = {segment.segment_id() for segment in segments}
    # What is derived of the others has a sum of its own, and goes with them.
    return [
        file
        for file in folder.iterdir()
        if sums.segment_of(file.name) in names and file.suffix not in columns.SUFFIXES
    ]


def sparingly(writer: Any, segments: list[Any]) -> list[Any]:
    """Merge a few small segments; return the ones that stay."""
    return _merge(writer, segments, MOST_IN_PASSING)


def thoroughly(writer: Any, segments: list[Any]) -> list[Any]:
    """Merge all that `due` names; return the segments that stay."""
    return _merge(writer, segments, None)


def purging(writer: Any, segments: list[Any]) -> list[Any]:
    """Write anew what holds deleted documents, so that nothing is left of their text."""
    return _rewrite(writer, segments, [each for each in segments if each.deleted_count()])


def due(segments: list[Any], added: int, most: int | None) -> list[Any]:
    """Return the segments to merge with `added` new documents, at most `most` documents in all.

    A segment no more than twice as large as all smaller ones together is merged with them: so
    sizes grow geometrically, and every document is written anew a logarithmic number of times.
    """
    chosen, together = [], added
    for segment in sorted(segments, key=lambda segment: int(segment.doc_count())):
        count = segment.doc_count()
        if count > 2 * together and not _is_sparse(segment):
            continue
        if most is not None and together + count > most:
            break
        chosen.append(segment)
        together += count
    lonely = len(chosen) == 1 and not added
    return [] if lonely and not _is_sparse(chosen[0]) else chosen


def _is_sparse(segment: Any) -> bool:
    return bool(segment.deleted_count() > MOST_DELETED * segment.doc_count_all())


def _merge(writer: Any, segments: list[Any], most: int | None) -> list[Any]:
    return _rewrite(writer, segments, due(segments, writer.doc_count(), most))


def _rewrite(writer: Any, segments: list[Any], merged: list[Any]) -> list[Any]:
    for segment in merged:
        if segment.doc_count():
            reader = SegmentReader(writer.storage, writer.schema, segment)
            try:
                writer.add_reader(reader)
            finally:
                reader.close()
    return [segment for segment in segments if segment not in merged]
