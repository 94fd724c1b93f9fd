"""Attachments that come in: which kinds are taken, and whether a file is what its name says."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LARGEST = 25_000_000  # bytes
DOCUMENT = "application/vnd.openxmlformats-officedocument"


class AttachmentRefused(ValueError):
    """The file cannot be taken as an attachment; the message says what to do."""


@dataclass(frozen=True)
class Kind:
    """A kind of attachment: how it is served and how it is told from others."""

    extension: str
    media_type: str
    holds: Callable[[Path], bool]
    otherwise: str = "open it in the program that it was made with and save it again"


def check(path: Path) -> Kind:
    """Return the kind of a file. Raises AttachmentRefused: not taken, too large, no such thing."""
    kind = KINDS.get(path.suffix.casefold().lstrip("."))
    if kind is None:
        raise AttachmentRefused(f"{path.name}: attachments are {', '.join(KINDS)}")
    if path.stat().st_size > LARGEST:
        raise AttachmentRefused(f"{path.name} has more than 25 megabytes: save it smaller")
    if not kind.holds(path):
        raise AttachmentRefused(
            f"{path.name} is no {kind.extension.upper()} file, whatever its name says:"
            f" {kind.otherwise}"
        )
    return kind


def _begins_as_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"%PDF-"


def _is_text(path: Path) -> bool:
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _says(media_type: str) -> Callable[[Path], bool]:
    """Recognise a zip whose member `mimetype` names a media type (OpenDocument, EPUB)."""

    def holds(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive, archive.open("mimetype") as member:
                # A little more than the name: a larger member is another thing.
                return member.read(len(media_type) + 3).strip() == media_type.encode()
        except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError):
            return False

    return holds


def _contains(name: str) -> Callable[[Path], bool]:
    """Recognise a zip that has a member of this name (Word, Excel)."""

    def holds(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive:
                names = set(archive.namelist())
        except (zipfile.BadZipFile, OSError, NotImplementedError):
            return False
        return {"[Content_Types].xml", name} <= names

    return holds


_UTF8 = "save it as plain text in UTF-8"
KINDS = {
    kind.extension: kind
    for kind in (
        Kind("pdf", "application/pdf", _begins_as_pdf),
        Kind(
            "odt",
            "application/vnd.oasis.opendocument.text",
            _says("application/vnd.oasis.opendocument.text"),
        ),
        Kind("docx", f"{DOCUMENT}.wordprocessingml.document", _contains("word/document.xml")),
        Kind("xlsx", f"{DOCUMENT}.spreadsheetml.sheet", _contains("xl/workbook.xml")),
        Kind("csv", "text/csv", _is_text, _UTF8),
        Kind("txt", "text/plain", _is_text, _UTF8),
        Kind("epub", "application/epub+zip", _says("application/epub+zip")),
    )
}
