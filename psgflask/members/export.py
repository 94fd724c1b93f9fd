"""Members as a table for spreadsheets: no cell of it can be taken for a formula."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

# What spreadsheets take for the beginning of a formula, or of another cell (OWASP, "CSV
# Injection"). Full-width and small forms are among them: some programs fold those first.
BEGINNINGS = frozenset("=+-@\t\r\n|%")
INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\x00-\x1f\x7f]*")
GUARD = "'"


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

    What begins with apostrophes before such a sign gets one more, so that `bare` can tell them.
    """
    return GUARD + cell if _is_risky(cell.lstrip(GUARD)) else cell


def bare(cell: str) -> str:
    """Return what `guarded` was given."""
    if cell.startswith(GUARD) and _is_risky(cell.lstrip(GUARD)):
        return cell[1:]
    return cell


def _is_risky(cell: str) -> bool:
    if cell[:1] in BEGINNINGS and cell:
        return True
    shown = INVISIBLE.sub("", cell, count=1)
    return unicodedata.normalize("NFKC", shown[:1])[:1] in BEGINNINGS and bool(shown)
