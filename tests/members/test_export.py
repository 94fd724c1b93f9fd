"""S13: no cell of an exported table is a formula, and each can be restored."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members import export
from psgflask.members.export import AT_FIRST, DROPPED, ENDS, ESCAPE, FORMULA

SIGNS = '=+-@\t\r\n\'＝＋－＠﹢﹣﹦﹫⁺⁼|%\u200b\ufeff\xa0\x85\u2028\v """\\;;:,x0é'
CELLS = st.one_of(st.text(), st.text(alphabet=SIGNS, max_size=6))
BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# How whoever reads the table undoes the escaping.
_ESCAPED = re.compile(
    rf"(?:\A|(?<=[{ENDS}])){ESCAPE}(?=[{DROPPED}]*[{FORMULA}])"
    rf"|\A{ESCAPE}(?=[{DROPPED}]*[{AT_FIRST}])"
)


def written(rows: list[dict[str, str]], columns: list[str]) -> str:
    file = io.StringIO(newline="")
    export.write(rows, columns, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "|x",
        "%x",
        " =1",
        '"=1',
        "\xad=1",
        "\u3164=1",
        "\ufe0f=1",
        "\u200b=1",
        "\ufeff=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "﹢1",
        "﹦1",
        '=cmd|"/C calc"!A0',
        "=HYPERLINK(1)",
        "+44 113 496 0000",
    ],
)
def test_s13_a_cell_that_looks_like_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert export.escape_cell(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell", ["", "Ana", "'t Hooft", "O'Brien", "'", "''", "1=1", "a@b.org", "5-7"]
)
def test_s13_a_cell_that_looks_like_none_is_unchanged(cell: str) -> None:
    assert export.escape_cell(cell) == cell


@pytest.mark.parametrize(
    ("cell", "guarded"),
    [
        ("Ana;=1", "Ana;'=1"),
        ("Ana; =1;x;@y", "Ana;' =1;x;'@y"),
        ("Ana\t=1", "Ana\t'=1"),
        ("Ana|+1", "Ana|'+1"),
        ("Ana,-1", "Ana,'-1"),
        ("Leeds\n=1\r-1\u2028@x", "Leeds\n'=1\r'-1\u2028'@x"),
        ('Ana;"=1', "Ana;'\"=1"),
        ("Ana；＝1", "Ana；'＝1"),
        ("\t=1", "'\t'=1"),
        ("\n=1", "'\n'=1"),
        ("Ana;'=1", "Ana;''=1"),
        ("Leeds\nLS1 1AA", "Leeds\nLS1 1AA"),
        ("Luis; Ana-María; J. O'Neill", "Luis; Ana-María; J. O'Neill"),
        ("Flat 3 - 12 High Street, Leeds", "Flat 3 - 12 High Street, Leeds"),
    ],
)
def test_s13_so_does_a_part_of_a_cell_that_a_program_with_other_settings_splits(
    cell: str, guarded: str
) -> None:
    assert export.escape_cell(cell) == guarded


def begins_a_formula(cell: str) -> bool:
    """Say whether a program could take a cell for a formula, however much of it it drops first."""
    # Where a quote within a cell is taken for the first of one, the end of a row is part of it.
    cell = cell.removeprefix("\r\n")
    if cell.startswith(BEGINS_FORMULA):
        return True
    shown = cell.strip('"＂ \u200b\ufeff\xa0\xad\u2060\x00\x1b\n\v\f\x85')
    return unicodedata.normalize("NFKC", shown).lstrip().startswith(BEGINS_FORMULA)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ":"])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=3))
def test_s13_no_cell_is_a_formula_whichever_separator_a_program_takes(
    separator: str, cells: list[tuple[str, str, str]]
) -> None:
    text = written([dict(zip("abc", row, strict=True)) for row in cells], ["a", "b", "c"])
    readers: list[Iterable[list[str]]] = [
        csv.reader(io.StringIO(text, newline=""), delimiter=separator),
        csv.reader(text.splitlines(), delimiter=separator),
        csv.reader(text.splitlines(), delimiter=separator, quoting=csv.QUOTE_NONE),
        (line.split(separator) for line in text.splitlines()),
    ]
    for reader in readers:
        found = [cell for row in reader for cell in row if begins_a_formula(cell)]
        assert found == []


def test_s13_every_character_that_nfkc_turns_into_a_formula_is_escaped() -> None:
    for code in range(0x110000):
        sign = chr(code)
        if unicodedata.normalize("NFKC", sign)[:1] in "=+-@":
            assert export.escape_cell(sign) == "'" + sign, hex(code)
        elif unicodedata.normalize("NFKC", sign)[:1] in ",;|:":
            assert "'=" in export.escape_cell(f"x{sign}=1") or sign == "⩴", hex(code)
        elif unicodedata.category(sign) in {"Zs", "Zl", "Zp", "Cc"}:
            assert (
                "'=" in export.escape_cell(f"{sign}=1") or export.escape_cell(f"{sign}=1")[0] == "'"
            )


@given(CELLS)
def test_s13_no_exported_cell_begins_a_formula(cell: str) -> None:
    out = export.escape_cell(cell)
    assert not out.startswith(BEGINS_FORMULA)
    assert not unicodedata.normalize("NFKC", out).lstrip().startswith(BEGINS_FORMULA)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_s13_every_cell_can_be_restored(cells: list[tuple[str, str]]) -> None:
    text = written([dict(zip("ab", row, strict=True)) for row in cells], ["a", "b"])
    _names, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert [tuple(_ESCAPED.sub("", cell) for cell in row) for row in rows] == cells


def test_s13_every_cell_is_quoted() -> None:
    text = written([{"a": "1", "b": 'x"y'}], ["a", "b"])
    assert text == '"a","b"\r\n"1","x""y"\r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ["1", 'x"y']]
