"""Files of the glossary: a concept a line, its English terms, its Spanish terms.

    english                               spanish
    prior consultation                    consulta previa
    environmental impact assessment|EIA   estudio de impacto ambiental|EIA

The columns are parted by tabs, commas or semicolons, as the first line does it, several terms by
an upright stroke. Empty lines and lines that begin with # say nothing.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from psgflask.manuscript.mistakes import InvalidFrontMatter, Mistake

COLUMNS = {"english": "en", "spanish": "es"}
BETWEEN_COLUMNS = "\t,;"
BETWEEN_TERMS = "|"
LARGEST = 2_000_000  # bytes


@dataclass(frozen=True)
class GlossaryEntry:
    """Terms that mean the same, each with its language."""

    terms: tuple[tuple[str, str], ...]


def read_entries(file: Path) -> list[tuple[int, GlossaryEntry]]:
    """Return (line, what stands there) of each concept.

    Raises InvalidFrontMatter with every mistake, and OSError.
    """
    with file.open("rb") as opened:
        read = opened.read(LARGEST + 1)
    if len(read) > LARGEST:
        raise InvalidFrontMatter(Mistake(1, "A file of the glossary has 2 MB at most"))
    try:
        text = read.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = read[: error.start].count(b"\n") + 1
        raise InvalidFrontMatter(
            Mistake(line, "This is no UTF-8: save the file as UTF-8")
        ) from error
    head = next((line for line in text.splitlines() if _says_something(line)), "")
    delimiter = next((sign for sign in BETWEEN_COLUMNS if sign in head), "\t")
    return _entries(text, delimiter)


def _entries(text: str, delimiter: str) -> list[tuple[int, GlossaryEntry]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, GlossaryEntry]] = []
    mistakes: list[Mistake] = []
    languages: list[str] = []
    begins = 1
    try:
        for cells in rows:
            line, begins = begins, rows.line_num + 1
            if not _says_something("".join(cells)):
                continue
            if not languages:
                languages = _languages(cells, line)
            elif len(cells) > len(languages) and any(map(str.strip, cells[len(languages) :])):
                mistakes.append(Mistake(line, "There are more columns than the first line names"))
            else:
                found.append((line, _entry(languages, cells)))
    except csv.Error as error:
        mistakes.append(Mistake(begins, f"This cannot be read as columns: {error}"))
    if not languages:
        mistakes.append(Mistake(1, "The file is empty"))
    if mistakes:
        raise InvalidFrontMatter(*mistakes)
    return found


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _languages(cells: list[str], line: int) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    if sorted(names) != sorted(COLUMNS):
        raise InvalidFrontMatter(
            Mistake(line, "The first line names the columns: english and spanish, tab between")
        )
    return [COLUMNS[name] for name in names]


def _entry(languages: list[str], cells: list[str]) -> GlossaryEntry:
    return GlossaryEntry(
        tuple(
            (language, term.strip())
            for language, cell in zip(languages, cells, strict=False)
            for term in cell.split(BETWEEN_TERMS)
            if term.strip()
        )
    )
