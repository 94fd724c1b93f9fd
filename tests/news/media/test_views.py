"""Pictures and attachments: what is accepted, what is stored of it, and who may see it."""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, PngImagePlugin
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media import attachments, pictures
from psgflask.news.media.attachments import AttachmentRefused
from psgflask.news.media.pictures import PictureRefused, recode, recode_data, webp_size
from psgflask.news.media.store import StagedFiles, path_of, store_attachment, store_picture
from psgflask.news.models import Article
from tests import factories
from tests.factories import EDITOR

SECRET = b"Av. Secreta 123"
PDF = b"%PDF-1.7\n1 0 obj\nendobj\n"
GPS = 0x8825


def picture(
    path: Path, size: tuple[int, int] = (40, 30), mode: str = "RGB", **saved: object
) -> Path:
    """Write a picture whose left half is red."""
    drawn = Image.new(mode, size, "white" if mode != "P" else 0)
    drawn.paste(Image.new(mode, (size[0] // 2, size[1]), "red" if mode not in "LP" else 90))
    drawn.save(path, **saved)  # type: ignore[arg-type]  # each format has options of its own
    return path


def with_camera_data(path: Path, orientation: int = 1) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(GPS)[2] = (51.0, 30.0, 0.0)
    options: dict[str, Any] = {"exif": exif.tobytes()}
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", SECRET.decode())
        options["pnginfo"] = info
    if path.suffix == ".jpg":
        options["comment"] = SECRET
    return picture(path, **options)


def bomb(path: Path, width: int, height: int) -> Path:
    """Write a PNG of a few bytes that claims a great size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )
    return path


def archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("TYPES", "[Content_Types].xml"), content)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_nothing_but_the_picture_survives(tmp_path: Path, name: str) -> None:
    file = with_camera_data(tmp_path / name)
    file.write_bytes(file.read_bytes() + b"<script>alert(1)</script>" + SECRET)
    assert SECRET in file.read_bytes()
    recoded = recode(file)
    assert SECRET not in recoded.data
    assert b"<script" not in recoded.data
    with Image.open(BytesIO(recoded.data)) as clean:
        assert not clean.getexif()
        assert not clean.getexif().get_ifd(GPS)
        assert not {"exif", "comment", "Comment", "icc_profile", "xmp"} & set(clean.info)
        assert (clean.width, clean.height) == (recoded.width, recoded.height) == (40, 30)
    assert (
        recoded.media_type
        == {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[recoded.extension]
    )


def test_a_picture_taken_sideways_stands_upright(tmp_path: Path) -> None:
    recoded = recode(with_camera_data(tmp_path / "a.jpg", orientation=6))
    assert (recoded.width, recoded.height) == (30, 40)
    with Image.open(BytesIO(recoded.data)) as upright:
        red, green, blue = upright.convert("RGB").getpixel((15, 5))  # type: ignore[misc]  # RGB
    assert red > 200
    assert max(green, blue) < 100


def test_a_wide_picture_is_made_1600_pixels_wide(tmp_path: Path) -> None:
    recoded = recode(picture(tmp_path / "a.jpg", (3200, 1000)))
    assert (recoded.width, recoded.height) == (1600, 500)
    assert recode(picture(tmp_path / "b.png", (1601, 1))).height == 1


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("a.jpg", "L"), ("a.jpg", "CMYK"), ("a.png", "RGBA"), ("a.png", "P"), ("a.png", "LA")),
        *(("a.png", "1"), ("a.png", "I;16"), ("a.webp", "RGBA")),
    ],
)
def test_every_colour_mode_is_accepted(tmp_path: Path, name: str, mode: str) -> None:
    file = tmp_path / name
    Image.new(mode, (8, 8)).save(file)
    recoded = recode(file)
    with Image.open(BytesIO(recoded.data)) as clean:
        clean.load()
        assert ("A" in clean.getbands()) == (mode in {"RGBA", "LA"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "is not a JPEG, PNG"),
        (b"<!doctype html><script>alert(1)</script>", "is not a JPEG, PNG"),
        (b"GIF89a" + b"\0" * 40, "is not a JPEG, PNG"),
        (b"<?php system($_GET['c']); ?>", "is not a JPEG, PNG"),
        (b"", "is not a JPEG, PNG"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "JPEG"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_whatever_its_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with pytest.raises(PictureRefused, match=message):
        recode(file)


def test_half_a_picture_is_refused(tmp_path: Path) -> None:
    whole = picture(tmp_path / "a.jpg", (400, 300)).read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PictureRefused, match=r"half\.jpg is damaged"):
        recode(tmp_path / "half.jpg")


TOO_LARGE = "more than 50 million pixels, or a side of more than 30,000"
SIZES = [(50_000, 50_000), (10_000, 5_001), (2**31 - 1, 9), (49_000_000, 1), (1, 49_000_000)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_s15_too_many_pixels_or_too_long_a_side_is_refused_by_the_header(
    tmp_path: Path, width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bomb(tmp_path / "bomb.png", width, height)
    with pytest.raises(PictureRefused, match=rf"bomb\.png has {TOO_LARGE}"):
        recode(file)

    def decode(self: object) -> None:
        raise AssertionError("The picture was decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", decode)
    with pytest.raises(PictureRefused, match=TOO_LARGE):
        recode_data(file.read_bytes())


def webp(kind: bytes, size: bytes) -> bytes:
    """Return the head of a WebP picture that claims a size."""
    body = b"WEBP" + kind + struct.pack("<I", len(size)) + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        webp(b"VP8X", b"\x02\0\0\0" + (16_000_000).to_bytes(3, "little") + b"\0\0\0"),
        webp(b"VP8X", b"\x10\0\0\0" + (16_382).to_bytes(3, "little") * 2),
        webp(b"VP8L", b"\x2f" + (16_382 | 16_382 << 14).to_bytes(4, "little")),
        webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + (16_382).to_bytes(2, "little") * 2),
    ],
    ids=["long", "extended", "lossless", "lossy"],
)
def test_s15_a_webp_is_refused_by_its_header_before_it_is_decoded(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_given: object, **_more: object) -> None:
        raise AssertionError("The picture was opened")

    monkeypatch.setattr(Image, "open", opened)
    with pytest.raises(PictureRefused, match=TOO_LARGE):
        recode_data(data)


@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
def test_the_size_of_a_webp_is_read_from_its_header(tmp_path: Path, mode: str) -> None:
    ways: list[dict[str, object]] = [{"lossless": True}, {"quality": 50}, {"exif": b"x"}]
    for number, options in enumerate(ways):
        file = picture(tmp_path / f"{number}.webp", (301, 20), mode, **options)
        assert webp_size(file.read_bytes()) == (301, 20)
    assert webp_size(b"RIFF") == (0, 0)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9)),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(200_000_000), 9)),
        chunk(b"tEXt", b"Comment\0" + bytes(2_000_000)) * 12,
        chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        chunk(b"eXIf", b"MM\0*" + b"\xff" * 400),
    ],
    ids=["zTXt", "iTXt", "iCCP", "tEXt", "frames", "camera data"],
)
def test_s15_data_hidden_beside_a_picture_is_refused_or_ignored(
    tmp_path: Path, chunks: bytes
) -> None:
    whole = picture(tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:33] + chunks + whole[33:])
    with suppress(PictureRefused):  # whatever else it raised would be a traceback
        assert len(recode(tmp_path / "b.png").data) < 1000


@pytest.mark.parametrize("extension", ["png", "webp"])
def test_of_an_animated_picture_the_first_frame_stays(tmp_path: Path, extension: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "green")]
    file = tmp_path / f"a.{extension}"
    frames[0].save(file, save_all=True, append_images=frames[1:])
    with Image.open(BytesIO(recode(file).data)) as still:
        assert getattr(still, "n_frames", 1) == 1
        red, _green, blue = still.convert("RGB").getpixel((5, 5))  # type: ignore[misc]  # RGB
    assert red > 200 > 60 > blue


def test_a_jpeg_with_a_second_picture_appended_is_a_jpeg(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert recode(tmp_path / "a.jpg").media_type == "image/jpeg"


@pytest.mark.parametrize("program", ["while True: pass", "x = bytearray(3_000_000_000)"])
def test_s15_a_picture_that_takes_too_long_to_decode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "hostile.py").write_text(program, "utf-8")
    monkeypatch.setattr(pictures, "PROGRAM", tmp_path / "hostile.py")
    monkeypatch.setattr(pictures, "SECONDS", 1)
    with pytest.raises(PictureRefused, match=r"a\.png takes too long or too much memory to read"):
        recode(picture(tmp_path / "a.png"))


def test_a_stored_file_gets_a_slug_for_its_name(tmp_path: Path) -> None:
    with StagedFiles(tmp_path / "media") as staged:
        stored = store_picture(
            picture(tmp_path / "Foto de Áncash (1) <b>.JPG", format="PNG"), staged
        )
        assert stored.file_name == "foto-de-ancash-1-b.png"
        assert stored.media_type == "image/png"
        long = store_picture(picture(tmp_path / f"{'x' * 200}.jpg"), staged)
        assert len(long.file_name) <= 90


ODT = "application/vnd.oasis.opendocument.text"


def test_each_kind_of_attachment_is_taken_when_it_is_what_its_name_says(tmp_path: Path) -> None:
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


def test_files_come_into_place_together_or_not_at_all(tmp_path: Path) -> None:
    media = tmp_path / "media"
    with StagedFiles(media) as staged:
        name = staged.add(PDF)
        assert not path_of(media, name).exists()
        staged.move()
        assert path_of(media, name).read_bytes() == PDF
        assert name == hashlib.sha256(PDF).hexdigest()
        assert path_of(media, name).stat().st_mode & 0o777 == 0o600
    with StagedFiles(media) as staged:
        other = staged.add(b"other")
    assert not path_of(media, other).exists()
    assert path_of(media, name).exists()
    assert list((media / ".incoming").iterdir()) == []


def test_files_staged_by_a_killed_command_are_removed_and_none_in_use(
    tmp_path: Path,
) -> None:
    """Whatever the clock says: a command that works for long keeps what it prepared."""
    left = tmp_path / "media" / ".incoming" / "left"
    left.mkdir(parents=True)
    with StagedFiles(tmp_path / "media") as slow:
        assert not left.exists()
        os.utime(slow.folder, (0, 0))
        with StagedFiles(tmp_path / "media"):
            assert slow.folder.exists()
    assert list((tmp_path / "media" / ".incoming").iterdir()) == []


Put = Callable[..., Article]


@pytest.fixture
def put(app: Flask, session: Session, tmp_path: Path) -> Put:
    """Publish an article with a picture and a report."""

    def put(status: str = "published", **values: object) -> Article:
        media = Path(app.instance_path) / "media"
        (tmp_path / "report.pdf").write_bytes(PDF)
        shown = picture(tmp_path / "march.jpg")
        with StagedFiles(media) as staged:
            march = replace(store_picture(shown, staged), alt="A march")
            report = store_attachment(
                tmp_path / "report.pdf", staged, title="The report", language="en"
            )
            staged.move()
        draft = replace(
            factories.draft(**values),  # type: ignore[arg-type]  # what the factory takes
            pictures=[march],
            attachments=[report],
        )
        now = utc_now()
        article = publishing.create(session, draft, by=EDITOR, now=now)
        if status == "scheduled":
            publishing.schedule(session, article, now + timedelta(days=1), by=EDITOR, now=now)
        elif status != "draft":
            publishing.publish(session, article, by=EDITOR, now=now)
        if status == "withdrawn":
            publishing.withdraw(session, article, by=EDITOR, now=now)
        session.commit()
        return article

    return put


def addresses(article: Article) -> tuple[str, str]:
    (march,), (report,) = article.pictures, article.attachments
    return (
        f"/media/{march.file_hash}/{march.file_name}",
        f"/media/{report.file_hash}/{report.file_name}",
    )


def test_a_picture_is_shown_and_an_attachment_downloaded(client: FlaskClient, put: Put) -> None:
    march, report = addresses(put())
    with client.get(march) as shown:
        assert shown.status_code == 200
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert shown.headers["Content-Disposition"] == "inline; filename=march.jpg"
    with client.get(report) as sent:
        assert sent.data == PDF
        assert sent.headers["Content-Type"] == "application/pdf"
        assert sent.headers["Content-Disposition"] == "attachment; filename=report.pdf"
        assert sent.headers["X-Content-Type-Options"] == "nosniff"
        assert sent.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "Set-Cookie" not in sent.headers
        # Short: what is withdrawn shall be gone from caches soon.
        assert sent.cache_control.public
        assert sent.cache_control.max_age == 300


def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, put: Put) -> None:
    march, _report = addresses(put())
    with client.get(march) as first:
        etag = first.headers["ETag"]
    with client.get(march, headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304
        assert not again.data
        assert set(dict(again.headers)) <= {"ETag", "Cache-Control", "Vary", "Date"}


def test_a_range_of_a_file_may_be_requested(client: FlaskClient, put: Put) -> None:
    _march, report = addresses(put())
    with client.get(report, headers={"Range": "bytes=0-4"}) as part:
        assert part.status_code == 206
        assert part.data == b"%PDF-"
        assert part.headers["Content-Range"] == f"bytes 0-4/{len(PDF)}"
    with client.get(report, headers={"Range": "bytes=9999-"}) as beyond:
        assert beyond.status_code == 416
    with client.head(report) as head:
        assert head.headers["Content-Length"] == str(len(PDF))


@pytest.mark.parametrize(
    ("status", "code"), [("draft", 404), ("scheduled", 404), ("withdrawn", 410)]
)
def test_a_file_has_the_status_of_its_article(
    client: FlaskClient, put: Put, status: str, code: int
) -> None:
    for address in addresses(put(status)):
        with client.get(address) as response:
            assert response.status_code == code


def test_the_files_of_a_members_only_article_are_not_public(client: FlaskClient, put: Put) -> None:
    for address in addresses(put(members_only=True)):
        with client.get(address) as response:
            assert response.status_code == 404


def test_a_file_stops_when_its_article_is_withdrawn(
    client: FlaskClient, session: Session, put: Put
) -> None:
    article = put()
    march, _report = addresses(article)
    with client.get(march) as shown:
        etag = shown.headers["ETag"]
    publishing.withdraw(session, article, by=EDITOR, now=utc_now())
    session.commit()
    for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-4"}):
        with client.get(march, headers=headers) as response:
            assert response.status_code == 410


def test_a_shared_file_is_sent_as_long_as_one_article_shows_it(
    client: FlaskClient, put: Put
) -> None:
    put("withdrawn")
    march, _report = addresses(put(members_only=True))
    with client.get(march) as response:
        assert response.status_code == 410
    put()
    with client.get(march) as response:
        assert response.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda path: f"/es{path}",
        lambda path: path.replace("march.jpg", "march.php"),
        lambda path: path.replace("march.jpg", "..%2f..%2fpsg.sqlite"),
        lambda path: path.replace("/media/", "/media/0"),
        lambda path: path.upper().replace("/MEDIA/", "/media/").replace("MARCH.JPG", "march.jpg"),
        lambda path: "/media/" + "0" * 64 + "/march.jpg",
        lambda path: "/media/../config.py",
    ],
)
def test_no_other_address_gives_a_file(
    client: FlaskClient, put: Put, change: Callable[[str], str]
) -> None:
    march, _report = addresses(put())
    with client.get(change(march)) as response:
        assert response.status_code == 404


def test_a_lost_file_is_not_found(app: Flask, client: FlaskClient, put: Put) -> None:
    march, _report = addresses(put())
    path_of(Path(app.instance_path) / "media", march.split("/")[2]).unlink()
    with client.get(march) as response:
        assert response.status_code == 404


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_the_article_s_page_shows_its_files(client: FlaskClient, put: Put, prefix: str) -> None:
    article = put(language="es" if prefix else "en")
    page = client.get(f"{prefix}/news/{article.slug}").text
    for address in addresses(article):
        assert f'"{address}"' in page
    assert 'alt="A march"' in page


def test_the_drafts_of_files_have_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(PDF)
    with StagedFiles(tmp_path / "media") as staged:
        report = store_attachment(tmp_path / "report.pdf", staged, title="R", language="es")
        march = store_picture(picture(tmp_path / "march.jpg"), staged)
    assert isinstance(report, AttachmentDraft)
    assert (report.size, report.media_type, report.language) == (len(PDF), "application/pdf", "es")
    assert isinstance(march, PictureDraft)
    assert (march.width, march.height) == (40, 30)
    assert march.size > 0
