"""Members as a table for spreadsheets: no cell of it can be taken for a formula."""

import csv
import re
from collections.abc import Iterable, Mapping
from typing import IO

# What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection"), and what becomes
# one of these signs in a program that folds wide, small and raised forms (NFKC).
FORMULA = r"=⁼₌⩵⩶﹦＝+⁺₊﬩﹢＋\-﹣－−@﹫＠\t\r"
# At the very beginning some programs take these for one too.
AT_FIRST = r"\n|\x25"
# Where a program with other settings ends a cell: another separator, or a line break within it.
ENDS = r",;\t|:，﹐︐；﹔︔\u037e｜：﹕︓\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
# What programs drop before they look: quotes, spaces, and what nobody sees.
DROPPED = (
    r"'\"＇＂ \x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\xa0\xad\u034f\u061c\u115f\u1160\u1680"
    r"\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0"
)
GUARD = "'"
_TO_GUARD = re.compile(
    rf"(?:\A|(?<=[{ENDS}]))(?=[{DROPPED}]*[{FORMULA}])|\A(?=[{DROPPED}]*[{AT_FIRST}])"
)


def write(rows: Iterable[Mapping[str, str]], columns: Iterable[str], file: IO[str]) -> int:
    """Write rows as CSV (RFC 4180), every cell quoted and guarded; return how many there were.

    The file must be opened with newline="".
    """
    names = list(columns)
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    count = 0
    for row in rows:
        writer.writerow([guarded(row[name]) for name in names])
        count += 1
    return count


def guarded(cell: str) -> str:
    """Return a cell that no program takes for a formula: an apostrophe before what looks so.

    Also within the cell, where a program with other settings begins a new one. What begins with
    apostrophes before such a sign gets one more.
    """
    return _TO_GUARD.sub(GUARD, cell)
