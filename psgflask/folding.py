"""Folding: text without case and accents, as search compares words and members' names."""

import unicodedata


def fold(text: str) -> str:
    """Drop case and combining marks: "Castañeda" gives "castaneda"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
