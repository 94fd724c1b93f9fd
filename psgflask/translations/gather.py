"""Gathers the messages of the code and the templates into the catalogues: `make messages`.

Run from a checkout. Translations stay; new messages come in empty, and those that no source has
any more go. Nothing is guessed: a message whose English changed is a new one.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
SOURCES = {
    "psgflask": [("**.py", "python")],
    "templates": [("**.html", "jinja2"), ("**.xml", "jinja2"), ("**.txt", "jinja2")],
}
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None}
HEADER = """\
# The words of the site in another language. After changing the code or a template: make messages
msgid ""
msgstr ""
"Language: {locale}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
WIDTH = 96


def from_sources(checkout: Path = CHECKOUT) -> Catalog:
    """Return the messages that the code and the templates use, each with where."""
    found = Catalog()
    for folder, method_map in SOURCES.items():
        for file, line, message, comments, context in sorted(
            extract_from_dir(checkout / folder, method_map, keywords=KEYWORDS),
            key=lambda each: each[:2],
        ):
            found.add(message, None, [(f"{folder}/{file}", line)], (), comments, context=context)
    return found


def catalogues(folder: Path = HERE) -> Iterator[Path]:
    """Give the catalogue file of each language."""
    yield from sorted(folder.glob("*/LC_MESSAGES/*.po"))


def load(file: Path) -> Catalog:
    """Read a catalogue file."""
    with file.open("rb") as lines:
        return read_po(lines, locale=file.parent.parent.name)


def brought_up_to_date(catalogue: Catalog, sources: Catalog) -> Catalog:
    """Return a catalogue that has the sources' messages, translated as far as it knows them."""
    fresh = Catalog(locale=catalogue.locale, fuzzy=False)
    for message in sources:
        if not message.id:
            continue
        known = catalogue.get(message.id, message.context)
        fresh.add(
            message.id,
            known.string if known else "",
            message.locations,
            context=message.context,
        )
    return fresh


def write(file: Path, catalogue: Catalog) -> None:
    """Write a catalogue file, sorted, naming files without lines: those move with every edit."""
    header = HEADER.format(locale=catalogue.locale, plurals=catalogue.plural_forms)
    with file.open("wb") as lines:
        lines.write(header.encode())
        write_po(
            lines, catalogue, width=WIDTH, omit_header=True, sort_output=True, include_lineno=False
        )


def main() -> int:
    """Bring every catalogue up to date; return how many messages wait for a translation."""
    sources = from_sources()
    waiting = 0
    for file in catalogues():
        fresh = brought_up_to_date(load(file), sources)
        write(file, fresh)
        empty = [message.id for message in fresh if message.id and not any(strings(message.string))]
        waiting += len(empty)
        sys.stdout.write(f"{file.relative_to(CHECKOUT)}: {len(fresh)} messages\n")
        sys.stdout.writelines(f"  to be translated: {message}\n" for message in empty)
    return waiting


def strings(translation: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """Return a translation as its forms: one, or one for each plural."""
    if not translation:
        return ()
    return (translation,) if isinstance(translation, str) else tuple(translation)


if __name__ == "__main__":
    sys.exit(main() > 0)
