"""Writes one commit of the index: checksums first, then the table of contents; merges segments."""

import contextlib
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from whoosh.filedb.filestore import RamStorage
from whoosh.index import TOC, FileIndex, clean_files
from whoosh.reading import SegmentReader
from whoosh.writing import SegmentWriter

from psgflask.core import durable
from psgflask.search.documents import Document
from psgflask.search.index import checksums, codec, columns, merging, text_file
from psgflask.search.index.codec import WIDTH, Codec
from psgflask.search.index.forward import pread
from psgflask.search.index.inverting import Ints, inverted
from psgflask.search.index.merging import PostingArrays
from psgflask.search.index.packed_arrays import ragged
from psgflask.search.index.runs import SortedRun

# Merging as many in the middle of somebody's request takes a moment, more does not.
MAX_MERGED_ON_COMMIT = 300
# From this share of deleted documents on a segment is rewritten.
MAX_DELETED_SHARE = 0.25

MergePolicy = Callable[[Any, list[Any]], list[Any]]


class IndexWriter(SegmentWriter):  # type: ignore[misc]  # Whoosh ships no types
    """Whoosh's writer, which records every file's checksum before a commit takes effect."""

    def __init__(self, index: FileIndex, folder: Path) -> None:
        # Not in one compound file: Whoosh maps that into memory, and a mapped file that is
        # cut short kills the process that reads it. Our lock stands in for Whoosh's.
        super().__init__(index, codec=Codec(), compound=False, _lk=False)
        self.folder = folder
        self.docnum: int = 0
        self._uninverted: list[Document] = []
        # What has postings for the new segment, and its documents' numbers there.
        self._sources: list[tuple[Callable[[str], merging.Field], Ints]] = []
        self._readers = contextlib.ExitStack()
        self._texts: text_file.TextWriter | None = None

    def add(self, document: Document) -> None:
        """Add a document; the same id must not be live in the index."""
        self._uninverted.append(document)
        self._added = True
        self.docnum += 1

    def add_run(self, run: SortedRun) -> None:
        """Add the documents of a run, which must not be live in the index.

        The run stays open until the commit.
        """
        self._invert_added()
        self._add_run(run, self.docnum)
        self.docnum += run.count

    def add_reader(self, reader: SegmentReader) -> None:
        """Take over what is live of a segment; the reader is closed after the commit."""
        self._readers.callback(reader.close)
        super().add_reader(reader)

    def add_postings_to_pool(
        self, reader: SegmentReader, startdoc: int, docmap: dict[int, int] | None
    ) -> None:
        """Take over the postings of a segment; `docmap` names its live documents' new numbers."""
        new = np.full(reader.doc_count_all(), merging.GONE)
        live = range(len(new)) if docmap is None else sorted(docmap)
        new[live] = np.arange(startdoc, startdoc + len(live))
        self._sources.append((partial(SegmentField, reader), new))
        with contextlib.closing(
            text_file.Texts(self.folder, reader.segment().segment_id())
        ) as source:
            self._of_texts().take(source, live)

    def commit(self, mergetype: MergePolicy) -> None:
        """Merge as the policy says, and put all in force."""
        # What cannot be indexed must fail before Whoosh's own commit: whoosh3 cancels that by
        # itself, and leaves files open.
        self._invert_added()
        super().commit(mergetype=mergetype)

    def cancel(self) -> None:
        """Cancel: nothing of this commit takes effect."""
        if self._texts is not None:
            self._texts.close()
        super().cancel()

    def _invert_added(self) -> None:
        """Make a run of the documents added so far."""
        if self._uninverted:
            run = SortedRun.in_memory(inverted(self._uninverted))
            self._add_run(run, self.docnum - run.count)
            self._uninverted = []

    def _add_run(self, run: SortedRun, begin: int) -> None:
        numbers = range(begin, begin + run.count)
        for number, stored, found in zip(numbers, run.stored(), run.texts(), strict=True):
            self.perdocwriter.start_doc(number)
            for field, value in (("id", str(stored["id"])), ("data", stored)):
                self.perdocwriter.add_field(field, self.schema[field], value, 0)
            self.perdocwriter.finish_doc()
            self._of_texts().put(*found)
        self._sources.append((run.field, np.array(numbers)))
        self._added = True

    def _of_texts(self) -> text_file.TextWriter:
        if self._texts is None:
            self._texts = text_file.TextWriter(self.folder, self.newsegment.segment_id())
        return self._texts

    def _flush_segment(self) -> None:
        self.perdocwriter.close()
        for field in sorted(self.schema.names()):
            if self.schema[field].indexed:
                found = [(of(field), new) for of, new in self._sources]
                for block in merging.blocks(found):
                    self.fieldwriter.add_terms(field, self.schema[field], block)
        self.fieldwriter.close()
        self._of_texts().close()

    def _close_segment(self) -> None:
        super()._close_segment()
        self._readers.close()

    def _commit_toc(self, segments: list[Any]) -> None:
        name = TOC._filename(self.indexname, self.generation)
        beside = RamStorage()
        TOC(self.schema, segments, self.generation).write(beside, self.indexname)
        content: bytes = beside.files[name]
        is_first = not (self.folder / checksums.SUMS).exists()
        noted = {} if is_first else checksums.read_checksums(self.folder)
        for file in _files_of(self.folder, segments):
            if file.name not in noted:
                noted[file.name] = checksums.checksum(file)
                durable.fsync(file)
        noted[name] = (len(content), zlib.crc32(content))
        checksums.write_checksums(self.folder, noted)
        # From here on the commit is in force.
        durable.atomic_write(self.folder / name, content)
        clean_files(self.storage, self.indexname, self.generation, segments)
        there = {file.name for file in self.folder.iterdir()}
        left = {name: right for name, right in noted.items() if name in there}
        checksums.write_checksums(self.folder, left)


def _files_of(folder: Path, segments: list[Any]) -> list[Path]:
    names = {segment.segment_id() for segment in segments}
    # Derived files have checksums of their own.
    return [
        file
        for file in folder.iterdir()
        if checksums.segment_of(file.name) in names and file.suffix not in columns.SUFFIXES
    ]


def sparingly(writer: Any, segments: list[Any]) -> list[Any]:
    """Merge a few small segments; return the ones that stay."""
    return _merge(writer, segments, MAX_MERGED_ON_COMMIT)


def thoroughly(writer: Any, segments: list[Any]) -> list[Any]:
    """Merge all that `due` names; return the segments that stay."""
    return _merge(writer, segments, None)


def purging(writer: Any, segments: list[Any]) -> list[Any]:
    """Rewrite segments with deleted documents, so that nothing is left of their text."""
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
    return bool(segment.deleted_count() > MAX_DELETED_SHARE * segment.doc_count_all())


def _merge(writer: Any, segments: list[Any], most: int | None) -> list[Any]:
    return _rewrite(writer, segments, due(segments, writer.doc_count(), most))


def _rewrite(writer: Any, segments: list[Any], merged: list[Any]) -> list[Any]:
    for segment in merged:
        if segment.doc_count():
            writer.add_reader(SegmentReader(writer.storage, writer.schema, segment))
    return [segment for segment in segments if segment not in merged]


class SegmentField:
    """A field of a segment, as `merging` reads it."""

    def __init__(self, reader: Any, name: str) -> None:
        self._terms, infos = codec.terms_of(reader, name)
        self._file = reader._terms._postfile.fileno()
        self._at = infos["at"].astype(np.int64)
        self._numbers = infos["bytes"].astype(np.int64) // WIDTH
        self.documents = infos["documents"].astype(np.int64)
        # All numbers but one for each document are frequencies and places, or there are none.
        self.times = np.maximum(self._numbers - 2 * self.documents, 0)

    def terms(self, begin: int, end: int) -> list[bytes]:
        """Return some terms."""
        return self._terms[begin:end]

    def postings(self, begin: int, end: int) -> PostingArrays:
        """Return the postings of some terms, which lie in their order. Raises IndexBroken."""
        if begin == end:
            empty = np.zeros(0, np.uint32)
            return empty, empty, empty
        numbers, documents = self._numbers[begin:end], self.documents[begin:end]
        region = pread(self._file, int(numbers.sum()) * WIDTH, int(self._at[begin]))
        starts = np.cumsum(numbers) - numbers
        at = ragged(starts, documents)
        if not self.times[begin:end].any():
            return region[at], region[:0], region[:0]
        places = ragged(starts + 2 * documents, self.times[begin:end])
        return region[at], region[at + np.repeat(documents, documents)], region[places]
