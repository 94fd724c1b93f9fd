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
SKY, GROUND, INK, DATE, THREAD = "#d8dedc", "#f4f5f2", "#17191b", "#880e39", "#b7849a"
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


def emblem(draw: ImageDraw.ImageDraw, x: float, y: float, width: float) -> None:
    """Draw the emblem of emblem.svg, `width` pixels wide, with its corner at (x, y)."""
    unit = width / 44

    def box(left: float, top: float, right: float, bottom: float) -> None:
        draw.rectangle(
            (x + left * unit, y + top * unit, x + right * unit - 1, y + bottom * unit - 1), DATE
        )

    box(0, 0, 44, 6)
    for cord, knots in zip((6, 16.7, 27.3, 38), YEAR, strict=True):
        box(cord - 0.9, 6, cord + 0.9, 62)
        for knot in range(knots):
            box(cord - 3.7, 10 + 5.4 * knot, cord + 3.7, 14.3 + 5.4 * knot)


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
    """Draw the picture that stands beside a shared link: emblem, name, beam and cords."""
    picture = Image.new("RGB", (1200, 630), GROUND)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 1200, 382), SKY)
    draw.rectangle((0, 382, 1200, 398), INK)
    emblem(draw, 80, 120, 132)
    draw.text((252, 308), "Peru Support Group", INK, font("andada-pro", 92, 700), "ls")
    for place in range(44):  # a rising record, not a count: no figure is attached to it
        x = 80 + place * 24
        draw.line((x, 398, x, 526), THREAD, 2)
        length = 10 + place * 2 + (place * 37 % 11) * 2
        draw.line((x, 398, x, 398 + length), DATE, 8)
    words = "News from Peru, for human rights"
    draw.text((77, 584), words, INK, font("archivo-narrow-600", 34), "ls")
    return picture


if __name__ == "__main__":
    bars(32, 0.03, None).save(HERE / "favicon.ico", sizes=[(32, 32)])
    bars(180, 0.17, SKY).convert("RGB").save(HERE / "apple-touch-icon.png", optimize=True)
    card().quantize(64).save(HERE / "og.png", optimize=True)
