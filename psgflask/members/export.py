"""Members as a table for spreadsheets: no cell of it can be taken for a formula."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
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
# Each with what stands between the beginning and what looks so: nothing yet, or the guard.
_WITHIN = rf"(?:\A|(?<=[{ENDS}]))%s(?=[{DROPPED}]*[{FORMULA}])"
_FIRST = rf"\A%s(?=[{DROPPED}]*[{AT_FIRST}])"
_TO_GUARD = re.compile(f"{_WITHIN % ''}|{_FIRST % ''}")
_GUARDED = re.compile(f"{_WITHIN % GUARD}|{_FIRST % GUARD}")


class TableUnreadable(ValueError):
    """A file is no table that `write` has written."""


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


def read(file: IO[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a file that `write` has written, as they were before.

    The file must be opened with newline="" and encoding="utf-8-sig". Raises TableUnreadable.
    """
    lines = csv.reader(file, strict=True)
    try:
        names = next(lines, None)
        if not names:
            raise TableUnreadable("The file is empty")
        for row in lines:
            if len(row) != len(names):
                raise TableUnreadable(
                    f"Line {lines.line_num} has {len(row)} cells, not {len(names)}"
                )
            yield dict(zip(names, map(bare, row), strict=True))
    except csv.Error as error:
        raise TableUnreadable(f"Line {lines.line_num}: {error}") from error


def guarded(cell: str) -> str:
    """Return a cell that no program takes for a formula: an apostrophe before what looks so.

    Also within the cell, where a program with other settings begins a new one. What begins with
    apostrophes before such a sign gets one more, so that `bare` can tell them.
    """
    return _TO_GUARD.sub(GUARD, cell)


def bare(cell: str) -> str:
    """Return what `guarded` was given."""
    return _GUARDED.sub("", cell)
