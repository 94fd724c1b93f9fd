"""Unicode: normal forms, folding to compare texts, and texts as a plain keyboard writes them."""

import re
import unicodedata
from typing import Literal

# Reordering combining marks takes time quadratic in how many stand in a row. Real text has one or
# two on a letter; a run cut off beyond this length is no text.
MAX_RUN = 1_000
_PIECE = re.compile(rf"(?s).{{1,{MAX_RUN}}}(?=\s|\Z)|.{{1,{MAX_RUN}}}")

# Full-width forms of ASCII, as East Asian keyboards write it; what word processors make of
# apostrophes and hyphens.
_PLAIN = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
        **dict.fromkeys("‘’‛´ʹʼˈ′", "'"),
        **dict.fromkeys("‐‑‒–—―−⁃﹣", "-"),
    }
)
# Not of a category of their own, but nothing is seen of them: joiners, fillers, blank Braille.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Zs"}


def fold(text: str) -> str:
    """Drop case and combining marks: "Castañeda" gives "castaneda"."""
    decomposed = normalise("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def normalise(form: Literal["NFC", "NFKC", "NFD", "NFKD"], text: str) -> str:
    """Return a text in a Unicode normal form (UAX 15), in time linear in its length.

    Long texts are normalised in pieces that end at spaces, over which no form reaches.
    """
    if text.isascii():
        return text
    if len(text) <= MAX_RUN:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, piece) for piece in _PIECE.findall(text))


def plain(text: str) -> str:
    """Return a text as a plain keyboard writes it, for addresses that were copied.

    Full-width characters, typographic apostrophes and hyphens become ASCII, and what is invisible
    at both ends is removed.
    """
    text = text.translate(_PLAIN)
    seen = [position for position, character in enumerate(text) if not is_invisible(character)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def is_invisible(character: str) -> bool:
    """Say whether nothing is seen of a character: a space, a control or a filler."""
    return (
        unicodedata.category(character) in _INVISIBLE
        or character in _FILLERS
        or "\ufe00" <= character <= "\ufe0f"  # variation selectors
    )
