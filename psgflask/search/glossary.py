"""The glossary: terms that mean the same in English and Spanish; the only writer of its table.

A glossary file has a concept a line, its English terms and its Spanish terms:

    english                               spanish
    prior consultation                    consulta previa
    environmental impact assessment|EIA   estudio de impacto ambiental|EIA

The columns are separated by tabs, commas or semicolons, as in the first line, the terms of a column
by a vertical bar. Empty lines and lines that begin with # are ignored.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.file_mistakes import InvalidFile, Mistake
from psgflask.core.folding import normalise
from psgflask.core.language_names import LANGUAGES
from psgflask.search.models import GlossaryTerm
from psgflask.search.query.expansion import ConceptTerm, Glossary, folded_words

SHIPPED = Path(__file__).with_name("glossary.tsv")
MAX_LENGTH, MAX_WORDS = 80, 12  # of a term
MAX_TERMS = 12  # of a concept
COLUMNS = {"english": "en", "spanish": "es"}
BETWEEN_COLUMNS = "\t,;"
BETWEEN_TERMS = "|"
MAX_FILE = 2_000_000  # bytes


class GlossaryRefused(ValueError):
    """A change of the glossary is refused; the message says why."""


@dataclass(frozen=True)
class GlossaryEntry:
    """Terms that mean the same, each with its language."""

    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GlossaryChange:
    """A concept after a change, and which of its texts were added or removed."""

    terms: tuple[ConceptTerm, ...]
    texts: tuple[str, ...]


class GlossaryCache:
    """The glossary in the memory of a process, read again when the content stamp has changed."""

    def __init__(self) -> None:
        self._cached: tuple[int, Glossary] | None = None

    def get(self, session: Session, stamp: int) -> Glossary:
        """Return the glossary as of a content stamp."""
        cached = self._cached
        if cached is None or cached[0] != stamp:
            cached = self._cached = stamp, Glossary(concepts(session))
        return cached[1]


def concepts(session: Session) -> list[list[ConceptTerm]]:
    """Return the terms of each concept, in the order in which they were added."""
    rows = session.execute(
        select(GlossaryTerm.concept, GlossaryTerm.text, GlossaryTerm.language)
        .where(GlossaryTerm.removed.is_(False))
        .order_by(GlossaryTerm.concept, GlossaryTerm.id)
    )
    return [
        _terms((text, language) for _number, text, language in found)
        for _number, found in groupby(rows, key=lambda row: row[0])
    ]


def _terms(rows: Iterable[tuple[str, str]]) -> list[ConceptTerm]:
    """Merge terms that are the same in both languages."""
    languages: dict[str, set[str]] = {}
    for text, language in rows:
        languages.setdefault(text, set()).add(language)
    return [ConceptTerm(text, frozenset(spoken)) for text, spoken in languages.items()]


def add_missing(session: Session, file: Path = SHIPPED) -> int:
    """Add the concepts that every installation begins with; return how many were missing.

    A concept of which any term is or was in the glossary stays as volunteers left it. Flushes,
    never commits.
    """
    book = GlossaryEditor(session)
    missing = [
        entry
        for _line, entry in read_entries(file)
        if not any(book.knows(text) for _language, text in entry.terms)
    ]
    for entry in missing:
        book.add(entry)
    session.flush()
    return len(missing)


class GlossaryEditor:
    """Changes the glossary. The caller flushes and commits."""

    def __init__(self, session: Session) -> None:
        self.session = session
        rows = session.scalars(select(GlossaryTerm).order_by(GlossaryTerm.id))
        self._rows = {(row.folded, row.language): row for row in rows}
        self._concepts: dict[int, list[GlossaryTerm]] = {}
        for row in self._rows.values():
            self._concepts.setdefault(row.concept, []).append(row)

    def knows(self, text: str) -> bool:
        """Return whether a term is or ever was in the glossary, in any language."""
        return bool(self._named(_folded(text)))

    def add(self, entry: GlossaryEntry) -> GlossaryChange:
        """Add terms that mean the same, to the concept that has one of them or as a new one.

        Raises GlossaryRefused, before anything is changed.
        """
        wanted = [(language, _checked(text)) for language, text in entry.terms]
        keys = {_folded(text) for _language, text in wanted}
        concept = self._concept_of(keys)
        number = len(keys | {row.folded for row in self._of(concept)})
        if number < 2:
            raise GlossaryRefused("A concept has two terms or more: name what means the same")
        if number > MAX_TERMS:
            raise GlossaryRefused(f"A concept has {MAX_TERMS} terms at most")
        added = [text for language, text in wanted if self._put(concept, language, text)]
        return GlossaryChange(tuple(self._terms(concept)), tuple(dict.fromkeys(added)))

    def remove(self, text: str, *, whole: bool = False) -> GlossaryChange:
        """Remove a term, or its `whole` concept; a concept of one term left is removed too.

        Raises GlossaryRefused when there is no such term.
        """
        key = _folded(text)
        found = [row for row in self._named(key) if not row.removed]
        if not found:
            raise GlossaryRefused(f"There is no term {text!r}.{self._nearest(key)}")
        there = self._of(found[0].concept)
        if whole or len({row.folded for row in there} - {key}) < 2:
            found = there
        for row in found:
            row.removed = True
        removed = tuple(dict.fromkeys(row.text for row in found))
        return GlossaryChange(tuple(self._terms(found[0].concept)), removed)

    def _named(self, key: str) -> list[GlossaryTerm]:
        return [self._rows[key, each] for each in LANGUAGES if (key, each) in self._rows]

    def _concept_of(self, keys: set[str]) -> int:
        """Return the number of the concept with one of these terms, else of a new one."""
        there = [row for key in sorted(keys) for row in self._named(key) if not row.removed]
        having = {row.concept: row.text for row in there}
        if len(having) > 1:
            first, second, *_others = having.values()
            raise GlossaryRefused(
                f"{first!r} and {second!r} are of two concepts already: remove one of them first"
            )
        return next(iter(having), max(self._concepts, default=0) + 1)

    def _of(self, concept: int) -> list[GlossaryTerm]:
        return [row for row in self._concepts.get(concept, ()) if not row.removed]

    def _terms(self, concept: int) -> list[ConceptTerm]:
        return _terms((row.text, row.language) for row in self._of(concept))

    def _put(self, concept: int, language: str, text: str) -> bool:
        """Write a term; return whether that changed anything."""
        key = _folded(text)
        row = self._rows.get((key, language))
        if row is None:
            row = GlossaryTerm(
                concept=concept, language=language, text=text, folded=key, removed=False
            )
            self.session.add(row)
            self._rows[key, language] = row
        elif (row.text, row.removed) == (text, False):
            return False
        else:
            self._concepts[row.concept].remove(row)
            row.concept, row.text, row.removed = concept, text, False
        self._concepts.setdefault(concept, []).append(row)
        return True

    def _nearest(self, key: str) -> str:
        known = {row.folded: row.text for row in self._rows.values() if not row.removed}
        near = [known[each] for each in get_close_matches(key, known, n=3)]
        return f" Did you mean {' or '.join(near)}?" if near else ""


def import_entries(
    session: Session, entries: Sequence[tuple[int, GlossaryEntry]]
) -> list[GlossaryChange]:
    """Add the concepts of a file, each with its line; flushes.

    Raises InvalidFile with all that is wrong, whereupon the caller rolls back.
    """
    book = GlossaryEditor(session)
    changed, mistakes = [], []
    for line, entry in entries:
        try:
            changed.append(book.add(entry))
        except GlossaryRefused as refusal:
            mistakes.append(Mistake(line, str(refusal)))
    if mistakes:
        raise InvalidFile(*mistakes)
    session.flush()
    return changed


def _folded(text: str) -> str:
    return " ".join(folded_words(text))


def _checked(text: str) -> str:
    """Return a term with its spaces normalised. Raises GlossaryRefused."""
    tidy = " ".join(normalise("NFC", text).split())
    number = len(folded_words(tidy))
    if not number or not tidy.isprintable():
        raise GlossaryRefused(f"{text!r} is no term: write a word or more")
    if len(tidy) > MAX_LENGTH or number > MAX_WORDS:
        raise GlossaryRefused(
            f"{tidy[:40]!r} is too long: a term has {MAX_WORDS} words or {MAX_LENGTH} characters"
            " at most"
        )
    return tidy


def read_entries(file: Path) -> list[tuple[int, GlossaryEntry]]:
    """Return (line, concept) of each concept of a file.

    Raises InvalidFile with every mistake, and OSError.
    """
    with file.open("rb") as opened:
        read = opened.read(MAX_FILE + 1)
    if len(read) > MAX_FILE:
        raise InvalidFile(Mistake(1, "A file of the glossary has 2 MB at most"))
    try:
        text = read.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = read[: error.start].count(b"\n") + 1
        raise InvalidFile(Mistake(line, "This is no UTF-8: save the file as UTF-8")) from error
    head = next((line for line in text.splitlines() if _has_content(line)), "")
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
            if not _has_content("".join(cells)):
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
        raise InvalidFile(*mistakes)
    return found


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _languages(cells: list[str], line: int) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    if sorted(names) != sorted(COLUMNS):
        raise InvalidFile(
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
