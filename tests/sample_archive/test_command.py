"""`make sample-archive`."""

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news.models import Article
from psgflask.search.sync import indexer
from tests.sample_archive.__main__ import sample_archive


def size(session: Session) -> int:
    number = session.scalar(select(func.count(Article.id))) or 0
    session.rollback()  # outside a request every transaction takes the write lock
    return number


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(sample_archive, arguments)


def test_sample_archive_loads_and_indexes(app: Flask, session: Session) -> None:
    result = run(app, "--articles", "30")
    assert "Added 30 synthetic articles; 0 were there already" in result.output
    assert size(session) == 30
    assert not indexer.check(app)


def test_sample_archive_continues_where_it_stopped(app: Flask, session: Session) -> None:
    run(app, "--articles", "10", "--no-index")
    result = run(app, "--articles", "15", "--no-index")
    assert "Added 5 synthetic articles; 10 were there already" in result.output
    assert size(session) == 15


@pytest.mark.parametrize("wrong", [["--articles", "0"], ["--articles", "many"], []])
def test_a_wrong_number_is_refused_with_usage(app: Flask, wrong: list[str]) -> None:
    result = run(app, *wrong)
    assert result.exit_code == 2
    assert "--articles" in result.output
