"""`flask search glossary`: add, remove, list, import."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.search.models import GlossaryTerm
from tests.search.glossaries import run, terms


def test_terms_are_added_listed_and_removed(app: Flask, session: Session) -> None:
    code, output = run(app, "add", "--en", " prior  consultation ", "--es", "consulta previa")
    assert code == 0
    assert "prior consultation (en) = consulta previa (es)" in output
    run(app, "add", "--en", "EIA", "--es", "EIA", "--es", "estudio de impacto ambiental")
    code, output = run(app, "list")
    assert output.index("EIA") < output.index("prior consultation")
    assert "2 concepts" in output
    assert "consulta" not in run(app, "list", "impacto")[1]
    assert json.loads(run(app, "list", "CONSÚLTA", "--json")[1]) == [
        {"en": ["prior consultation"], "es": ["consulta previa"]}
    ]
    code, output = run(app, "remove", "eia", "--concept")
    assert code == 0
    assert terms(session) == [{"prior consultation", "consulta previa"}]


def test_terms_join_the_concept_that_has_one_of_them(app: Flask, session: Session) -> None:
    run(app, "add", "--en", "highlands", "--es", "sierra")
    run(app, "add", "--es", "SIERRA", "--es", "serranía")
    assert terms(session) == [{"highlands", "SIERRA", "serranía"}]
    code, output = run(app, "add", "--en", "highlands")
    assert code == 0
    assert "there already" in output


def test_terms_of_two_concepts_cannot_be_joined_unawares(app: Flask, session: Session) -> None:
    run(app, "add", "--en", "highlands", "--es", "sierra")
    run(app, "add", "--en", "jungle", "--es", "selva")
    code, output = run(app, "add", "--en", "highlands", "--es", "selva")
    assert code == 1
    assert "'highlands' and 'selva' are of two concepts" in output
    assert "Nothing was changed" in output
    assert terms(session) == [{"highlands", "sierra"}, {"jungle", "selva"}]


def test_a_concept_of_which_one_term_is_left_is_removed(app: Flask, session: Session) -> None:
    run(app, "add", "--en", "highlands", "--es", "sierra", "--es", "serranía")
    assert "Left: highlands (en) = serranía (es)" in run(app, "remove", "Sierra")[1]
    run(app, "remove", "highlands")
    assert terms(session) == []
    assert run(app, "add", "--en", "highlands", "--es", "sierra")[0] == 0
    assert terms(session) == [{"highlands", "sierra"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add"], "Name the terms"),
        (["add", "--en", "highlands"], "two terms or more"),
        (["add", "--en", "sierra", "--es", "Sierrá"], "two terms or more"),
        (["add", "--en", "!?", "--es", "sierra"], "'!?' is no term"),
        (["add", "--en", "a\0b", "--es", "sierra"], "is no term"),
        (["add", "--en", "x" * 81, "--es", "sierra"], "is too long"),
        (["add", "--en", "a " * 13, "--es", "sierra"], "is too long"),
        (["add", *(part for n in range(13) for part in ("--en", f"a{n}"))], "12 terms at most"),
        (["remove", "prior consultatoin"], "There is no term 'prior consultatoin'. Did you mean"),
        (["remove", "!"], "There is no term '!'."),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    app: Flask, session: Session, words: list[str], said: str
) -> None:
    run(app, "add", "--en", "prior consultation", "--es", "consulta previa")
    code, output = run(app, *words)
    assert code in {1, 2}
    assert said in output
    assert terms(session) == [{"prior consultation", "consulta previa"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("english\tspanish\nhighlands\tsierra\n", [{"highlands", "sierra"}]),
        (
            "\ufeffSpanish,English\r\n\r\n# a remark\r\nsierra|serranía,highlands",
            [{"sierra", "serranía", "highlands"}],
        ),
        ('english;spanish\n"free, prior consent";consentimiento\n\tEIA', None),
        ("english,spanish\n,sierra|serranía\n", [{"sierra", "serranía"}]),
    ],
)
def test_a_file_is_imported(
    app: Flask, session: Session, tmp_path: Path, text: str, expected: list[set[str]] | None
) -> None:
    file = tmp_path / "terms.csv"
    file.write_text(text, "utf-8", newline="")
    code, output = run(app, "import", str(file))
    if expected is None:
        assert (code, terms(session)) == (2, [])
        assert "line 3: A concept has two terms or more" in output
        return
    assert code == 0, output
    assert terms(session) == expected
    assert (
        "Added 0 terms of 0 concepts. 1 lines were there already"
        in run(app, "import", str(file))[1]
    )


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", [1]),
        (b"\n# nothing\n", [1]),
        (b"a,b\nc,d\n", [1]),
        (b"english,english\nc,d\n", [1]),
        (b"english,spanish\nok,bien\nalone\n!,?\none,two,three\n", [5]),
        (b"english,spanish\nok,bien\nalone\n!,?\n", [3, 4]),
        (b'english,spanish\n"a\nb",bien\nalone,\n', [4]),
        (b"english,spanish\nok,bien\nhighlands,sierra\nok,sierra\n", [4]),
        ("english,spanish\nhighlands,serranía\n".encode("latin-1"), [2]),
        (b"english,spanish\n" + b"x" * 140_000 + b",sierra\n", [2]),
    ],
)
def test_a_file_with_mistakes_changes_nothing_and_each_is_reported_with_its_line(
    app: Flask, session: Session, tmp_path: Path, data: bytes, lines: list[int]
) -> None:
    run(app, "add", "--en", "prior consultation", "--es", "consulta previa")
    file = tmp_path / "terms.csv"
    file.write_bytes(data)
    code, output = run(app, "import", str(file))
    assert code == 2, output
    assert [int(number) for number in re.findall(r"line (\d+): ", output)] == lines
    assert "Nothing was changed" in output
    assert terms(session) == [{"prior consultation", "consulta previa"}]


def test_a_missing_file_is_reported(app: Flask, tmp_path: Path) -> None:
    code, output = run(app, "import", str(tmp_path / "none.tsv"))
    assert code == 1
    assert "No such file" in output


def test_a_removed_term_stays_in_the_table(app: Flask, session: Session) -> None:
    run(app, "add", "--en", "highlands", "--es", "sierra")
    run(app, "remove", "sierra")
    session.rollback()
    assert [row.removed for row in session.scalars(select(GlossaryTerm))] == [True, True]
