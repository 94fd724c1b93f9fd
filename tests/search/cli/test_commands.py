"""`flask search`: rebuild, check, repair."""

from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from psgflask.news.models import Article
from psgflask.search.sync import indexer
from tests import factories
from tests.search import indexes


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["search", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def drift(session: Session) -> None:
    """Change an article behind the ORM."""
    factories.articles(session, 2)
    session.execute(
        update(Article)
        .where(Article.id == 1)
        .values(body="Other words")
        .execution_options(synchronize_session=False)
    )
    session.commit()


def test_rebuild_makes_the_index_and_says_how_many_articles_it_holds(
    app: Flask, session: Session
) -> None:
    drift(session)
    code, output = run(app, "rebuild")
    assert code == 0
    assert "2 articles" in output
    assert not indexer.check(app)


def test_check_reports_an_index_in_step(app: Flask, session: Session) -> None:
    factories.articles(session, 2)
    code, output = run(app, "check")
    assert code == 0
    assert "agree" in output


def test_check_exits_with_1_when_the_index_differs_and_changes_nothing(
    app: Flask, session: Session
) -> None:
    drift(session)
    before = indexes.store(app).generation_token()
    code, output = run(app, "check")
    assert code == 1
    assert "1 are out of date" in output
    assert "--repair" in output
    assert indexes.store(app).generation_token() == before


def test_check_with_repair_repairs_the_index(app: Flask, session: Session) -> None:
    drift(session)
    code, output = run(app, "check", "--repair")
    assert code == 0
    assert "Mended" in output
    assert run(app, "check")[0] == 0


def test_check_of_no_index_at_all_misses_everything_and_repairs_it(
    app: Flask, session: Session
) -> None:
    factories.articles(session, 2)
    (indexer.store(app).folder / "current").unlink()
    code, output = run(app, "check")
    assert code == 1
    assert "2 articles are missing" in output
    assert run(app, "check", "--repair")[0] == 0
    assert len(indexer.store(app).hashes()) == 2
