"""The step that compiles the message catalogues."""

import os
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo

from psgflask.translations import compile as compiling

SPANISH = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "%s"\nmsgstr "%s"\n'
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """One Spanish catalogue in a folder of its own."""
    file = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    file.write_text(SPANISH % ("Search", "Buscar"), "utf-8")
    return file


def test_each_catalogue_is_compiled_beside_its_source(catalogue: Path, tmp_path: Path) -> None:
    (written,) = compiling.compile_all(tmp_path)
    assert written == catalogue.with_suffix(".mo")
    with written.open("rb") as compiled:
        assert {m.id: m.string for m in read_mo(compiled) if m.id} == {"Search": "Buscar"}


def test_what_is_compiled_already_is_left_alone_until_its_source_changes(
    catalogue: Path, tmp_path: Path
) -> None:
    compiling.compile_all(tmp_path)
    assert compiling.compile_all(tmp_path) == []
    later = catalogue.stat().st_mtime + 60
    os.utime(catalogue, (later, later))
    assert compiling.compile_all(tmp_path) == [catalogue.with_suffix(".mo")]
