"""S13: no cell of an exported table is a formula, and each comes back as it was."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members import export
from psgflask.members.export import TableUnreadable

SIGNS = "=+-@\t\r\n'＝＋－＠﹢﹣﹦﹫⁺⁼|%\u200b\ufeff \"\\;,x0é"
CELLS = st.one_of(st.text(), st.text(alphabet=SIGNS, max_size=6))
FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
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
    assert export.guarded(cell) == "'" + cell
    assert export.bare("'" + cell) == cell


@pytest.mark.parametrize(
    "cell", ["", "Ana", "'t Hooft", "O'Brien", "'", "''", "1=1", "a@b.org", "5-7"]
)
def test_s13_a_cell_that_looks_like_none_stays_as_it_is(cell: str) -> None:
    assert export.guarded(cell) == cell
    assert export.bare(cell) == cell


@given(CELLS)
def test_s13_no_exported_cell_begins_a_formula(cell: str) -> None:
    out = export.guarded(cell)
    assert not out.startswith(FORMULA)
    assert not unicodedata.normalize("NFKC", out).lstrip().startswith(FORMULA)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_s13_what_is_exported_comes_back_as_it_was(cells: list[tuple[str, str]]) -> None:
    rows = [{"name": name, "address": address} for name, address in cells]
    text = written(rows, ["name", "address"])
    assert list(export.read(io.StringIO(text, newline=""))) == rows


def test_s13_every_cell_is_quoted() -> None:
    text = written([{"a": "1", "b": 'x"y'}], ["a", "b"])
    assert text == '"a","b"\r\n"1","x""y"\r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ["1", 'x"y']]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ('"a","b"\r\n"1"\r\n', "1 cells, not 2"), ('"a"\r\n"1', "Line 2")],
)
def test_a_file_that_is_no_table_is_refused_with_the_line(text: str, words: str) -> None:
    with pytest.raises(TableUnreadable, match=words):
        list(export.read(io.StringIO(text, newline="")))
