"""The program that re-encodes one picture, in a process that `confined` bounds.

Started by its path: it imports nothing of the site. The picture comes on standard input; out goes
a line of JSON with what was made of it, or with why it is refused, and then the picture.
"""

import contextlib
import json
import sys
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

NO_READER = 3  # as `confined` knows it
WIDEST = 1600  # pixels
LONGEST_SIDE = 30_000
MOST_PIXELS = 50_000_000
# What comes in as a format goes out as the same one: its extension and how it is written.
FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "JPEG": ("jpg", "image/jpeg", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("png", "image/png", {"optimize": True}),
    "WEBP": ("webp", "image/webp", {"quality": 85, "method": 4}),
}
ORIENTATION = 0x0112  # of EXIF: 1 to 4 stand or hang, 5 to 8 lie on a side
TOO_LARGE = "has more than 50 million pixels, or a side of more than 30,000: save it smaller"
DAMAGED = "is damaged and cannot be read: open it in the program that it was made with and save it"


class Refused(Exception):
    """The file is no picture that can be taken; the message says what to do."""


def recoded(data: bytes) -> tuple[dict[str, object], bytes]:
    """Return what a picture became, and the picture. Raises Refused."""
    from PIL import Image, UnidentifiedImageError

    # WebP's decoder takes the memory for the whole picture before anybody can ask for its size.
    check_size(webp_size(data))
    try:
        with warnings.catch_warnings():
            # Its own warning comes later than ours and would only say the same.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture: Picture = Image.open(BytesIO(data), formats=tuple(FORMATS))
        with picture:
            check_size(picture.size)
            # Many telephones write a JPEG with a second picture behind the first (MPO).
            written = "JPEG" if picture.format == "MPO" else str(picture.format)
            clean = _clean(picture, opaque=written == "JPEG")
    except Image.DecompressionBombError as error:
        raise Refused(TOO_LARGE) from error
    except UnidentifiedImageError as error:
        raise Refused("is not a JPEG, PNG or WebP picture: save it as one of these") from error
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged file breaks a decoder in any way
        raise Refused(DAMAGED) from error
    extension, media_type, options = FORMATS[written]
    out = BytesIO()
    clean.save(out, written, **options)
    about = {"extension": extension, "media_type": media_type}
    return {**about, "width": clean.width, "height": clean.height}, out.getvalue()


def check_size(size: tuple[int, int]) -> None:
    """Refuse by what the header says, before a single pixel is decoded."""
    if max(size) > LONGEST_SIDE or size[0] * size[1] > MOST_PIXELS:
        raise Refused(TOO_LARGE)


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP picture (RFC 9649, 2.7 and 3.4), of all else (0, 0)."""
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
    """Return the pixels alone, upright: what Pillow keeps beside them would be written again."""
    from PIL import Image, ImageOps

    # A JPEG can be read at half or a quarter of its size, which spares memory.
    picture.draft(None, (WIDEST * 2, WIDEST * 2))
    with contextlib.suppress(Exception):  # camera data that cannot be read says nothing
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
    """Read standard input, and write what came of it."""
    try:
        import PIL  # noqa: F401  # before the file is touched
    except ImportError:
        sys.exit(NO_READER)
    try:
        about, data = recoded(sys.stdin.buffer.read())
    except Refused as refused:
        about, data = {"refused": str(refused)}, b""
    except MemoryError:
        about, data = {"refused": "takes too much memory to read: save it smaller"}, b""
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n" + data)


if __name__ == "__main__":
    main()
