"""Incoming attachments: which kinds are accepted, and whether a file is of its kind."""

import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 25_000_000
DOCUMENT = "application/vnd.openxmlformats-officedocument"


class AttachmentRefused(ValueError):
    """The file cannot be used as an attachment; the message says what to do."""


@dataclass(frozen=True)
class FileKind:
    """A kind of attachment: its media type, and the check that a file is of it."""

    extension: str
    media_type: str
    matches: Callable[[Path], bool]
    advice: str = "open it in the program that it was made with and save it again"


def check(path: Path) -> FileKind:
    """Return the kind of a file. Raises AttachmentRefused: another kind, too large, or forged."""
    kind = KINDS.get(path.suffix.casefold().lstrip("."))
    if kind is None:
        raise AttachmentRefused(f"{path.name}: attachments are {', '.join(KINDS)}")
    if path.stat().st_size > MAX_BYTES:
        raise AttachmentRefused(f"{path.name} has more than 25 megabytes: save it smaller")
    if not kind.matches(path):
        raise AttachmentRefused(
            f"{path.name} is no {kind.extension.upper()} file, whatever its name says:"
            f" {kind.advice}"
        )
    return kind


# What reading a damaged, encrypted or odd zip raises; its decompressors raise errors of their own.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"%PDF-"


def _is_text(path: Path) -> bool:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _has_mimetype(media_type: str) -> Callable[[Path], bool]:
    """Return the check for a zip whose member `mimetype` is a media type (OpenDocument, EPUB)."""

    def matches(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive, archive.open("mimetype") as member:
                # A little more, to notice a longer one.
                return member.read(len(media_type) + 3).strip() == media_type.encode()
        except (KeyError, *ZIP_ERRORS):
            return False

    return matches


def _has_member(name: str) -> Callable[[Path], bool]:
    """Return the check for a zip with a member of this name (Word, Excel)."""

    def matches(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive:
                names = set(archive.namelist())
        except ZIP_ERRORS:
            return False
        return {"[Content_Types].xml", name} <= names

    return matches


_UTF8 = "save it as plain text in UTF-8"
KINDS = {
    kind.extension: kind
    for kind in (
        FileKind("pdf", "application/pdf", _is_pdf),
        FileKind(
            "odt",
            "application/vnd.oasis.opendocument.text",
            _has_mimetype("application/vnd.oasis.opendocument.text"),
        ),
        FileKind("docx", f"{DOCUMENT}.wordprocessingml.document", _has_member("word/document.xml")),
        FileKind("xlsx", f"{DOCUMENT}.spreadsheetml.sheet", _has_member("xl/workbook.xml")),
        FileKind("csv", "text/csv", _is_text, _UTF8),
        FileKind("txt", "text/plain", _is_text, _UTF8),
        FileKind("epub", "application/epub+zip", _has_mimetype("application/epub+zip")),
    )
}
