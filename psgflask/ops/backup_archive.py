"""The archive of a backup, read as untrusted input: in one pass and within bounds."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import re
import shutil
import tarfile
import zlib
from collections.abc import Container, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import click

from psgflask.core.paths import DATABASE, MEDIA
from psgflask.members.erasure import MAX_LIST_SIZE
from psgflask.news.media.storage import is_file_hash
from psgflask.news.redaction import Redaction
from psgflask.ops.backup_contents import LISTS, SETTINGS_FILE

# 2: media are stored beside the archive.
FORMATS = (1, 2)
MANIFEST = "manifest.json"
CHUNK_SIZE = 1_000_000
BLOCK_SIZE = tarfile.BLOCKSIZE
# Bytes held in memory at once. A line of the manifest is a name and less than 200 bytes.
MAX_HEADER_SIZE, MAX_SETTINGS_SIZE, MAX_MANIFEST_LINE = 20_000, 100_000, 200
MAX_FILES, MAX_STORED = 200_000, 100_000
MAX_MISSING, MAX_REDACTIONS = 100, 10_000
XZ_MEMORY_LIMIT = 100_000_000  # bytes; `xz -9` wants 65 million
REVISION = re.compile(r"\w{1,40}", re.ASCII)
DAMAGED = "The backup is damaged or was cut off"
NOT_A_BACKUP = "It is no backup of this site, or it was cut off"
# What Python raises for content that is truncated, nested, huge or of the wrong type.
PARSE_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)


class BackupRefused(click.ClickException):
    """A backup or restore cannot be done; the message says why, and nothing was changed."""


@dataclass
class Manifest:
    """The content of an archive: size in bytes and SHA-256 by name, and rows by table.

    `stored` are media that are not in it but in the store beside it, which backups share
    (`ops.media_store`). `redactions` are those of its database. `missing` has a line for each thing
    that should be in it and could not be saved, or is damaged.
    """

    made_at: str
    revision: str
    rows: dict[str, int]
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    stored: dict[str, tuple[int, str]] = field(default_factory=dict)
    redactions: list[Redaction] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all that should be in it is there and undamaged.

        A rotation never deletes the newest backup that is complete.
        """
        return not self.missing

    def to_json(self) -> bytes:
        """Serialise it as it is stored in the archive."""
        fields = {**asdict(self), "format": FORMATS[bool(self.stored)]}
        return json.dumps(fields, indent=1, sort_keys=True).encode()


def read(backup: Path, into: Path | None = None, *, only: Container[str] | None = None) -> Manifest:
    """Read a whole archive, verify every file's hash, and extract it into a folder if given.

    Of its files `only` those, if given. A plain tar, or one compressed by gzip, bzip2 or xz. Raises
    BackupRefused for anything damaged, missing, altered or unexpected; the caller removes what was
    extracted by then.
    """
    free = shutil.disk_usage(into).free if into else None
    found: dict[str, tuple[int, str]] = {}
    manifest_json, max_manifest = b"", MAX_SETTINGS_SIZE + MAX_STORED * MAX_MANIFEST_LINE
    with _open(backup, free) as source:
        for name, size in _members(source):
            if manifest_json or name in found:
                raise BackupRefused(_unexpected_message(name))
            if len(found) > MAX_FILES:
                raise BackupRefused(f"The backup holds more than {MAX_FILES} files")
            if name == MANIFEST:
                manifest_json = source.read_exactly(size, limit=max_manifest)
                continue
            if not is_allowed_name(name):
                raise BackupRefused(_unexpected_message(name))
            if name == SETTINGS_FILE and size > MAX_SETTINGS_SIZE:
                raise BackupRefused("The settings in the backup cannot be read")
            if name in LISTS and size > MAX_LIST_SIZE:
                raise BackupRefused(f"{name} in the backup is larger than any of this site")
            if free is not None and size > free:
                raise BackupRefused(f"The backup needs {size / 1e9:.1f} GB, which are not free")
            wanted = only is None or name in only
            found[name] = (size, _extract(source, name, size, into if wanted else None))
            max_manifest += MAX_MANIFEST_LINE + 6 * len(name)  # JSON writes ñ as \u00f1
    manifest = _parse_manifest(manifest_json)
    if altered := [name for name in found if manifest.files.get(name, found[name]) != found[name]]:
        raise BackupRefused(f"{min(altered)!r} in the backup was altered or damaged")
    if added := found.keys() - manifest.files.keys():
        raise BackupRefused(_unexpected_message(min(added)))
    if missing := {*manifest.files, DATABASE, SETTINGS_FILE} - found.keys():
        raise BackupRefused(f"{min(missing)[:200]!r} is missing from the backup")
    return manifest


class SourceUnreadable(OSError):
    """The source of a copy cannot be read; the disk of the copy is not to blame."""


def hash_file(source: IO[bytes], copy: Path | None = None) -> str:
    """Return the SHA-256 of a stream, copying it to a new file if one is given.

    Raises SourceUnreadable, and OSError where the copy cannot be written.
    """
    digest = hashlib.sha256()
    with copy.open("xb") if copy else io.BytesIO() as target:
        while chunk := _read_chunk(source):
            digest.update(chunk)
            if copy is not None:
                target.write(chunk)
    return digest.hexdigest()


def _read_chunk(source: IO[bytes]) -> bytes:
    try:
        return source.read(CHUNK_SIZE)
    except OSError as error:
        raise SourceUnreadable(*error.args) from error


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _ArchiveReader:
    """Reads and decompresses an archive; every error is a BackupRefused."""

    def __init__(self, stream: _Readable, free: int | None) -> None:
        self.stream, self.free, self.position = stream, free, 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end. Raises BackupRefused."""
        try:
            data = self.stream.read(size)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise BackupRefused(f"The backup cannot be read: {error.strerror}") from error
            if "emory" in str(error):
                raise BackupRefused("To unpack the backup takes too much memory") from error
            raise BackupRefused(DAMAGED) from error
        self.position += len(data)
        if self.free is not None and self.position > self.free + 100 * CHUNK_SIZE:
            raise BackupRefused("The backup unpacks to more than there is room for")
        return data

    def read_exactly(self, size: int, *, limit: int) -> bytes:
        """Return so many bytes, and skip the padding of the last block. Raises BackupRefused."""
        if not 0 <= size <= limit:
            raise BackupRefused(NOT_A_BACKUP)
        data = self.read(size)
        if len(data) < size:
            raise BackupRefused(DAMAGED)
        self.read(-size % BLOCK_SIZE)
        return data


class _MemberReader(io.RawIOBase):
    """One member of an archive as a file."""

    def __init__(self, source: _ArchiveReader, size: int) -> None:
        self.source, self.remaining = source, size

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as BufferedReader calls it
        """Fill a buffer. Raises BackupRefused when the member is truncated."""
        data = self.source.read(min(len(buffer), self.remaining))
        if not data and self.remaining:
            raise BackupRefused(DAMAGED)
        buffer[: len(data)] = data
        self.remaining -= len(data)
        return len(data)


class _XzReader(io.RawIOBase):
    """Decompresses xz; lzma.LZMAFile has no limit on the memory that an archive requires."""

    def __init__(self, compressed: IO[bytes]) -> None:
        self.compressed = compressed
        self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_LIMIT)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as BufferedReader calls it
        """Fill a buffer. Raises EOFError when the file is truncated."""
        data = b""
        while not data:
            if self.decoder.eof:
                more = self.decoder.unused_data or self.compressed.read(CHUNK_SIZE)
                if not more.strip(b"\0"):  # streams may be padded
                    return 0
                self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_LIMIT)
            else:
                more = self.compressed.read(CHUNK_SIZE) if self.decoder.needs_input else b""
                if self.decoder.needs_input and not more:
                    raise EOFError
            data = self.decoder.decompress(more, len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _open(backup: Path, free: int | None) -> Iterator[_ArchiveReader]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(backup.open("rb"))
            head = file.peek(6)[:6]
        except OSError as error:
            raise BackupRefused(f"Cannot read {backup}: {error.strerror or error}") from error
        stream: _Readable = file
        if head.startswith(b"\x1f\x8b"):
            stream = stack.enter_context(closing(gzip.GzipFile(fileobj=file)))
        elif head.startswith(b"BZh"):
            stream = stack.enter_context(closing(bz2.BZ2File(file)))
        elif head == b"\xfd7zXZ\0":
            stream = stack.enter_context(io.BufferedReader(_XzReader(file)))
        yield _ArchiveReader(stream, free)


def _members(source: _ArchiveReader) -> Iterator[tuple[str, int]]:
    """Yield name and size of each file; read its content before requesting the next one.

    Only regular files: no link, folder, device or sparse file. Raises BackupRefused.
    """
    any_member = False
    while (block := source.read(BLOCK_SIZE)) and block.strip(b"\0"):
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
            if member.type == tarfile.XHDTYPE:  # a long name, or a size beyond 8 GB
                header = source.read_exactly(member.size, limit=MAX_HEADER_SIZE)
                whole = block + header + bytes(-len(header) % BLOCK_SIZE) + source.read(BLOCK_SIZE)
                with tarfile.open(fileobj=io.BytesIO(whole), mode="r:", encoding="utf-8") as one:
                    member = one.next() or member
        except (tarfile.TarError, *PARSE_ERRORS) as error:
            raise BackupRefused(DAMAGED if any_member else NOT_A_BACKUP) from error
        regular = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse()
        if not regular or member.size < 0:
            raise BackupRefused(_unexpected_message(member.name))
        any_member = True
        yield member.name, member.size
    while rest := source.read(CHUNK_SIZE):  # to the end, for the checksum of the compression
        if rest.strip(b"\0"):
            raise BackupRefused("Behind its end the backup holds what was not put in")
    if not any_member:
        raise BackupRefused(NOT_A_BACKUP)


def _extract(source: _ArchiveReader, name: str, size: int, into: Path | None) -> str:
    copy = into / name if into else None
    try:
        if copy is not None:
            copy.parent.mkdir(parents=True, exist_ok=True)
        digest = hash_file(io.BufferedReader(_MemberReader(source, size)), copy)
    except (FileExistsError, NotADirectoryError) as error:
        raise BackupRefused(_unexpected_message(name)) from error
    source.read(-size % BLOCK_SIZE)
    return digest


def _parse_manifest(data: bytes) -> Manifest:
    try:
        fields = json.loads(data)
        if fields["format"] not in FORMATS:
            version = repr(fields["format"])[:20]
            raise BackupRefused(f"The backup has format {version}; this reads {max(FORMATS)}")
        files, stored = (
            {str(name): (int(size), str(hash_)) for name, (size, hash_) in listed.items()}
            for listed in (fields["files"], fields.get("stored", {}))
        )
        for name, (size, hash_) in stored.items():
            media = is_allowed_name(name) and name not in {DATABASE, SETTINGS_FILE, *LISTS}
            if not media or name in files or size < 0 or not is_file_hash(hash_):
                raise BackupRefused(_unexpected_message(name))
        made_at = datetime.fromisoformat(fields["made_at"])
        if not REVISION.fullmatch(fields["revision"]) or made_at.tzinfo is None:
            raise BackupRefused(NOT_A_BACKUP)
        missing = [str(line)[:300] for line in fields.get("missing", [])[:MAX_MISSING]]
        rows = dict(fields["rows"])
        redactions = [
            Redaction(str(one["at"]), int(one["article_id"]), str(one["created_at"]))
            for one in fields.get("redactions", [])[:MAX_REDACTIONS]
        ]
        at = made_at.isoformat(timespec="seconds")
        return Manifest(at, fields["revision"], rows, files, missing, stored, redactions)
    except (*PARSE_ERRORS, TypeError) as error:
        raise BackupRefused(NOT_A_BACKUP) from error


def is_allowed_name(name: str) -> bool:
    """Say whether an archive may contain this name: database, settings, lists or media."""
    if name in {DATABASE, SETTINGS_FILE, *LISTS}:
        return True
    path = PurePosixPath(name)
    canonical = str(path) == name and name.isprintable() and "\\" not in name
    return (
        canonical
        and len(path.parts) > 1
        and path.parts[0] == MEDIA
        # "..", and temporary files
        and not any(part.startswith(".") or len(part.encode()) > 255 for part in path.parts)
    )


def _unexpected_message(name: str) -> str:
    return f"{name[:200]!r} in the backup is not what was put in"
