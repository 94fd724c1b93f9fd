"""The archive of a backup, read as a stranger's: in one pass, bounded, each damage one sentence."""

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
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import click

FORMAT = 1
DATABASE, SETTINGS_FILE, MANIFEST = "psg.sqlite", "config.json", "manifest.json"
MEDIA = "media"
CHUNK = 1_000_000
BLOCK = tarfile.BLOCKSIZE
# What may stand in memory whole. A line of the manifest is a name and less than 200 bytes.
LONGEST_HEADER, LARGEST_SETTINGS, LARGEST_LINE = 20_000, 100_000, 200
MOST_FILES = 200_000
XZ_MEMORY = 100_000_000  # bytes; `xz -9` wants 65 million
REVISION = re.compile(r"\w{1,40}", re.ASCII)
DAMAGED = "The backup is damaged or was cut off"
NO_BACKUP = "It is no backup of this site, or it was cut off"
# What Python raises, whatever was cut, deep, huge or of another kind than it should be.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)


class BackupRefused(click.ClickException):
    """It cannot be done; the message says why, and nothing was changed.

    A command shows the message alone.
    """


@dataclass
class Manifest:
    """What an archive holds: sizes in bytes and SHA-256 by name, and rows by table."""

    made_at: str
    revision: str
    rows: dict[str, int]
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Return it as the archive keeps it."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def read(backup: Path, into: Path | None = None) -> Manifest:
    """Read a whole archive, compare every file with its hash, and write it below a folder if given.

    A plain tar, or one packed by gzip, bzip2 or xz. Raises BackupRefused for whatever is damaged,
    missing, altered, unexpected or oddly named; what was written by then is the caller's to remove.
    """
    room = shutil.disk_usage(into).free if into else None
    found: dict[str, tuple[int, str]] = {}
    manifest, longest = b"", LARGEST_SETTINGS
    with _opened(backup, room) as source:
        for name, size in _members(source):
            if manifest or name in found:
                raise BackupRefused(_unexpected(name))
            if len(found) > MOST_FILES:
                raise BackupRefused(f"The backup holds more than {MOST_FILES} files")
            if name == MANIFEST:
                manifest = source.exactly(size, most=longest)
                continue
            if not is_ours(name):
                raise BackupRefused(_unexpected(name))
            if name == SETTINGS_FILE and size > LARGEST_SETTINGS:
                raise BackupRefused("The settings in the backup cannot be read")
            if room is not None and size > room:
                raise BackupRefused(f"The backup needs {size / 1e9:.1f} GB, which are not free")
            found[name] = (size, _copied(source, name, size, into))
            longest += LARGEST_LINE + 6 * len(name)  # JSON writes ñ as \u00f1
    listed = _manifest(manifest)
    if altered := [name for name in found if listed.files.get(name, found[name]) != found[name]]:
        raise BackupRefused(f"{min(altered)!r} in the backup was altered or damaged")
    if added := found.keys() - listed.files.keys():
        raise BackupRefused(_unexpected(min(added)))
    if missing := {*listed.files, DATABASE, SETTINGS_FILE} - found.keys():
        raise BackupRefused(f"{min(missing)[:200]!r} is missing from the backup")
    return listed


def hashed(source: IO[bytes], copy: Path | None = None) -> str:
    """Return the SHA-256 of what is read, writing it to a file on the way if one is named."""
    digest = hashlib.sha256()
    with copy.open("xb") if copy else io.BytesIO() as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            if copy is not None:
                target.write(chunk)
    return digest.hexdigest()


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Source:
    """The bytes of an archive, unpacked as they are asked for; its faults are told in one way."""

    def __init__(self, stream: _Readable, room: int | None) -> None:
        self.stream, self.room, self.at = stream, room, 0

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
        self.at += len(data)
        if self.room is not None and self.at > self.room + 100 * CHUNK:
            raise BackupRefused("The backup unpacks to more than there is room for")
        return data

    def exactly(self, size: int, *, most: int) -> bytes:
        """Return so many bytes and pass over what fills the last block. Raises BackupRefused."""
        if not 0 <= size <= most:
            raise BackupRefused(NO_BACKUP)
        data = self.read(size)
        if len(data) < size:
            raise BackupRefused(DAMAGED)
        self.read(-size % BLOCK)
        return data


class _Part(io.RawIOBase):
    """The next bytes of a source, as a file of their own."""

    def __init__(self, source: _Source, size: int) -> None:
        self.source, self.left = source, size

    def readable(self) -> bool:
        """Say that it is to be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what readers give
        """Fill a buffer. Raises BackupRefused when there is less than there should be."""
        data = self.source.read(min(len(buffer), self.left))
        if not data and self.left:
            raise BackupRefused(DAMAGED)
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


class _Unxz(io.RawIOBase):
    """What xz packed; lzma's own file sets no bound to the memory that an archive asks for."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed = packed
        self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def readable(self) -> bool:
        """Say that it is to be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what readers give
        """Fill a buffer. Raises EOFError where it was cut off."""
        data = b""
        while not data:
            if self.decoder.eof:
                more = self.decoder.unused_data or self.packed.read(CHUNK)
                if not more.strip(b"\0"):  # streams may be padded
                    return 0
                self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
            else:
                more = self.packed.read(CHUNK) if self.decoder.needs_input else b""
                if self.decoder.needs_input and not more:
                    raise EOFError
            data = self.decoder.decompress(more, len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _opened(backup: Path, room: int | None) -> Iterator[_Source]:
    with ExitStack() as open_ones:
        try:
            file = open_ones.enter_context(backup.open("rb"))
            head = file.peek(6)[:6]
        except OSError as error:
            raise BackupRefused(f"Cannot read {backup}: {error.strerror or error}") from error
        stream: _Readable = file
        if head.startswith(b"\x1f\x8b"):
            stream = open_ones.enter_context(closing(gzip.GzipFile(fileobj=file)))
        elif head.startswith(b"BZh"):
            stream = open_ones.enter_context(closing(bz2.BZ2File(file)))
        elif head == b"\xfd7zXZ\0":
            stream = open_ones.enter_context(io.BufferedReader(_Unxz(file)))
        yield _Source(stream, room)


def _members(source: _Source) -> Iterator[tuple[str, int]]:
    """Yield name and size of each file; its bytes are read before the next one is asked for.

    Nothing but plain files: no link, folder, device or file with holes. Raises BackupRefused.
    """
    seen = False
    while (block := source.read(BLOCK)) and block.strip(b"\0"):
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
            if member.type == tarfile.XHDTYPE:  # a long name, or a size beyond 8 GB
                more = source.exactly(member.size, most=LONGEST_HEADER)
                whole = block + more + bytes(-len(more) % BLOCK) + source.read(BLOCK)
                with tarfile.open(fileobj=io.BytesIO(whole), mode="r:", encoding="utf-8") as one:
                    member = one.next() or member
        except (tarfile.TarError, *UNREADABLE) as error:
            raise BackupRefused(DAMAGED if seen else NO_BACKUP) from error
        plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse()
        if not plain or member.size < 0:
            raise BackupRefused(_unexpected(member.name))
        seen = True
        yield member.name, member.size
    while rest := source.read(CHUNK):  # to the end, where what packed it has its own sum
        if rest.strip(b"\0"):
            raise BackupRefused("Behind its end the backup holds what was not put in")
    if not seen:
        raise BackupRefused(NO_BACKUP)


def _copied(source: _Source, name: str, size: int, into: Path | None) -> str:
    copy = into / name if into else None
    try:
        if copy is not None:
            copy.parent.mkdir(parents=True, exist_ok=True)
        digest = hashed(io.BufferedReader(_Part(source, size)), copy)
    except (FileExistsError, NotADirectoryError) as error:
        raise BackupRefused(_unexpected(name)) from error
    source.read(-size % BLOCK)
    return digest


def _manifest(data: bytes) -> Manifest:
    try:
        plain = json.loads(data)
        if plain["format"] != FORMAT:
            other = repr(plain["format"])[:20]
            raise BackupRefused(f"The backup has format {other}; this reads {FORMAT}")
        files = {
            str(name): (int(size), str(hash_)) for name, (size, hash_) in plain["files"].items()
        }
        made_at = datetime.fromisoformat(plain["made_at"]).isoformat(timespec="seconds")
        if not REVISION.fullmatch(plain["revision"]):
            raise BackupRefused(NO_BACKUP)
        return Manifest(made_at, plain["revision"], dict(plain["rows"]), files)
    except (*UNREADABLE, TypeError) as error:
        raise BackupRefused(NO_BACKUP) from error


def is_ours(name: str) -> bool:
    """Say whether a file of this name may stand in an archive: database, settings or media."""
    if name in {DATABASE, SETTINGS_FILE}:
        return True
    path = PurePosixPath(name)
    plain = str(path) == name and name.isprintable() and "\\" not in name
    return (
        plain
        and len(path.parts) > 1
        and path.parts[0] == MEDIA
        # "..", and what is still being written
        and not any(part.startswith(".") or len(part.encode()) > 255 for part in path.parts)
    )


def _unexpected(name: str) -> str:
    return f"{name[:200]!r} in the backup is not what was put in"
