"""Cut the site's three font files out of the two font packages that they come from.

The sources are two npm packages, unpacked side by side:

    npm pack @fontsource-variable/andada-pro@5.3.0 @fontsource-variable/archivo-narrow@5.3.0
    for f in fontsource-variable-*.tgz; do mkdir "${f%.tgz}" && tar xzf "$f" -C "${f%.tgz}"; done
    pip install fonttools brotli
    python subset.py FOLDER-WITH-BOTH

fonttools is needed only here; the site itself serves the files as they are committed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

# English, Spanish and their neighbours: ASCII, Latin-1, dotless i, the French oe, dashes,
# quotation marks, bullet, ellipsis, euro, minus. No arrows: the pages say it in words.
ALL = [
    *range(0x20, 0x7F), *range(0xA0, 0x100), 0x131, 0x152, 0x153, 0x2013, 0x2014,
    *range(0x2018, 0x201B), *range(0x201C, 0x201F), 0x2022, 0x2026, 0x20AC, 0x2212,
]  # fmt: skip
# Italics only ever set a phrase inside a text: ASCII, what Romance languages write over their
# letters, and the marks that stand beside words.
ROMANCE = [
    *range(0x20, 0x7F), 0xA0,
    *map(ord, "¡¿ªº«»·ÀÁÂÃÇÈÉÊËÌÍÎÏÑÒÓÔÕÙÚÛÜàáâãçèéêëìíîïñòóôõùúûüŒœ–—‘’“”…"),
]  # fmt: skip


@dataclass(frozen=True)
class Cut:
    """One file to make: where it comes from, which weights and characters of it are kept."""

    package: str
    source: str
    target: str
    weights: float | tuple[float, float]
    characters: Iterable[int]
    features: list[str] = field(default_factory=lambda: ["kern", "liga", "ccmp", "locl", "mark"])


ANDADA = "fontsource-variable-andada-pro-5.3.0/package"
NARROW = "fontsource-variable-archivo-narrow-5.3.0/package"
CUTS = (
    Cut(ANDADA, "andada-pro-latin-wght-normal", "andada-pro", (400, 700), ALL),
    Cut(ANDADA, "andada-pro-latin-wght-italic", "andada-pro-italic", 400, ROMANCE),
    Cut(NARROW, "archivo-narrow-latin-wght-normal", "archivo-narrow-600", 600, ALL,
        ["kern", "tnum", "ccmp"]),
)  # fmt: skip
LICENCES = {ANDADA: "OFL-andada-pro.txt", NARROW: "OFL-archivo-narrow.txt"}


def cut(sources: Path, wanted: Cut, target: Path) -> int:
    """Write the font that `wanted` describes to `target`, and return its size in bytes."""
    font = TTFont(sources / wanted.package / "files" / f"{wanted.source}.woff2")
    instantiateVariableFont(font, {"wght": wanted.weights}, inplace=True, overlap=True)
    options = Options()
    options.layout_features = wanted.features
    options.flavor = "woff2"
    options.hinting = False
    options.desubroutinize = True
    options.name_IDs = [0, 1, 2, 13, 14]  # the licence stays with the font
    options.notdef_outline = True
    options.drop_tables += ["STAT", "MVAR"] if isinstance(wanted.weights, float | int) else []
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted.characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)
    return target.stat().st_size


def main(sources: Path, here: Path) -> None:
    """Make every file of CUTS beside this script, and copy the licences of the packages."""
    for wanted in CUTS:
        target = here / f"{wanted.target}.woff2"
        print(f"{target.name}: {cut(sources, wanted, target):,} bytes")
    for package, name in LICENCES.items():
        shutil.copy(sources / package / "LICENSE", here / name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(__file__).parent)
