"""Attachments: which kinds are accepted, by name and content."""

import zipfile
from pathlib import Path

import pytest

from psgflask.news.media import attachments
from psgflask.news.media.attachments import AttachmentRefused
from psgflask.news.media.pictures import PictureRefused, recode
from tests.news.media.files import PDF

ODT = "application/vnd.oasis.opendocument.text"


def archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("TYPES", "[Content_Types].xml"), content)
    return path


def test_each_kind_of_attachment_is_accepted_if_it_is_what_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(PDF)
    (tmp_path / "a.csv").write_text("año;número\n2018;3\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("¡Hola!", encoding="utf-8")
    archive(tmp_path / "a.odt", mimetype=ODT, content="x")
    archive(tmp_path / "a.epub", mimetype="application/epub+zip")
    archive(tmp_path / "a.docx", TYPES="x", word__document="x")
    archive(tmp_path / "a.xlsx", TYPES="x", xl__workbook="x")
    for name in ("docx", "xlsx"):
        with zipfile.ZipFile(tmp_path / f"a.{name}", "a") as file:
            file.writestr({"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}[name], "x")
    for extension in attachments.KINDS:
        assert attachments.check(tmp_path / f"a.{extension}").extension == extension


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.php", b"<?php", "attachments are pdf, odt"),
        ("a.html", b"<p>", "attachments are pdf, odt"),
        ("a.svg", b"<svg/>", "attachments are pdf, odt"),
        ("a.exe", b"MZ", "attachments are pdf, odt"),
        ("pdf", PDF, "attachments are pdf, odt"),
        ("a.pdf", b"<script>%PDF-</script>", "is no PDF file"),
        ("a.docx", PDF, "is no DOCX file"),
        ("a.odt", b"PK\x03\x04" + b"\0" * 30, "is no ODT file"),
        ("a.txt", "Castañeda".encode("latin-1"), "plain text in UTF-8"),
        ("a.csv", b"a\0b", "plain text in UTF-8"),
    ],
)
def test_every_other_attachment_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AttachmentRefused, match=message):
        attachments.check(tmp_path / name)


def test_a_zip_with_another_mimetype_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "a.odt", mimetype="application/epub+zip")
    archive(tmp_path / "b.odt", mimetype=ODT + "x" * 1_000_000)
    archive(tmp_path / "c.epub", other="x")
    archive(tmp_path / "d.xlsx", TYPES="x")
    for name in ("a.odt", "b.odt", "c.epub", "d.xlsx"):
        with pytest.raises(AttachmentRefused, match="whatever its name says"):
            attachments.check(tmp_path / name)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name in ("a.pdf", "a.jpg"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(25_000_001)
    with pytest.raises(AttachmentRefused, match="more than 25 megabytes"):
        attachments.check(tmp_path / "a.pdf")
    with pytest.raises(PictureRefused, match="more than 25 megabytes"):
        recode(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED]
)
def test_an_archive_that_is_damaged_anywhere_is_refused_or_accepted(
    tmp_path: Path, compression: int
) -> None:
    path = tmp_path / "a.odt"
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("mimetype", ODT)
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) * 2 + whole[at + 2 :])
        try:
            attachments.check(path)
        except AttachmentRefused:
            refused += 1
    assert refused > len(whole) / 3
