"""In what form names and postcodes are compared, so that two ways of writing one are alike."""

import re

from psgflask.core.folding import fold

LONGEST = 400  # as the columns that hold it; folding can lengthen a name
APOSTROPHES = re.compile("['’‘ʼ`´]")


def name(text: str) -> str:
    """Return a name to compare by: words of letters and digits alone, folded.

    "Anne-Marie O’Brien" and "ANNE MARIE OBRIEN" give "anne marie obrien".
    """
    bare = APOSTROPHES.sub("", text)
    return " ".join(re.findall(r"[^\W_]+", fold(bare)))[:LONGEST]


def postcode(text: str) -> str:
    """Return a postcode to compare by: its letters and digits, folded; "LS1 4DY" gives "ls14dy"."""
    return "".join(re.findall(r"[^\W_]", fold(text)))[:20]
