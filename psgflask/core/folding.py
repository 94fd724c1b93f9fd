"""Folding: text without case and accents, as search compares words and members' names."""

import re
import unicodedata
from typing import Literal

# To put accents in order takes time by the square of how many stand in a row. Real text has one or
# two on a letter; what is cut off in a row beyond this is no text.
LONGEST = 1_000
_PIECE = re.compile(rf"(?s).{{1,{LONGEST}}}(?=\s|\Z)|.{{1,{LONGEST}}}")


def fold(text: str) -> str:
    """Drop case and combining marks: "Castañeda" gives "castaneda"."""
    decomposed = normalized("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def normalized(form: Literal["NFC", "NFKC", "NFD", "NFKD"], text: str) -> str:
    """Return a text in a form of Unicode, in linear time whatever it is (UAX 15).

    Piece by piece, each up to a space, over which no form reaches.
    """
    if text.isascii():
        return text
    if len(text) <= LONGEST:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, piece) for piece in _PIECE.findall(text))
