"""Texts as snippets show and search them: in one line, and folded character by character."""

import re
from dataclasses import dataclass
from functools import lru_cache

from psgflask.core.folding import fold, normalise

# Characters that no text has, to mark places in one.
MARKS = ("\x02", "\x03")

_BEYOND = re.compile(r"[^\x00-\x7f]")
# How ASCII is folded.
PLAINLY = bytes(ord(chr(code).lower() if chr(code).isalnum() else " ") for code in range(128))
PLAINLY += bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Text:
    """A text in one line, and the same folded by character: only letters, digits and spaces.

    That one has a space more at both ends: what stands at a place of `shown` has its space before
    it at the same place of `padded`.
    """

    shown: str
    padded: str


def prepared(text: str) -> Text:
    """Return a text as it is stored."""
    for mark in MARKS:  # a table of `translate` would be looked up for every character
        text = text.replace(mark, " ")
    shown = normalise("NFC", " ".join(text.split()))
    if shown.isascii():
        return Text(shown, f" {shown.encode().translate(PLAINLY).decode()} ")
    plainly = _BEYOND.sub(lambda found: _folded(found[0]), shown)
    return Text(shown, f" {plainly.encode().translate(PLAINLY).decode()} ")


@lru_cache(maxsize=5_000)
def _folded(character: str) -> str:
    if not character.isalnum():
        return " "
    folded = fold(character)
    return folded if len(folded) == 1 else character
