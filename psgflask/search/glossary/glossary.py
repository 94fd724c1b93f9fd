"""The glossary: what the same thing is called in English and Spanish; the only writer of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.folding import normalize
from psgflask.core.language_names import LANGUAGES
from psgflask.manuscript.front_matter import InvalidFrontMatter, Mistake
from psgflask.search.glossary.glossary_file import GlossaryEntry, read_entries
from psgflask.search.models import GlossaryTerm
from psgflask.search.query.expansion import ConceptTerm, Glossary, folded_words

SHIPPED = Path(__file__).with_name("glossary.tsv")
LONGEST, MOST_WORDS = 80, 12
MOST_TERMS = 12  # of one concept


class GlossaryRefused(ValueError):
    """The glossary cannot be changed so; the message says why."""


@dataclass(frozen=True)
class GlossaryChange:
    """A concept as it is now, and which of its texts were added or removed."""

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
    """Put together what is called the same in both languages."""
    languages: dict[str, set[str]] = {}
    for text, language in rows:
        languages.setdefault(text, set()).add(language)
    return [ConceptTerm(text, frozenset(spoken)) for text, spoken in languages.items()]


def add_missing(session: Session, file: Path = SHIPPED) -> int:
    """Add the concepts that every installation begins with; return how many were missing.

    One of which any term is or was in the glossary stays as volunteers have left it. Flushes,
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
    """The glossary open for changing. Whoever changes it flushes, and the caller commits."""

    def __init__(self, session: Session) -> None:
        self.session = session
        rows = session.scalars(select(GlossaryTerm).order_by(GlossaryTerm.id))
        self._rows = {(row.folded, row.language): row for row in rows}
        self._concepts: dict[int, list[GlossaryTerm]] = {}
        for row in self._rows.values():
            self._concepts.setdefault(row.concept, []).append(row)

    def knows(self, text: str) -> bool:
        """Say whether a term is or ever was in the glossary, in any language."""
        return bool(self._named(_folded(text)))

    def add(self, entry: GlossaryEntry) -> GlossaryChange:
        """Add terms that mean the same, to the concept that has one of them or as a new one.

        Nothing is changed when it raises GlossaryRefused.
        """
        wanted = [(language, _checked(text)) for language, text in entry.terms]
        keys = {_folded(text) for _language, text in wanted}
        concept = self._concept_of(keys)
        number = len(keys | {row.folded for row in self._of(concept)})
        if number < 2:
            raise GlossaryRefused("A concept has two terms or more: name what means the same")
        if number > MOST_TERMS:
            raise GlossaryRefused(f"A concept has {MOST_TERMS} terms at most")
        added = [text for language, text in wanted if self._put(concept, language, text)]
        return GlossaryChange(tuple(self._terms(concept)), tuple(dict.fromkeys(added)))

    def remove(self, text: str, *, whole: bool = False) -> GlossaryChange:
        """Remove a term, or its `whole` concept; so goes a concept of which one term is left.

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
        """Write a term, and say whether that changed anything."""
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
    """Add the concepts of a file, given with their lines; flushes.

    Raises InvalidFrontMatter with all that is wrong, whereupon the caller rolls back.
    """
    book = GlossaryEditor(session)
    changed, mistakes = [], []
    for line, entry in entries:
        try:
            changed.append(book.add(entry))
        except GlossaryRefused as refusal:
            mistakes.append(Mistake(line, str(refusal)))
    if mistakes:
        raise InvalidFrontMatter(*mistakes)
    session.flush()
    return changed


def _folded(text: str) -> str:
    return " ".join(folded_words(text))


def _checked(text: str) -> str:
    """Return a term tidied. Raises GlossaryRefused."""
    tidy = " ".join(normalize("NFC", text).split())
    number = len(folded_words(tidy))
    if not number or not tidy.isprintable():
        raise GlossaryRefused(f"{text!r} is no term: write a word or more")
    if len(tidy) > LONGEST or number > MOST_WORDS:
        raise GlossaryRefused(
            f"{tidy[:40]!r} is too long: a term has {MOST_WORDS} words or {LONGEST} signs at most"
        )
    return tidy
