"""Pictures that come in: checked by their header, re-encoded, and thereby rid of all else.

Pillow is imported inside the functions: the server never needs it.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

WIDEST = 1600  # pixels
MOST_PIXELS = 50_000_000
LARGEST = 25_000_000  # bytes
# What comes in as a format goes out as the same one: its extension and how it is written.
FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "JPEG": ("jpg", "image/jpeg", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("png", "image/png", {"optimize": True}),
    "WEBP": ("webp", "image/webp", {"quality": 85, "method": 4}),
}


class PictureRefused(ValueError):
    """The file cannot be taken as a picture; the message says what to do."""


@dataclass(frozen=True)
class Recoded:
    """A picture as the site keeps it; width and height in pixels."""

    data: bytes
    extension: str
    media_type: str
    width: int
    height: int


def recode(path: Path) -> Recoded:
    """Return a picture upright, at most 1600 pixels wide, with nothing in it but the picture.

    Camera data, places (GPS), comments, colour profiles and whatever hides behind the image in
    the file do not survive. Raises PictureRefused: no JPEG, PNG or WebP, too large, or damaged.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.stat().st_size > LARGEST:
        raise PictureRefused(f"{path.name} has more than 25 megabytes: save it smaller")
    try:
        with warnings.catch_warnings():
            # Its own warning comes later than ours and would only say the same.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture: Picture = Image.open(path, formats=tuple(FORMATS))
        with picture:
            _check_size(picture, path.name)
            extension, media_type, options = FORMATS[str(picture.format)]
            written = str(picture.format)
            # A JPEG can be read at half or a quarter of its size, which spares memory.
            picture.draft(None, (WIDEST * 2, WIDEST * 2))
            upright = ImageOps.exif_transpose(picture)
            clean = _bare(_shrunk(upright), opaque=written == "JPEG")
    except Image.DecompressionBombError as error:
        raise PictureRefused(_too_many_pixels(path.name)) from error
    except UnidentifiedImageError as error:
        raise PictureRefused(
            f"{path.name} is not a JPEG, PNG or WebP picture: save it as one of these"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, PictureRefused):
            raise
        raise PictureRefused(f"{path.name} is damaged and cannot be read: {error}") from error
    out = BytesIO()
    clean.save(out, written, **options)
    return Recoded(out.getvalue(), extension, media_type, clean.width, clean.height)


def _check_size(picture: "Picture", name: str) -> None:
    """Refuse by what the header says, before a single pixel is decoded."""
    if picture.width * picture.height > MOST_PIXELS:
        raise PictureRefused(_too_many_pixels(name))


def _too_many_pixels(name: str) -> str:
    return f"{name} has more than 50 million pixels: save it smaller"


def _shrunk(picture: "Picture") -> "Picture":
    from PIL import Image

    mode = _mode(picture)
    converted = picture if picture.mode == mode else picture.convert(mode)
    if converted.width <= WIDEST:
        return converted
    height = max(1, round(converted.height * WIDEST / converted.width))
    return converted.resize((WIDEST, height), Image.Resampling.LANCZOS)


def _mode(picture: "Picture") -> str:
    if "A" in picture.getbands() or "transparency" in picture.info:
        return "RGBA"
    return "L" if picture.mode in {"1", "L"} else "RGB"


def _bare(picture: "Picture", *, opaque: bool) -> "Picture":
    """Copy the pixels alone: what Pillow keeps beside them would be written out again."""
    from PIL import Image

    if opaque and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    return bare
