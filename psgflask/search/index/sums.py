"""Sums: whether the files of a generation are what its last commit left.

Every commit writes `sums.json` before it takes effect: the schema's version, and size and CRC-32
of every file, so that torn, flipped and lost files are told from whole ones.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from psgflask.durable import write_whole
from psgflask.search.index.documents import SCHEMA_VERSION
from psgflask.search.index.generations import IndexBroken

SUMS = "sums.json"
NAME = "MAIN"  # Whoosh's name for the one index in a folder
CHUNK = 1 << 20

Sum = tuple[int, int]  # bytes, CRC-32


def write_sums(generation: Path, sums: Mapping[str, Sum]) -> None:
    """Note what the files of a generation must be."""
    content = json.dumps({"schema": SCHEMA_VERSION, "files": sums}).encode()
    whole = {"sum": zlib.crc32(content), "content": content.decode()}
    write_whole(generation / SUMS, json.dumps(whole).encode())


def read_sums(generation: Path) -> dict[str, Sum]:
    """Return what the files of a generation must be. Raises IndexBroken."""
    try:
        whole = json.loads((generation / SUMS).read_bytes())
        if zlib.crc32(whole["content"].encode()) != whole["sum"]:
            raise IndexBroken(f"{SUMS} is damaged")
        noted = json.loads(whole["content"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexBroken(f"{SUMS} cannot be read: {error}") from error
    if noted["schema"] != SCHEMA_VERSION:
        raise IndexBroken(f"The index has schema {noted['schema']}, this code {SCHEMA_VERSION}")
    return {name: (size, crc) for name, (size, crc) in noted["files"].items()}


def sum_of(file: Path) -> Sum:
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


class Verifier:
    """Compares files with their sums, once for every state of a file that it sees."""

    def __init__(self) -> None:
        # File -> inode, size and time of change when its sum was last found right.
        self._sound: dict[Path, tuple[int, int, int]] = {}

    def distrust(self) -> None:
        """Forget which files were found right, so that the next look reads them all."""
        self._sound = {}

    def verify(self, generation: Path) -> None:
        """Look at every file of the newest commit. Raises IndexBroken."""
        noted, name = read_sums(generation), toc_name(generation)
        if name not in noted:
            raise IndexBroken(f"{name} has no sum")
        self._compare(generation / name, noted[name])
        segments = TOC.read(FileStorage(generation), NAME).segments
        names = {segment.segment_id() for segment in segments}
        for file_name, right in noted.items():
            segment = segment_of(file_name)
            if segment in names:
                self._compare(generation / file_name, right)
        if missing := names - {segment_of(file_name) for file_name in noted}:
            raise IndexBroken(f"Nothing is noted of {', '.join(sorted(missing))}")

    def _compare(self, file: Path, right: Sum) -> None:
        try:
            look = file.stat()
            seen = (look.st_ino, look.st_size, look.st_mtime_ns)
            if self._sound.get(file) == seen:
                return
            if look.st_size != right[0] or sum_of(file) != right:
                raise IndexBroken(f"{file.parent.name}/{file.name} is damaged")
        except OSError as error:
            raise IndexBroken(f"{file.parent.name}/{file.name}: {error.strerror}") from error
        self._sound[file] = seen


def segment_of(file_name: str) -> str:
    """Return the segment that a file is part of, by its name."""
    return file_name.partition(".")[0]
