"""Unicode: normal forms, and folding, by which search and members' names are compared."""

import re
import unicodedata
from typing import Literal

# Reordering combining marks takes time quadratic in how many stand in a row. Real text has one or
# two on a letter; a run cut off beyond this length is no text.
MAX_RUN = 1_000
_PIECE = re.compile(rf"(?s).{{1,{MAX_RUN}}}(?=\s|\Z)|.{{1,{MAX_RUN}}}")


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
