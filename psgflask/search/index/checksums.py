"""Checksums: whether the files of a generation are what its last commit left.

Every commit writes `sums.json` before it takes effect: the schema's version, and size and CRC-32
of every file, so that torn, flipped and lost files are noticed.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from psgflask.core.durable import atomic_write
from psgflask.search.documents import SCHEMA_VERSION, STILL_READ
from psgflask.search.index import columns
from psgflask.search.index.protocol import IndexBroken, NewerSchema, OtherSchema

SUMS = "sums.json"
NAME = "MAIN"  # Whoosh's name for the one index in a folder
CHUNK = 1 << 20

Checksum = tuple[int, int]  # bytes, CRC-32
FileState = tuple[int, int, int]


def write_checksums(generation: Path, checksums: Mapping[str, Checksum]) -> None:
    """Record the checksums of the files of a generation."""
    content = json.dumps({"schema": SCHEMA_VERSION, "files": checksums}).encode()
    whole = {"sum": zlib.crc32(content), "content": content.decode()}
    atomic_write(generation / SUMS, json.dumps(whole).encode())


def read_checksums(generation: Path, *, to_write: bool = False) -> dict[str, Checksum]:
    """Return the checksums of the files of a generation. Raises IndexBroken, OtherSchema.

    One of an earlier schema may be fit to be read but not `to_write`.
    """
    try:
        whole = json.loads((generation / SUMS).read_bytes())
        if zlib.crc32(whole["content"].encode()) != whole["sum"]:
            raise IndexBroken(f"{SUMS} is damaged")
        noted = json.loads(whole["content"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexBroken(f"{SUMS} cannot be read: {error}") from error
    fit = {SCHEMA_VERSION} if to_write else {SCHEMA_VERSION, *STILL_READ}
    if noted["schema"] not in fit:
        other = NewerSchema if noted["schema"] > SCHEMA_VERSION else OtherSchema
        raise other(f"The index has schema {noted['schema']}, this code {SCHEMA_VERSION}")
    return {name: (size, crc) for name, (size, crc) in noted["files"].items()}


def checksum(file: Path) -> Checksum:
    """Return a file's size and CRC-32."""
    size = crc = 0
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return size, crc


def toc_name(generation: Path) -> str:
    """Return the name of the newest table of contents. Raises IndexBroken."""
    newest = TOC._latest_generation(FileStorage(generation), NAME)
    if newest < 0:
        raise IndexBroken(f"{generation.name} has no table of contents")
    return str(TOC._filename(NAME, newest))


def glance(generation: Path) -> tuple[str, list[Any]]:
    """Return the name of the newest commit and Whoosh's segments of it.

    Their files are looked at by size alone, so this takes no longer for a large index. Raises
    IndexBroken.
    """
    noted, name = read_checksums(generation), toc_name(generation)
    segments = _segments(generation, name, noted)
    for file, right in _files(generation, segments, noted):
        if _stat(file).st_size != right[0]:
            raise _damaged(file)
    return name, segments


# Files of the index: every commit makes new ones. Far more than are in force at once.
MAX_SOUND = 1_000


class Verifier:
    """Compares files with their checksums, once for every state of a file that it sees."""

    def __init__(self) -> None:
        # File -> inode, size and time of change when its checksum last matched.
        self._sound: dict[Path, FileState] = {}

    def distrust(self) -> None:
        """Discard which files were found sound, so that the next check reads them all."""
        self._sound = {}

    def verify(self, generation: Path, *, to_write: bool = False) -> None:
        """Look at every file of the newest commit. Raises IndexBroken, OtherSchema."""
        noted, name = read_checksums(generation, to_write=to_write), toc_name(generation)
        segments = _segments(generation, name, noted)
        for file, right in _files(generation, segments, noted):
            self._look(file, lambda file=file, right=right: checksum(file) == right)  # type: ignore[misc]  # bound now

    def verify_derived(self, generation: Path) -> None:
        """Look at what is derived of the newest commit. Raises IndexBroken."""
        for segment in _segments(generation, toc_name(generation), read_checksums(generation)):
            name = segment.segment_id()
            for suffix in columns.SUFFIXES:
                file = generation / f"{name}{suffix}"
                if file.exists():  # what is not there is derived when somebody needs it
                    self._look(file, lambda name=name: columns.are_sound(generation, name))  # type: ignore[misc]  # bound now

    def _look(self, file: Path, is_sound: Callable[[], bool]) -> None:
        look = _stat(file)
        seen = (look.st_ino, look.st_size, look.st_mtime_ns)
        if self._sound.get(file) == seen:
            return
        try:
            if not is_sound():
                raise _damaged(file)
        except OSError as error:
            raise _unreadable(file, error) from error
        if len(self._sound) >= MAX_SOUND:  # those of commits long past: check all once more
            self._sound = {}
        self._sound[file] = seen


def _segments(generation: Path, name: str, noted: Mapping[str, Checksum]) -> list[Any]:
    try:
        if name not in noted or checksum(generation / name) != noted[name]:
            raise _damaged(generation / name)
        segments: list[Any] = TOC.read(FileStorage(generation), NAME).segments
    except OSError as error:
        raise _unreadable(generation / name, error) from error
    names = {segment.segment_id() for segment in segments}
    if missing := names - {segment_of(file_name) for file_name in noted}:
        raise IndexBroken(f"Nothing is noted of {', '.join(sorted(missing))}")
    return segments


def _files(
    generation: Path, segments: list[Any], noted: Mapping[str, Checksum]
) -> Iterator[tuple[Path, Checksum]]:
    names = {segment.segment_id() for segment in segments}
    for file_name, right in noted.items():
        if segment_of(file_name) in names:
            yield generation / file_name, right


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise _unreadable(file, error) from error


def _damaged(file: Path) -> IndexBroken:
    return IndexBroken(f"{file.parent.name}/{file.name} is damaged")


def _unreadable(file: Path, error: OSError) -> IndexBroken:
    return IndexBroken(f"{file.parent.name}/{file.name}: {error.strerror}")


def segment_of(file_name: str) -> str:
    """Return the segment that a file is part of, by its name."""
    return file_name.partition(".")[0]
