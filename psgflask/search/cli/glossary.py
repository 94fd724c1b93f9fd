"""`flask search glossary`: changes and lists the glossary."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import (
    echo,
    json_option,
    print_json,
    print_table,
    read_session,
    write_session,
)
from psgflask.search import glossary as rules
from psgflask.search.glossary import GlossaryEditor, GlossaryEntry, GlossaryRefused, read_entries
from psgflask.search.language import fold
from psgflask.search.query.expansion import ConceptTerm

SOON = "Searches know it within 10 seconds."

glossary = AppGroup("glossary", help="Terms that mean the same: who types one finds the others.")


@glossary.command()
@click.option("--en", multiple=True, metavar="TERM", help="An English term; may be repeated.")
@click.option("--es", multiple=True, metavar="TERM", help="A Spanish term; may be repeated.")
def add(en: tuple[str, ...], es: tuple[str, ...]) -> None:
    """Add terms that mean the same: --en "prior consultation" --es "consulta previa".

    Where one of them is in the glossary already the others join it. What is called the same in
    both languages is given twice: --en EIA --es EIA.
    """
    terms = (*(("en", term) for term in en), *(("es", term) for term in es))
    if not terms:
        raise click.UsageError("Name the terms: --en TERM --es TERM")
    with _writing() as session:
        changed = GlossaryEditor(session).add(GlossaryEntry(terms))
        session.commit()
    terms_now = _format(changed.terms)
    echo(f"Added: {terms_now}. {SOON}" if changed.texts else f"It is there already: {terms_now}")


@glossary.command()
@click.argument("term")
@click.option("--concept", is_flag=True, help="With all that means the same.")
def remove(term: str, concept: bool) -> None:
    """Remove TERM; what is left of its concept stays if that is two terms or more."""
    with _writing() as session:
        changed = GlossaryEditor(session).remove(term, whole=concept)
        session.commit()
    left = f" Left: {_format(changed.terms)}." if changed.terms else ""
    echo(f"Removed: {', '.join(changed.texts)}.{left} {SOON}")


@glossary.command("list")
@click.argument("words", default="")
@json_option
def list_terms(words: str, as_json: bool) -> None:
    """List the concepts, or those with WORDS in a term."""
    with read_session() as session:
        found = [
            concept
            for concept in rules.concepts(session)
            if any(fold(words) in fold(term.text) for term in concept)
        ]
    rows = [{language: _texts(concept, language) for language in LANGUAGES} for concept in found]
    rows.sort(key=lambda row: [fold(text) for texts in row.values() for text in texts])
    if as_json:
        print_json(rows)
        return
    print_table(("English", "Spanish"), [[" | ".join(texts) for texts in r.values()] for r in rows])
    echo(f"{len(rows)} concepts")


@glossary.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_file(file: Path) -> None:
    """Add the concepts of FILE, all of them or, if a line is wrong, none.

    Its first line names the columns, english and spanish, parted by tabs or commas; each line
    after it is a concept. Several terms of a language are parted by |.
    """
    with _writing(file) as session:
        try:
            entries = read_entries(file)
        except OSError as error:
            raise click.ClickException(f"Cannot read {file}: {error.strerror}") from error
        changed = [one for one in rules.import_entries(session, entries) if one.texts]
        session.commit()
    echo(
        f"Added {sum(len(one.texts) for one in changed)} terms of {len(changed)} concepts."
        f" {len(entries) - len(changed)} lines were there already. {SOON}"
    )


@contextmanager
def _writing(file: Path | None = None) -> Iterator[Session]:
    try:
        with write_session(file) as session:
            yield session
    except GlossaryRefused as refusal:
        raise click.ClickException(f"{refusal}\nNothing was changed.") from refusal


def _texts(terms: list[ConceptTerm], language: str) -> list[str]:
    return [term.text for term in terms if language in term.languages]


def _format(terms: tuple[ConceptTerm, ...]) -> str:
    return " = ".join(f"{term.text} ({', '.join(sorted(term.languages))})" for term in terms)
