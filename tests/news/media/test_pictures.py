"""Pictures: which are accepted, and what is left of them."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from psgflask.news.media import pictures
from psgflask.news.media.pictures import PictureRefused, recode, recode_data, webp_size
from tests.deflate_bombs import deflate_bomb
from tests.news.media.files import picture

SECRET = b"Av. Secreta 123"
GPS = 0x8825


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


BOMB = deflate_bomb(b"\0", 200_000_000)


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"zTXt", b"Comment\0\0" + BOMB),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
        chunk(b"iCCP", b"profile\0\0" + BOMB),
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
