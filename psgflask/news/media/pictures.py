"""Incoming pictures: re-encoded in a sandbox, which removes everything but the picture.

Run by its path it is the program in the sandbox, so its head imports nothing of the site. The
picture comes on standard input; the output is a line of JSON with the facts of the new picture,
or with the reason for refusing it, and then the picture.
"""

import contextlib
import json
import sys
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PROGRAM = Path(__file__)
MEGABYTES, SECONDS = 1000, 25
MAX_BYTES = 25_000_000
WIDEST = 1600  # pixels
MAX_SIDE = 30_000
MAX_PIXELS = 50_000_000
# Each format is kept: its extension, its media type and how it is written.
FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "JPEG": ("jpg", "image/jpeg", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("png", "image/png", {"optimize": True}),
    "WEBP": ("webp", "image/webp", {"quality": 85, "method": 4}),
}
ORIENTATION = 0x0112  # of EXIF: 1 to 4 are upright or upside down, 5 to 8 sideways
TOO_LARGE = "has more than 50 million pixels, or a side of more than 30,000: save it smaller"
NO_PICTURE = "is not a JPEG, PNG or WebP picture: save it as one of these"
DAMAGED = "is damaged and cannot be read: open it in the program that it was made with and save it"


class PictureRefused(ValueError):
    """The file cannot be used as a picture; the message says what to do."""


@dataclass(frozen=True)
class Recoded:
    """A picture as the site stores it; width and height in pixels."""

    data: bytes
    extension: str
    media_type: str
    width: int
    height: int


def recode(path: Path) -> Recoded:
    """Return a picture upright, at most 1600 pixels wide, without any metadata.

    Camera data, places (GPS), comments, colour profiles and whatever follows the image in the
    file are removed. Raises PictureRefused: no JPEG, PNG or WebP, too large, or damaged; OSError
    where the file is not to blame.
    """
    from psgflask.news.media import sandbox  # not in the sandbox

    if path.stat().st_size > MAX_BYTES:
        raise PictureRefused(f"{path.name} has more than 25 megabytes: save it smaller")
    output = sandbox.run(
        PROGRAM, path, kind="picture", library="PIL", megabytes=MEGABYTES, seconds=SECONDS
    )
    if output is None:
        raise PictureRefused(
            f"{path.name} takes too long or too much memory to read: save it smaller"
        )
    line, _end, data = output.partition(b"\n")
    facts = json.loads(line)
    if "refused" in facts:
        raise PictureRefused(f"{path.name} {facts['refused']}")
    return Recoded(data, **facts)


def recode_data(data: bytes) -> tuple[dict[str, object], bytes]:
    """Return the facts of a re-encoded picture and its bytes. Raises PictureRefused."""
    from PIL import Image, UnidentifiedImageError

    # WebP's decoder allocates the whole picture before its size can be read.
    check_size(webp_size(data))
    try:
        with warnings.catch_warnings():
            # Its own warning would only repeat ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture: Picture = Image.open(BytesIO(data), formats=tuple(FORMATS))
        with picture:
            check_size(picture.size)
            # Many telephones append a second picture to a JPEG (MPO).
            written = "JPEG" if picture.format == "MPO" else str(picture.format)
            clean = _clean(picture, opaque=written == "JPEG")
    except Image.DecompressionBombError as error:
        raise PictureRefused(TOO_LARGE) from error
    except UnidentifiedImageError as error:
        raise PictureRefused(NO_PICTURE) from error
    except (PictureRefused, MemoryError):
        raise
    except Exception as error:  # a damaged file may raise anything in a decoder
        raise PictureRefused(DAMAGED) from error
    extension, media_type, options = FORMATS[written]
    out = BytesIO()
    clean.save(out, written, **options)
    facts = {"extension": extension, "media_type": media_type}
    return {**facts, "width": clean.width, "height": clean.height}, out.getvalue()


def check_size(size: tuple[int, int]) -> None:
    """Check the size in the header, before any pixel is decoded. Raises PictureRefused."""
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise PictureRefused(TOO_LARGE)


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP picture (RFC 9649, 2.7 and 3.4), (0, 0) of other data."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return 0, 0

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    match data[12:16]:
        case b"VP8X":
            return number(24, 3) + 1, number(27, 3) + 1
        case b"VP8L":
            return (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
        case _:
            return number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF


def _clean(picture: "Picture", *, opaque: bool) -> "Picture":
    """Return the pixels alone, upright: Pillow would write its metadata again."""
    from PIL import Image, ImageOps

    # A JPEG can be decoded at half or a quarter of its size, which saves memory.
    picture.draft(None, (WIDEST * 2, WIDEST * 2))
    with contextlib.suppress(Exception):  # unreadable camera data is ignored
        picture.getexif()
    mode = _mode(picture)
    small = _shrunk(picture if picture.mode == mode else picture.convert(mode))
    upright = ImageOps.exif_transpose(small)
    if opaque and upright.mode == "RGBA":
        upright = upright.convert("RGB")
    bare = Image.new(upright.mode, upright.size)
    bare.paste(upright)
    return bare


def _shrunk(picture: "Picture") -> "Picture":
    from PIL import Image

    sideways = picture.getexif().get(ORIENTATION, 1) > 4
    width = picture.height if sideways else picture.width
    if width <= WIDEST:
        return picture
    size = [max(1, round(side * WIDEST / width)) for side in picture.size]
    smaller = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    smaller.info = picture.info
    return smaller


def _mode(picture: "Picture") -> str:
    if "A" in picture.getbands() or "transparency" in picture.info:
        return "RGBA"
    return "L" if picture.mode in {"1", "L"} else "RGB"


def main() -> None:
    """Re-encode the picture on standard input."""
    try:
        facts, data = recode_data(sys.stdin.buffer.read())
    except PictureRefused as refused:
        facts, data = {"refused": str(refused)}, b""
    except MemoryError:
        facts, data = {"refused": "takes too much memory to read: save it smaller"}, b""
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + data)


if __name__ == "__main__":
    main()
