"""The Spanish catalogue: nothing missing, nothing left in English, nothing out of date."""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from flask import Flask

from psgflask.translations import gather

[SPANISH] = [file for file in gather.catalogues() if file.parent.parent.name == "es"]
SAME = tomllib.loads((gather.HERE / "same.toml").read_text(encoding="utf-8"))
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z%]")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return gather.load(SPANISH)


@pytest.fixture(scope="module")
def sources() -> Catalog:
    return gather.from_sources()


def ids(catalogue: Catalog) -> set[tuple[str, ...]]:
    return {gather.strings(message.id) for message in catalogue if message.id}


def messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def test_every_message_of_the_sources_is_in_the_catalogue(
    catalogue: Catalog, sources: Catalog
) -> None:
    missing = ids(sources) - ids(catalogue)
    assert not missing, "run `make messages` and translate what it names"


def test_the_catalogue_holds_nothing_that_no_source_uses(
    catalogue: Catalog, sources: Catalog
) -> None:
    assert not ids(catalogue) - ids(sources), "run `make messages`"
    assert not catalogue.obsolete


def test_every_message_is_translated_in_every_number(catalogue: Catalog) -> None:
    for message in messages(catalogue):
        translated = gather.strings(message.string)
        assert len(translated) == (2 if message.pluralizable else 1), message.id
        assert all(translated), message.id


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    assert not [message.id for message in messages(catalogue) if message.fuzzy]


def test_no_translation_equals_the_english_without_a_reason(catalogue: Catalog) -> None:
    for message in messages(catalogue):
        for english, spanish in zip(
            gather.strings(message.id), gather.strings(message.string), strict=False
        ):
            assert spanish.strip() != english.strip() or SAME["es"].get(english), english


def test_the_list_of_equal_messages_holds_no_other(catalogue: Catalog) -> None:
    equal = {message.id for message in messages(catalogue) if message.id == message.string}
    assert set(SAME["es"]) == equal


def test_translations_keep_the_placeholders(catalogue: Catalog) -> None:
    for message in messages(catalogue):
        english = gather.strings(message.id)[-1]
        spanish = gather.strings(message.string)[-1]
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(spanish)), english


def test_spanish_questions_and_quotations_have_their_own_marks(catalogue: Catalog) -> None:
    for message in messages(catalogue):
        for text in gather.strings(message.string):
            assert text.count("?") == text.count("¿"), text
            assert not set("‘’“”") & set(text), text


def test_messages_of_lazy_texts_are_found(sources: Catalog) -> None:
    assert ("There is no page at this address",) in ids(sources)


def test_a_page_speaks_spanish_under_its_prefix(make_app: Callable[..., Flask]) -> None:
    client = make_app().test_client()
    page = client.get("/es/").text
    assert "Quiénes somos" in page
    assert "About us" not in page


def fresh_and_old() -> tuple[Catalog, Catalog]:
    old = Catalog(locale="es")
    old.add("News", "Noticias")
    old.add("Gone", "Ido")
    found = Catalog()
    found.add("News", locations=[("templates/base.html", 32)])
    found.add("New words", locations=[("templates/base.html", 40)])
    return gather.brought_up_to_date(old, found), old


def test_gathering_keeps_translations_adds_new_messages_and_drops_old_ones() -> None:
    fresh, _old = fresh_and_old()
    assert {message.id: message.string for message in messages(fresh)} == {
        "News": "Noticias",
        "New words": "",
    }


def test_a_written_catalogue_reads_back_and_names_files_without_lines(tmp_path: Path) -> None:
    fresh, _old = fresh_and_old()
    file = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    gather.write(file, fresh)
    assert ids(gather.load(file)) == ids(fresh)
    assert "#: templates/base.html\n" in file.read_text(encoding="utf-8")
