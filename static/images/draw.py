"""Draw the pictures that cannot be SVG: favicon.ico, apple-touch-icon.png, and og.png.

Needs Pillow, fonttools and brotli, as only the designer does; the site serves the files.

    python draw.py
"""

from __future__ import annotations

import io
from pathlib import Path

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
FONTS = HERE.parent / "fonts"
SKY, GROUND, INK, DATE = "#d8dedc", "#f4f5f2", "#17191b", "#880e39"
YEAR = (1, 9, 8, 3)
FINER = 8  # drawn so many times larger, then made small: even edges


def font(name: str, size: int, weight: int | None = None) -> ImageFont.FreeTypeFont:
    """Open one of the site's fonts at a size in pixels, and at a weight where it has several."""
    found = TTFont(FONTS / f"{name}.woff2")
    if weight:
        instantiateVariableFont(found, {"wght": weight}, inplace=True)
    found.flavor = None
    plain = io.BytesIO()
    found.save(plain)
    plain.seek(0)
    return ImageFont.truetype(plain, size)


def cords(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float) -> None:
    """Hang the cords of emblem.svg from a beam at `y`; a `unit` of it is so many pixels."""

    def box(left: float, top: float, right: float, bottom: float) -> None:
        draw.rectangle((x + left * unit, y + top * unit, x + right * unit, y + bottom * unit), DATE)

    for cord, knots in zip((3.7, 14.4, 25, 35.7), YEAR, strict=True):
        box(cord - 0.6, 0, cord + 0.6, 56)
        for knot in range(knots):
            box(cord - 3.7, 4 + 5.4 * knot, cord + 3.7, 8.3 + 5.4 * knot)


def bars(size: int, margin: float, ground: str | None) -> Image.Image:
    """Draw the emblem of small sizes: four bars as long as 1, 9, 8 and 3."""
    whole = Image.new("RGBA", (size * FINER, size * FINER), ground or (0, 0, 0, 0))
    draw = ImageDraw.Draw(whole)
    unit = size * FINER * (1 - 2 * margin) / 30
    start = size * FINER * margin
    draw.rectangle((start, start + unit, start + 30 * unit - 1, start + 6 * unit - 1), DATE)
    for place, share in enumerate(YEAR):
        left = start + (1.25 + place * 7.67) * unit
        draw.rectangle(
            (left, start + 6 * unit, left + 4.5 * unit - 1, start + (6 + share * 2.6) * unit), DATE
        )
    return whole.resize((size, size), Image.Resampling.LANCZOS)


def card() -> Image.Image:
    """Draw the picture that stands beside a shared link: name, beam, and 1983 in knots."""
    picture = Image.new("RGB", (1200, 630), GROUND)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 1200, 270), SKY)
    draw.rectangle((0, 270, 1200, 287), INK)
    draw.text((76, 206), "Peru Support Group", INK, font("andada-pro", 110, 700), "ls")
    cords(draw, 80, 288, 4.9)
    reading = font("andada-pro", 56, 400)
    for line, words in enumerate(("News from Peru,", "kept for human rights", "since 1983")):
        draw.text((350, 372 + line * 74), words, INK, reading, "ls")
    return picture


if __name__ == "__main__":
    bars(32, 0.03, None).save(HERE / "favicon.ico", sizes=[(32, 32)])
    bars(180, 0.17, SKY).convert("RGB").save(HERE / "apple-touch-icon.png", optimize=True)
    card().quantize(64).save(HERE / "og.png", optimize=True)
