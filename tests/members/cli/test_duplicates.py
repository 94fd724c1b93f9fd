import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from psgflask.members import erasure

Run = Callable[..., Result]
ANA = ("add", "--membership", "waged", "--name", "Ana Ruiz", "--postcode", "LS1 4DY")


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `flask members` with some words, for Ana Ruiz, who applied twice on paper."""

    def run(*words: str, fails: bool = False) -> Result:
        result = app.test_cli_runner().invoke(args=("members", *words))
        assert (result.exit_code != 0) == fails, result.output
        return result

    run(*ANA, "--payment", "cheque")
    run(*ANA, "--payment", "cash", "--address", "Leeds")
    return run


def numbers(run: Run, *words: str) -> list[str]:
    return [row["number"] for row in json.loads(run("list", *words, "--json").output)]


def test_two_records_are_joined_and_separated(run: Run) -> None:
    output = run("join", "10024", "10019").output
    assert "Joined Ana Ruiz (PSG 1002-4) to Ana Ruiz (PSG 1001-9)" in output
    assert 'To undo it: flask members separate "PSG 1002-4"' in output
    assert "PSG 1002-4 has something else for: address" in output
    assert numbers(run) == ["PSG 1001-9"]
    assert numbers(run, "--state", "joined") == ["PSG 1002-4"]
    assert numbers(run, "--doubles") == []
    assert "joined" in run("find", "1002").output
    for words in (("note", "10024", "Rang"), ("erase", "10024", "--yes")):
        assert "was joined to PSG 1001-9" in run(*words, fails=True).output
    assert "Separated Ana Ruiz (PSG 1002-4) from" in run("separate", "10024").output
    assert numbers(run) == ["PSG 1002-4", "PSG 1001-9"]
    assert numbers(run, "--doubles") == ["PSG 1002-4"]


def test_s27_an_erasure_names_those_who_were_joined_and_erases_them(app: Flask, run: Run) -> None:
    run("join", "10024", "10019")
    asked = app.test_cli_runner().invoke(args=("members", "erase", "10019"), input="n\n")
    assert "Erase Ana Ruiz (PSG 1001-9), and with them Ana Ruiz (PSG 1002-4)?" in asked.output
    output = run("erase", "10019", "--yes").output
    assert "Erased PSG 1001-9\nErased PSG 1002-4\n" in output
    assert numbers(run) == []
    listed = Path(app.instance_path, erasure.LIST_FILE).read_text("utf-8")
    assert ("PSG 1001-9" in listed, "PSG 1002-4" in listed) == (True, True)


def test_who_is_somebody_else_is_no_longer_listed_as_a_possible_duplicate(run: Run) -> None:
    assert "is somebody else" in run("not-same", "10024").output
    assert numbers(run, "--doubles") == []
    run("not-same", "10024", "--undo")
    assert numbers(run, "--doubles") == ["PSG 1002-4"]
    assert "not marked" in run("not-same", "10019", fails=True).output
