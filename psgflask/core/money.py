"""Amounts of money as people type them: pounds, in the British or the Peruvian way."""

import re
from decimal import Decimal

MAX_POUNDS = Decimal("999999999.99")
# One or two digits after the last mark are pence, groups of three are thousands. A full stop
# separates thousands only where a comma follows for the pence: "1.000" alone could be either.
_WITH_POINT = re.compile(
    r"(\d+|[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?: \d{3})+)(?:\.(\d{1,2}))?", re.ASCII
)
_WITH_COMMA = re.compile(
    r"(\d+|[1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?: \d{3})+),(\d{1,2})", re.ASCII
)


def parse_pounds(text: str) -> Decimal:
    """Parse an amount in pounds, from 0 to MAX_POUNDS, to the penny. Raises ValueError.

    "24", "£24", "24.5" and "24,50" are what they look like; "1,000", "1 000" and "1.000,00" are a
    thousand. What could be read in two ways ("1.000", "24.505", "1,00,0") is refused.
    """
    bare = " ".join(text.split()).removeprefix("£").removesuffix("£").strip()
    match = _WITH_POINT.fullmatch(bare) or _WITH_COMMA.fullmatch(bare)
    if match is not None:
        amount = Decimal(f"{re.sub('[,. ]', '', match[1])}.{match[2] or '0':0<2}")
        if amount <= MAX_POUNDS:
            return amount
    raise ValueError(f"write an amount in pounds such as 12500, not {text!r}")
