"""`flask sample add`, also by its former name `flask sample-content`."""

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.news.models import Article
from psgflask.search.sync import indexer
from tests import factories


def size(session: Session) -> int:
    number = session.scalar(select(func.count(Article.id))) or 0
    session.rollback()  # outside a request every transaction takes the write lock
    return number


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_sample_content_says_what_it_did_and_does_it_once(app: Flask, session: Session) -> None:
    assert "Added the sample content" in run(app, "sample-content")
    assert size(session) == 14
    assert "there already" in run(app, "sample", "add")
    assert size(session) == 14


def test_sample_content_is_in_the_index(app: Flask) -> None:
    run(app, "sample-content")
    assert not indexer.check(app)


def test_an_installation_with_news_of_its_own_gets_no_sample_content(
    app: Flask, session: Session
) -> None:
    factories.article(session, "Our own")
    run(app, "sample", "add", "--if-empty")
    assert size(session) == 1


def test_an_empty_installation_gets_the_sample_content(app: Flask, session: Session) -> None:
    run(app, "sample", "add", "--if-empty")
    assert size(session) == 14
